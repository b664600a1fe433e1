"""`liandong recover`: says where a stopped stream service goes on, after it refused its stored positions."""

from enum import StrEnum
from typing import Annotated

import typer

from liandong.settings import Settings
from liandong.stream.recover import recover as recover_positions


class Origin(StrEnum):
    """Where to go on."""

    BEGINNING = "beginning"
    END = "end"
    STORED = "stored"


def recover(
    service: Annotated[str, typer.Argument(help="Name of the stream service, for example flood.")],
    origin: Annotated[
        Origin,
        typer.Option(
            "--from", help="beginning: handle again what is kept; end: leave out what waits; stored: keep the offsets."
        ),
    ],
    topic: Annotated[
        list[str] | None, typer.Option(help="Only this topic (name on the wire); may be repeated.")
    ] = None,
    world: Annotated[str, typer.Option(help="World; empty is the real one.")] = "",
) -> None:
    """Set the positions of a stopped stream service. Its state stays, and drops what it has seen before."""
    settings = Settings(world=world) if world else Settings()
    for one in recover_positions(settings, service, origin.value, topic):
        before = "none" if one.before is None else str(one.before)
        typer.echo(f"{one.topic}-{one.partition}: {before} -> {one.after}")
