"""What the local runtime shows in a terminal: status table, progress of a start. Texts only, no decisions."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from liandong.local.messages import ProcessStatus, StackStatus, State

_COLOURS: dict[State, str] = {
    "ready": "green",
    "done": "green",
    "starting": "yellow",
    "waiting": "bright_black",
    "unready": "red",
    "backing-off": "red",
    "held": "magenta",
    "stopped": "bright_black",
}


def span(seconds: float | None) -> str:
    """Return a duration as people read it: 7 s, 4 min, 3 h 20 min, 2 d 4 h."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 24 else f"{hours // 24} d {hours % 24} h"


def megabytes(size: int | None) -> str:
    """Return a number of bytes in MB."""
    return "" if size is None else f"{size / 1e6:.0f} MB"


def status_table(status: StackStatus) -> Table:
    """Return one row a process, the real world first; what keeps a process from being ready stands for its address."""
    table = Table(box=None, pad_edge=False, header_style="bold", row_styles=["", ""])
    figures = ("pid", "up", "restarts", "lag", "memory", "cpu")
    for title in ("process", "state", *figures, "address"):
        table.add_column(title, justify="right" if title in figures else "left", no_wrap=title != "address")
    for process in sorted(status.processes, key=lambda process: process.world):
        if process.state != "done":
            table.add_row(*_cells(process))
    return table


def _cells(process: ProcessStatus) -> list[Text]:
    last = process.address if process.state == "ready" else process.detail or process.address
    plain = [
        "" if process.pid is None else str(process.pid),
        span(process.uptime_s),
        str(process.restarts),
        "" if process.lag is None else f"{process.lag:,}",
        megabytes(process.memory),
        "" if process.cpu_s is None else f"{process.cpu_s:.1f} s",
        last,
    ]
    state = Text(process.state, style=_COLOURS[process.state])
    return [Text(process.name), state, *(Text(cell) for cell in plain)]


def status_json(status: StackStatus) -> str:
    """Return the status as one JSON object, indented."""
    return msgspec.json.format(msgspec.json.encode(status), indent=2).decode()


def total(status: StackStatus) -> str:
    """Return one line about the whole stack."""
    memory = sum(process.memory or 0 for process in status.processes)
    running = sum(process.pid is not None for process in status.processes)
    return f"{running} processes, {megabytes(memory)}, supervisor {status.pid}"


class StartView:
    """Shows the processes of one world while they start; in a pipe it prints one line a process instead."""

    def __init__(self, console: Console, world: str = "") -> None:
        self._console = console
        self._world = world
        self._live: Live | None = None
        self._told: set[str] = set()

    def __enter__(self) -> "StartView":
        if self._console.is_terminal:
            self._live = Live(console=self._console, refresh_per_second=10, transient=True)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def __call__(self, status: StackStatus) -> None:
        """Take a new status."""
        processes = status.of(self._world)
        for process in processes:
            if process.state in ("ready", "done") and process.name not in self._told:
                self._told.add(process.name)
                self._console.print(f"[green]✓[/] {process.name}", highlight=False)
        if self._live is not None:
            waiting = [process for process in processes if process.name not in self._told]
            self._live.update(Group(*(self._line(process) for process in waiting)))

    @staticmethod
    def _line(process: ProcessStatus) -> Spinner:
        text = Text.assemble(process.name, " ", (f"{process.state} {process.detail}", "bright_black"))
        return Spinner("dots", text=text)


@contextmanager
def download_bar(console: Console, files: int, size: int) -> Iterator[Any]:
    """Yield a function that is told the bytes that arrived; draws one bar for all files."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(f"downloading {files} files", total=size)
        yield lambda arrived: progress.advance(task, arrived)
