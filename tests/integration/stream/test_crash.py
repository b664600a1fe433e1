"""Killed with SIGKILL at every dangerous moment: each item counts once, each output comes once and in order."""

import re
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from liandong.settings import Settings
from liandong.stream import failpoints

from .support import Bench, until

INSIDE_A_COMMIT = [point for point in failpoints.POINTS if point != "restoring"]
STATIC: dict[str, Any] = {"group_protocol": "classic", "session_ms": 30_000}
WAYS = [pytest.param({}, id="kip848-log"), pytest.param(STATIC | {"store_log": False}, id="static-no-log")]


@pytest.fixture
def bench(settings: Callable[..., Settings], tmp_path: Path) -> Iterator[Bench]:
    made = Bench(settings, tmp_path)
    yield made
    made.stop_all()


@pytest.mark.parametrize("way", WAYS)
def test_killed_at_every_point_of_a_commit(bench: Bench, way: dict[str, Any]) -> None:
    for number, point in enumerate(INSIDE_A_COMMIT, start=2):
        bench.feed(200, bad_share=0.03, seed=number)
        bench.flush()
        bench.start("a", fail=(point, 1 if point.startswith("timer") else number), batch=50, **way)
        bench.wait_killed("a")
        bench.feed(200, bad_share=0.03, seed=number)
    bench.flush()
    bench.start("a", **way)
    bench.wait_done()
    assert bench.stop("a") == 0
    assert bench.faults() + bench.store_faults("a") == []


def test_two_workers_one_killed_with_its_disk_wiped_and_while_restoring(bench: Bench) -> None:
    bench.start("a")
    bench.start("b", fail=("some stores written", 8))

    def fed_until_killed() -> bool:
        bench.feed(50, bad_share=0.03)
        bench.flush()
        return bench.workers["b"].poll() is not None

    until("b is killed", fed_until_killed, 60)
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


@pytest.mark.parametrize("transaction_ms", [3000, 10_000], ids=["longer-than-its-transaction", "shorter"])
def test_a_worker_frozen_in_a_burst_is_fenced_when_it_wakes(bench: Bench, transaction_ms: int) -> None:
    """Its partitions have gone to another one meanwhile, and what it had in hand has been done there."""
    way: dict[str, Any] = {"group_protocol": "classic", "session_ms": 4000, "transaction_ms": transaction_ms}
    bench.start("a", **way)
    bench.feed(300)
    bench.flush()
    until("a works", lambda: bench.progress()[0] > 0)
    bench.feed(3000)
    bench.flush()
    bench.workers["a"].send_signal(signal.SIGSTOP)
    bench.start("b", **way)
    bench.wait_done(40)
    bench.workers["a"].send_signal(signal.SIGCONT)
    bench.feed(200, bad_share=0.02)
    bench.flush()
    bench.wait_done()
    assert bench.stop("b") == 0
    bench.kill("a")
    assert bench.faults() == []


def test_a_graceful_stop_under_load_commits_within_five_seconds(bench: Bench) -> None:
    bench.start("a")
    bench.feed(300)
    bench.flush()
    until("a works", lambda: bench.progress()[0] > 0)
    bench.feed(20_000)
    bench.flush()
    assert bench.stop("a", 5) == 0
    bench.start("a")
    bench.wait_done(90)
    assert bench.stop("a") == 0
    assert bench.faults() == []


def test_a_static_member_comes_back_to_its_warm_store_without_a_rebalance(bench: Bench) -> None:
    for name in ("a", "b"):
        bench.start(name, **STATIC)
    bench.feed(500)
    bench.flush()
    bench.wait_done()

    def is_shared_out() -> bool:
        ours, theirs = started(bench, "a")[-5:], started(bench, "b")[-5:]
        return len({*ours, *theirs}) == len(ours) + len(theirs) == 10

    until("both have half", is_shared_out)
    before = {name: started(bench, name) for name in ("a", "b")}
    bench.kill("a")
    first_life = len((bench.folder / "a.log").read_text(encoding="utf-8"))
    bench.feed(200)
    bench.flush()
    bench.start("a", **STATIC)
    bench.wait_done()
    again = started(bench, "a")[len(before["a"]) :]
    assert sorted(again) == sorted(before["a"][-5:])
    assert started(bench, "b") == before["b"]
    log = (bench.folder / "a.log").read_text(encoding="utf-8")[first_life:]
    restored = [int(count) for count in re.findall(r"restored \S+: (\d+) records", log)]
    assert sum(restored) < 20  # what was committed in the moment of the kill, not 500 items
    assert bench.stop("b") == 0
    assert bench.stop("a") == 0
    assert bench.faults() == []


def started(bench: Bench, name: str) -> list[str]:
    """Return the partitions that a worker has begun to work on, in order, over all its lives."""
    log = (bench.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")
    return re.findall(r"running (\S+-\d+) from", log)
