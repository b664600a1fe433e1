"""`liandong migration`: drafts the next revision of a service's tables. For developers; it touches no database."""

import importlib
from typing import Annotated

import typer

from liandong.errors import ConfigError


def migration(
    service: Annotated[str, typer.Argument(help='The service object, "module:name", or "module:build()".')],
    message: Annotated[str, typer.Argument(help='What changes, for example "tasks have a place".')],
) -> None:
    """Write the next revision from what declared tables and revisions differ in. Read it before you keep it."""
    from liandong.workflow.api import WorkflowService
    from liandong.workflow.draft import draft

    module, _, name = service.partition(":")
    found = getattr(importlib.import_module(module), name.removesuffix("()"), None)
    declared = found() if name.endswith("()") and callable(found) else found
    if not isinstance(declared, WorkflowService) or declared.migrations is None:
        raise ConfigError(f"{service} is not a workflow service with a folder of migrations")
    path = draft(declared.tables, declared.migrations, message)
    typer.echo(f"nothing to change in {declared.name}" if path is None else f"wrote {path}")
