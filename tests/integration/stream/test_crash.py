"""Killed with SIGKILL at every dangerous moment: each item counts once, each output comes once and in order."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from liandong.settings import Settings
from liandong.stream import failpoints

from .support import Bench

INSIDE_A_COMMIT = [point for point in failpoints.POINTS if point != "restoring"]


@pytest.fixture
def bench(settings: Callable[..., Settings], tmp_path: Path) -> Iterator[Bench]:
    made = Bench(settings, tmp_path)
    yield made
    made.stop_all()


def test_killed_at_every_point_of_a_commit(bench: Bench) -> None:
    for hits, point in enumerate(INSIDE_A_COMMIT, start=2):
        bench.feed(200, bad_share=0.03, seed=hits)
        bench.flush()
        bench.start("a", fail=(point, hits))
        bench.wait_killed("a")
        bench.feed(200, bad_share=0.03, seed=hits)
    bench.flush()
    bench.start("a")
    bench.wait_done()
    assert bench.stop("a") == 0
    assert bench.faults() == []


def test_two_workers_one_killed_with_its_disk_wiped_and_while_restoring(bench: Bench) -> None:
    bench.start("a")
    bench.start("b", fail=("some stores written", 8))
    for seed in range(20):
        bench.feed(50, bad_share=0.03, seed=seed)
        bench.flush()
    bench.wait_killed("b")
    shutil.rmtree(bench.folder / "b")
    bench.start("b", fail=("restoring", 1))
    bench.wait_killed("b")
    bench.feed(300, bad_share=0.03)
    bench.flush()
    bench.start("b")
    bench.wait_done()
    assert bench.stop("a") == 0
    assert bench.stop("b") == 0
    assert bench.faults() == []
