"""The rainstorm night through real processes: once undisturbed, once with every process killed."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from liandong.local.client import LocalStack
from rich.console import Console

from tools.rainstorm.ledger import Figures
from tools.rainstorm.night import Night
from tools.rainstorm.scenario import load
from tools.rainstorm.story import Story

pytestmark = pytest.mark.timeout(600)


class Performance(threading.Thread):
    """One night, played while the test looks on."""

    def __init__(self, stack: LocalStack, told: Path, *, chaos: bool) -> None:
        super().__init__(name="night", daemon=True)
        self._file = told.open("w", encoding="utf-8")
        story = Story(Console(file=self._file, width=120, no_color=True))
        self.night = Night(load(), stack, story, chaos=chaos, keep=False)
        self.figures: Figures | None = None
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.figures = self.night.play()
        except BaseException as error:  # handed to the test's thread
            self.error = error
        finally:
            self._file.close()

    def result(self) -> Figures:
        self.join(400)
        if self.error is not None:
            raise self.error
        assert self.figures is not None, "the night did not end"
        return self.figures


@contextlib.contextmanager
def played(stack: LocalStack, told: Path, *, chaos: bool) -> Iterator[Performance]:
    performance = Performance(stack, told, chaos=chaos)
    performance.start()
    yield performance
    performance.join(400)


def must_hold(performance: Performance, figures: Figures) -> None:
    problems = performance.night.ledger.problems
    assert performance.night.missed == [], problems[:10]
    assert (figures.lost, figures.doubled) == (0, 0), problems[:10]
    assert figures.cases == 1
    assert figures.confirmed == figures.tasks > 0
    assert figures.escalated > 0
    assert figures.proposals >= 2


def test_the_night(stack: LocalStack, tmp_path: Path) -> None:
    """Everything expected is observed on the topics, and one unbroken trace leads from the frame to the person."""
    with played(stack, tmp_path / "told.txt", chaos=False) as performance:
        figures = performance.result()
    must_hold(performance, figures)
    assert figures.trace_complete, performance.night.chains
    assert figures.p99_ms is not None


def test_the_night_with_every_process_killed_once(stack: LocalStack, tmp_path: Path) -> None:
    """Gateway, judge, flood, dispatch, emergency, console, registry and broker die once: the outcome is the same."""
    with played(stack, tmp_path / "told.txt", chaos=True) as performance:
        figures = performance.result()
    must_hold(performance, figures)
    told = (tmp_path / "told.txt").read_text(encoding="utf-8")
    assert told.count("kill -9") == 8
