"""`liandong recover`: repairs what a stopped service refused: its stored positions, or a database that is too old."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from liandong.cli.place import workflow_settings
from liandong.errors import ConfigError
from liandong.settings import Settings
from liandong.stream.recover import recover as recover_positions

if TYPE_CHECKING:
    from liandong.workflow.settings import WorkflowSettings


class Origin(StrEnum):
    """Where to go on."""

    BEGINNING = "beginning"
    END = "end"
    STORED = "stored"


def recover(
    service: Annotated[str, typer.Argument(help="Name of the service, for example flood.")],
    origin: Annotated[
        Origin | None,
        typer.Option(
            "--from", help="beginning: handle again what is kept; end: leave out what waits; stored: keep the offsets."
        ),
    ] = None,
    topic: Annotated[
        list[str] | None, typer.Option(help="Only this topic (name on the wire); may be repeated.")
    ] = None,
    world: Annotated[str, typer.Option(help="World; empty is the real one.")] = "",
) -> None:
    """Set the positions of a stopped service. Its state stays, and drops what it has seen before.

    Without --from: bring a workflow service's database that was restored from a copy up to what it has published since.
    """
    workflow = workflow_settings(service, world)
    if workflow is not None:
        _recover_workflow(workflow, service, origin, topic)
        return
    if origin is None:
        raise ConfigError(f"say where {service} goes on: --from beginning|end|stored")
    settings = Settings(world=world) if world else Settings()
    for one in recover_positions(settings, service, origin.value, topic):
        before = "none" if one.before is None else str(one.before)
        typer.echo(f"{one.topic}-{one.partition}: {before} -> {one.after}")


def _recover_workflow(
    settings: "WorkflowSettings", service: str, origin: Origin | None, topics: list[str] | None
) -> None:
    from liandong.workflow.recover import move, repair

    if origin is None:
        typer.echo(repair(settings, service))
        return
    for line in move(settings, service, origin.value, topics):
        typer.echo(line)
