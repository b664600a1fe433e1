"""`python -m tools.rainstorm`: plays the night and exits 0 only if everything expected was observed on the topics."""

import logging
import sys
from pathlib import Path
from typing import Annotated

import typer
from liandong.errors import LiandongError
from liandong.local.client import LocalStack
from rich.console import Console
from rich.table import Table

from tools.rainstorm.night import Night, notes_of, report
from tools.rainstorm.scenario import load
from tools.rainstorm.story import Story


def main(
    headless: Annotated[bool, typer.Option(envvar="HEADLESS", help="no colours, no waiting")] = False,
    chaos: Annotated[bool, typer.Option(envvar="CHAOS", help="kill -9 each process once during the storm")] = False,
    keep: Annotated[bool, typer.Option(envvar="KEEP", help="leave the demo's world running afterwards")] = False,
    home: Annotated[Path | None, typer.Option(help="home folder of the stack; default: the project's own")] = None,
    port_base: Annotated[int | None, typer.Option(help="first port of the stack")] = 21000,
) -> None:
    """Play the rainstorm night of the example district."""
    logging.basicConfig(level=logging.WARNING)
    console = Console(no_color=headless, width=110 if headless else None)
    stack = LocalStack(home, port_base)
    try:
        stack.up()
        night = Night(load(), stack, Story(console), chaos=chaos, keep=keep)
        figures = night.play()
    except LiandongError as error:
        print(f"demo: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    table = Table("observed on the topics", "", show_header=False)
    for text, seen in night.checks.items():
        table.add_row(text, "[green]yes[/]" if seen else "[red]NO[/]")
    console.print(table)
    for chain in {tuple(chain) for chain in night.chains.values()}:
        console.print(f"trace: {' → '.join(chain) or 'none'}", highlight=False)
    notes_of(stack.layout.home).write_text("\n".join(night.ledger.problems) + "\n", encoding="utf-8")
    for problem in night.ledger.problems[:20]:
        console.print(problem, style="red", highlight=False)
    print(report(night, figures), flush=True)
    failed = bool(night.missed) or (not figures.trace_complete and not chaos)
    raise typer.Exit(1 if failed else 0)


if __name__ == "__main__":
    typer.run(main)
