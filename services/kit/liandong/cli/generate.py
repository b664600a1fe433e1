"""`liandong gen` and `liandong check`: what is generated from schemas, and whether a change breaks what others read."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(gen)
    app.command()(check)


def gen(
    check: Annotated[bool, typer.Option("--check", help="Change nothing; exit 1 when something is stale.")] = False,
) -> None:
    """Write records, topics, manifests and reference pages from schemas/ and protos/."""
    from liandong.codegen.__main__ import main

    code = main(["check" if check else "gen", "--root", str(Path())])
    if code:
        raise typer.Exit(code)


def check(
    against: Annotated[str, typer.Option(metavar="REF", help="Tag, branch or commit; default: the tags v*.")] = "",
    registry: Annotated[
        str, typer.Option(metavar="URL", help="Confluent API; default: the registry of this checkout, if it runs.")
    ] = "",
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Hold schemas and topics against the last release and the registry; exit 1 when a change breaks a reader."""
    from liandong.codegen.command import check, show

    outcome = check(Path(), against, registry or _running(), must_answer=bool(registry))
    if code := show(outcome, as_json=json):
        raise typer.Exit(code)


def _running() -> str:
    """Return the address of the registry of this checkout, else of the one in the settings, else nothing."""
    from liandong.cli.local import stack_of
    from liandong.settings import Settings

    stack = stack_of()
    if stack.is_running():
        return stack.addresses().registry_url
    settings = Settings()
    return settings.registry_url if "registry_url" in settings.model_fields_set else ""
