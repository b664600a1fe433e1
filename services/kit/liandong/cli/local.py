"""`liandong up`, `down`, `status`, `logs`, `fetch`, `doctor`: the stack of this checkout."""

import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from liandong.errors import ConfigError
from liandong.local import artifacts, show
from liandong.local.client import LocalStack
from liandong.local.fetch import fetch as fetch_artifacts
from liandong.local.settings import LocalSettings
from liandong.privacy.keks import LOCAL_KEK, KekFolder, generate

PortBase = Annotated[
    int | None, typer.Option(help="First port of the real world; the others follow it. Default 21000.")
]
Env = Annotated[list[str] | None, typer.Option("--env", metavar="NAME=VALUE", help="Setting for every service.")]

console = Console(width=None if sys.stdout.isatty() else 140)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (up, down, status, logs, fetch, doctor):
        app.command()(command)


def stack_of(port_base: int | None = None) -> LocalStack:
    """Return the stack of this checkout, on its fixed ports."""
    return LocalStack(port_base=port_base or LocalSettings().port_base)


def settings_of(pairs: list[str] | None) -> dict[str, str]:
    """Read NAME=VALUE arguments. Raises ConfigError for one without `=`."""
    for pair in pairs or ():
        if "=" not in pair:
            raise ConfigError(f"--env wants NAME=VALUE, not {pair!r}")
    return dict(pair.split("=", 1) for pair in pairs or ())


def up(
    port_base: PortBase = None,
    env: Env = None,
    services: Annotated[bool, typer.Option(help="Start the services too, not only Kafka and the registry.")] = True,
) -> None:
    """Start Kafka, the registry and the services of one district, and wait until all are ready."""
    began = time.monotonic()
    stack = stack_of(port_base)
    if stack.is_running() and services:
        already = stack.status(fresh=False)
        if already.services and all(process.state in ("ready", "done") for process in already.of("")):
            console.print("Already up; nothing changed.")
            _say_where(stack, already.worlds[""].console)
            return
    else:
        _fetch(stack)
    if not KekFolder(stack.layout.keys).names() and generate(stack.layout.keys, LOCAL_KEK):
        said = f"A key for personal data was made in {_short(stack.layout.keys)}, for this machine only."
        console.print(said, highlight=False, soft_wrap=True)
    with show.StartView(console) as view:
        at = stack.up(services, env=settings_of(env), progress=view)
    console.print(f"Up in {time.monotonic() - began:.1f} s.")
    _say_where(stack, at.console)


def _say_where(stack: LocalStack, page: str) -> None:
    if page:
        console.print(f"Console: [bold]{page}[/]", highlight=False)
    console.print(
        f"Logs:    {_short(stack.layout.logs)}   (`make status`, `make down`)", highlight=False, soft_wrap=True
    )


def _short(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def down() -> None:
    """Stop what `up` started, gracefully, and nothing else; data stays."""
    stack = stack_of()
    said = f"Stopped; data stays in {_short(stack.layout.data)}." if stack.down() else "Nothing was running."
    console.print(said, highlight=False, soft_wrap=True)


def status(json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """Show every process: state, restarts, lag, memory, processor time, address."""
    now = stack_of().status()
    if json:
        print(show.status_json(now))
        return
    console.print(show.status_table(now))
    console.print(show.total(now), style="bright_black", highlight=False)


def logs(
    name: Annotated[str, typer.Argument(help="Process, as `liandong status` names it.")] = "supervisor",
    lines: Annotated[int, typer.Option("-n", "--lines", help="How many of the last lines.")] = 40,
) -> None:
    """Print the end of a process's log."""
    layout = stack_of().layout
    file = layout.logs / f"{name}.log"
    if not file.is_file():
        known = sorted(str(path.relative_to(layout.logs).with_suffix("")) for path in layout.logs.rglob("*.log"))
        raise ConfigError(f"No log is called {name}; there are: {', '.join(known) or 'none'}")
    print("\n".join(file.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]))


def fetch() -> None:
    """Download Kafka and the schema registry as artifacts.lock lists them; a second run checks only."""
    _fetch(stack_of(), speak=True)


def _fetch(stack: LocalStack, *, speak: bool = False) -> None:
    wanted = artifacts.read_lock(stack.layout.lock)
    absent = artifacts.missing(wanted, stack.layout.lib)
    if absent:
        with show.download_bar(console, len(absent), sum(artifact.size for artifact in absent)) as report:
            fetch_artifacts(absent, stack.layout.lib, report)
    if absent or speak:
        console.print(f"{len(wanted)} files are there, checksums right ({len(absent)} downloaded).", highlight=False)


def doctor(port_base: PortBase = None) -> None:
    """Look whether this machine can run a district, and say what is missing."""
    from liandong.local.doctor import examine

    sound = True
    for finding in examine(stack_of(port_base), port_base or LocalSettings().port_base):
        sound = sound and (finding.good or not finding.needed)
        mark = "[green]✓[/]" if finding.good else ("[red]✗[/]" if finding.needed else "[yellow]![/]")
        console.print(f"{mark} {finding.what:<10} {finding.text}", highlight=False, soft_wrap=True)
    if not sound:
        raise typer.Exit(1)
