"""`liandong world`: a second set of the service processes with topics, state and ports of its own."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from liandong.cli.local import Env, console, settings_of, stack_of
from liandong.local import show

app = typer.Typer(no_args_is_help=True, help="Worlds for drills, demos and tests beside the real one.")

Name = Annotated[str, typer.Argument(help="Small letters, digits and '-', for example demo-1a2b.")]


@app.command("up")
def world_up(
    name: Name,
    clock_file: Annotated[Path | None, typer.Option(help="Shared scaled clock of this world.")] = None,
    env: Env = None,
    only: Annotated[list[str] | None, typer.Option(help="Start only this process; may be repeated.")] = None,
) -> None:
    """Start a world and wait until it is ready; prints its addresses as JSON."""
    stack = stack_of()
    # standard output carries the JSON and nothing else
    with show.StartView(Console(stderr=True), name) as view:
        at = stack.world(name, settings_of(env), clock_file, only=only, progress=view)
    _print(at)


@app.command("down")
def world_down(
    name: Name,
    delete: Annotated[
        bool, typer.Option("--delete", help="Also delete its topics, groups, subjects and data.")
    ] = False,
) -> None:
    """Stop a world's processes."""
    stack_of().world_down(name, delete=delete)
    console.print(f"{name} is down" + (" and deleted." if delete else "; its topics and data stay."), highlight=False)


@app.command("env")
def world_env(name: Annotated[str, typer.Argument(help="World; empty is the real one.")] = "") -> None:
    """Print a running world's addresses as JSON."""
    _print(stack_of().addresses(name))


def _print(value: object) -> None:
    print(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
