"""`liandong gen` and `liandong check`: what is generated from schemas, and whether a change breaks what others read."""

from pathlib import Path
from typing import Annotated

import typer

_GEN = typer.Typer(help="Write records, topics, manifests and reference pages from schemas/ and protos/.")


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(_GEN, name="gen")
    app.command()(check)


@_GEN.callback(invoke_without_command=True)
def gen(
    context: typer.Context,
    check: Annotated[bool, typer.Option("--check", help="Change nothing; exit 1 when something is stale.")] = False,
) -> None:
    """Write records, topics, manifests and reference pages from schemas/ and protos/."""
    from liandong.codegen.__main__ import main

    if context.invoked_subcommand is not None:
        return
    code = main(["check" if check else "gen", "--root", str(Path())])
    if code:
        raise typer.Exit(code)


@_GEN.command()
def manifests(
    tier: Annotated[str, typer.Option(help="city, district or community.")],
    world: Annotated[str, typer.Option(help="World of a drill, demo or test; empty is the real one.")] = "",
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write topics/ and users/ there; default: print all.")
    ] = None,
    authentication: Annotated[str, typer.Option(help="scram-sha-512 or tls.")] = "scram-sha-512",
) -> None:
    """Write the KafkaTopics and KafkaUsers of one tier in one world."""
    from liandong.codegen.files import load
    from liandong.codegen.manifests import emit_place, place_of

    files = emit_place(load(Path()), place_of(tier, world), authentication)
    if out is None:
        print("---\n".join(text for _, text in sorted(files.items())), end="")
        return
    for name, text in files.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(text, encoding="utf-8")
    print(f"{len(files)} files in {out}")


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
