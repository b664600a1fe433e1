"""`liandong simulate`: feeds a table of recorded readings through a gateway, registering its devices first if asked."""

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from liandong.simulate import feed, mapping


def simulate(
    source: Annotated[Path, typer.Option("--from", exists=True, dir_okay=False, help="table of readings, CSV or TSV")],
    columns: Annotated[Path, typer.Option("--map", exists=True, dir_okay=False, help="YAML: what each column means")],
    gateway: Annotated[str, typer.Option(help="HTTP address of the gateway")] = "http://127.0.0.1:21080",
    register: Annotated[bool, typer.Option(help="register the devices of the table first")] = False,
) -> None:
    """Send the readings of a table in their order; each batch goes out when the one before it is confirmed."""
    plan = mapping.load(columns)
    rows = list(mapping.rows(source, plan))
    target = feed.Feed(gateway)
    shape = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*shape, transient=True) as progress:
        registered = 0
        if register:
            entries = feed.devices(rows, plan)
            work = progress.add_task("devices", total=len(entries))
            registered = target.register(entries)
            progress.update(work, completed=registered)
        work = progress.add_task("readings", total=len(rows))
        summary = target.send(feed.reports(rows), lambda count: progress.advance(work, count))
    typer.echo(f"{registered} devices registered, {summary.reports} reports with {summary.values} values confirmed")
