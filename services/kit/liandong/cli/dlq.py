"""`liandong dlq`: the open dead letters of a service; replay one to that service only, or skip it."""

from typing import Annotated, Protocol

import msgspec
import typer
from rich.table import Table

from liandong.cli.local import console
from liandong.cli.place import workflow_letters
from liandong.errors import ConfigError
from liandong.settings import Settings
from liandong.stream.dlq import DeadLetters, OpenLetter, shown
from liandong.wire import codec_of

app = typer.Typer(no_args_is_help=True, help="Dead letters of a service: look, replay, skip.")

Service = Annotated[str, typer.Argument(help="Name of the service, for example flood.")]
Names = Annotated[list[str] | None, typer.Argument(help="Dead letters, as `list` calls them.")]
All = Annotated[bool, typer.Option("--all", help="Every open dead letter.")]
World = Annotated[str, typer.Option(help="World; empty is the real one.")]
_WAIT_S = 20.0


class Letters(Protocol):
    """Where the dead letters of one kind of service are."""

    def open(self) -> list[OpenLetter]: ...  # noqa: D102
    def find(self, names: list[str]) -> list[OpenLetter]: ...  # noqa: D102
    def order(self, letters: list[OpenLetter], *, replay: bool) -> None: ...  # noqa: D102
    def wait(self, letters: list[OpenLetter], seconds: float) -> list[OpenLetter]: ...  # noqa: D102


def _letters(service: str, world: str) -> Letters:
    """Return a workflow service's, where its database is within reach, else a stream service's."""
    found = workflow_letters(service, world)
    if found is not None:
        return found
    settings = Settings(world=world) if world else Settings()
    return DeadLetters(settings, service, codec_of(settings))


@app.command("list")
def list_letters(service: Service, world: World = "") -> None:
    """List the open dead letters: what failed, why, how often, and how many events wait behind it."""
    table = Table("letter", "key", "reason", "attempts", "waiting", "error")
    letters = _letters(service, world).open()
    for one in letters:
        key = (one.record.key or b"").decode(errors="replace")
        table.add_row(one.name, key, one.record.reason, str(one.record.attempts), str(one.waiting), one.error)
    console.print(table if letters else f"{service} has no open dead letters.")


@app.command("show")
def show_letter(service: Service, name: Annotated[str, typer.Argument()], world: World = "") -> None:
    """Print one open dead letter as JSON, its value decoded where that can be done."""
    settings = Settings(world=world) if world else Settings()
    codec = codec_of(settings)
    (letter,) = _letters(service, world).find([name])
    text = msgspec.json.encode(shown(letter.record, codec) | {"error": letter.error})
    print(msgspec.json.format(text, indent=2).decode())


@app.command("replay")
def replay(service: Service, names: Names = None, every: All = False, world: World = "") -> None:
    """Have dead letters handled again by this service only, then what waited behind them, in order."""
    _order(service, names, every, world, again=True)


@app.command("skip")
def skip(service: Service, names: Names = None, every: All = False, world: World = "") -> None:
    """Give dead letters up for good; what waited behind them is handled."""
    _order(service, names, every, world, again=False)


def _order(service: str, names: list[str] | None, every: bool, world: str, *, again: bool) -> None:
    if bool(names) == every:
        raise ConfigError("name the dead letters, or say --all")
    desk = _letters(service, world)
    wanted = desk.open() if every else desk.find(names or [])
    desk.order(wanted, replay=again)
    left = desk.wait(wanted, _WAIT_S)
    typer.echo(f"{len(wanted) - len(left)} of {len(wanted)} {'replayed' if again else 'skipped'}")
    tried = {letter.name: letter.record.attempts for letter in wanted}
    for letter in left:
        typer.echo(_why_open(letter, tried[letter.name], service), err=True)
    if left:
        raise typer.Exit(1)


def _why_open(letter: OpenLetter, tried: int, service: str) -> str:
    if letter.record.attempts > tried:
        return f"{letter.name} failed again: {letter.error}"
    return f"{letter.name}: the order waits; does {service} run?"
