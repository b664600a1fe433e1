"""`liandong gen`: writes what is generated from schemas and topic files, or says what is stale."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(gen)


def gen(
    check: Annotated[bool, typer.Option("--check", help="Change nothing; exit 1 when something is stale.")] = False,
) -> None:
    """Write records, topics, manifests and reference pages from schemas/ and protos/."""
    from liandong.codegen.__main__ import main

    code = main(["check" if check else "gen", "--root", str(Path())])
    if code:
        raise typer.Exit(code)
