"""State, timers and outputs of a service across stops, restarts and a wiped disk, on real Kafka."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from liandong.settings import Settings

from .support import Bench


@pytest.fixture
def bench(settings: Callable[..., Settings], tmp_path: Path) -> Iterator[Bench]:
    made = Bench(settings, tmp_path)
    yield made
    made.stop_all()


def test_state_and_outputs_across_a_graceful_restart(bench: Bench) -> None:
    bench.feed(500, bad_share=0.02)
    bench.flush()
    bench.start("a")
    bench.wait_done()
    assert bench.stop("a") == 0
    bench.feed(500, bad_share=0.02)
    bench.flush()
    bench.start("a")
    bench.wait_done()
    assert bench.stop("a") == 0
    assert bench.faults() == []


def test_a_wiped_disk_is_restored_from_the_changelog(bench: Bench) -> None:
    bench.feed(500)
    bench.flush()
    bench.start("a")
    bench.wait_done()
    bench.kill("a")
    shutil.rmtree(bench.folder / "a")
    bench.feed(500)
    bench.flush()
    bench.start("a")
    bench.wait_done()
    assert bench.stop("a") == 0
    assert bench.faults() == []
