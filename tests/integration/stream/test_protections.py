"""Each protection of the engine in one directed scenario: the engine keeps it, and the engine without it is found out.

A scenario returns what went wrong. Where a kill is needed the engine is a process that SIGKILLs itself; otherwise it is
a thread of this one.
"""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import NewTopic
from liandong.clock import ManualClock, real_now
from liandong.errors import Fenced
from liandong.settings import Settings
from liandong.stream.dlq import DeadLetters
from liandong.stream.envelope import Cell, envelope_of
from liandong.stream.transactions import FatalError, TransactionAborted
from liandong.stream.tuning import Tuning

from tests.support import mill

from .engines import engine_of, running
from .mutants import MUTANTS
from .support import Bench, set_position, until

STATIC: dict[str, Any] = {"group_protocol": "classic", "session_ms": 30_000}  # a killed instance is back at once


@pytest.fixture
def bench(settings: Callable[..., Settings], tmp_path: Path) -> Iterator[Bench]:
    made = Bench(settings, tmp_path)
    mill.BROKEN.clear()
    yield made
    made.stop_all()


def killed_before_the_commit(bench: Bench, mutant: str | None) -> list[str]:
    """Killed with everything in the transaction and nothing committed; then started again."""
    bench.feed(100)
    bench.flush()
    bench.start("a", fail=("offsets sent", 2), mutant=mutant, **STATIC, transaction_events=20, batch=20)
    bench.wait_killed("a")
    bench.start("a", mutant=mutant, **STATIC)
    try:
        bench.wait_done(8 if mutant else 60)
    except AssertionError as error:
        return [str(error)]
    return bench.faults()


def killed_with_an_open_transaction(bench: Bench, mutant: str | None) -> list[str]:
    """Killed with records on the broker; its next life must end that transaction, or readers are stuck behind it."""
    bench.feed(100)
    bench.flush()
    bench.start("a", fail=("changelog produced", 2), mutant=mutant, **STATIC, transaction_ms=60_000, batch=20)
    bench.wait_killed("a")
    bench.start("a", mutant=mutant, **STATIC, transaction_ms=60_000)
    try:
        bench.wait_done(30, read_s=8 if mutant else 30)  # both well below the transaction's time-out
    except AssertionError as error:
        return [str(error)]
    return bench.faults()


def pending_marker(bench: Bench, mutant: str | None) -> list[str]:
    """A foreign transaction is open on the changelog while the service starts (KAFKA-10167)."""
    changelog, key = bench.changelog("tally"), "k1"
    futures = bench.admin.create_topics([NewTopic(changelog, 4, 1, config={"cleanup.policy": "compact"})])
    futures[changelog].result(30)
    set_position(bench, mill.ITEM, 0, partitions=(0, 1, 2, 3))
    tally = mill.Tally(7, 28, 0, 1)
    envelope = envelope_of(Cell(tally, bench.codec.encode(changelog, tally)))
    assert envelope is not None
    pending = Producer({"bootstrap.servers": bench.base.bootstrap, "transactional.id": f"{bench.base.world}.foreign"})
    pending.init_transactions(30)
    pending.begin_transaction()
    for number in range(4):
        pending.produce(changelog, bench.codec.encode(changelog, envelope), key.encode(), partition=number)
    pending.flush(30)
    engine = engine_of(bench)

    def is_running() -> bool:
        return any(part.changelogs[0] == changelog for part in engine._assignments.running)

    with running(engine) as errors:
        until("restoring or running", lambda: engine._restorer.is_busy or is_running())
        faults = ["running before the marker came"] if is_running() else []
        if not faults:
            until("four partitions wait", lambda: "restoring, 4 changelog records" in engine.health().detail)
        pending.commit_transaction(30)
        until("running", lambda: is_running() and engine.health().ready)
        tables = [part.tables[0] for part in engine._assignments.running if part.changelogs[0] == changelog]
        if [table.get(key).state for table in tables] != [tally] * 4:
            faults.append("the committed change is missing")
    return faults + [str(error) for error in errors]


def pending_positions(bench: Bench, mutant: str | None) -> list[str]:
    """A former owner's transaction holds newer positions and is committed only after the service has started."""
    for number in range(4):
        bench.share("b1", number, "")
    (place,) = {row[:2] for row in bench.read(bench.wire(mill.SHARE), 2)}
    at = TopicPartition(*place, 3)
    former = Consumer({"bootstrap.servers": bench.base.bootstrap, "group.id": bench.base.scoped("mill")})
    pending = Producer({"bootstrap.servers": bench.base.bootstrap, "transactional.id": f"{bench.base.world}.former"})
    pending.init_transactions(30)
    pending.begin_transaction()
    pending.send_offsets_to_transaction([at], former.consumer_group_metadata(), 10)
    former.close()
    engine, asked_at = engine_of(bench), time.monotonic()

    def is_running() -> bool:
        return any(place[0] in part.topics and part.number == place[1] for part in engine._assignments.running)

    with running(engine) as errors:
        until("asked, or running", lambda: is_running() or time.monotonic() > asked_at + 1.5)
        faults = ["running while the former owner's positions are open"] if is_running() else []
        pending.commit_transaction(30)
        until("counted", lambda: bench.state("bin", 2))
    known = bench.state("bin", 2)["b1"]
    return faults + [str(error) for error in errors] + ([] if known == mill.Bin(1, 3) else [f"b1 is {known}"])


def zombie_fires_timers(bench: Bench, mutant: str | None) -> list[str]:
    """A has armed timers and is then frozen; B takes over and reports; A wakes and commits unaware."""
    clock = ManualClock(real_now())
    frozen = engine_of(bench, "a", clock=clock, tuning=Tuning(max_poll_ms=3000))
    bench.feed(100)
    bench.flush()
    frozen._transactions.start()
    frozen._letters.start()
    frozen._assignments.subscribe(frozen._commits.settle)

    def counted() -> bool:
        frozen._turn()
        return bench.all_counted()

    until("A has counted", counted)
    later = ManualClock(clock.now() + timedelta(hours=1))
    faults = []
    with running(engine_of(bench, "b", clock=later)) as errors:
        bench.wait_done()
        clock.set(later.now())
        frozen._fire_due()
        assert frozen._transactions.is_open
        try:
            frozen._commit()
            faults.append("the zombie's transaction was committed")
        except (TransactionAborted, Fenced, FatalError):
            frozen._transactions.abort()
    frozen._assignments.close()
    return faults + bench.faults() + [str(error) for error in errors]


def refused_record(bench: Bench, mutant: str | None) -> list[str]:
    """One output among many is larger than its topic takes."""
    with running(engine_of(bench)) as errors:
        until("ready", lambda: bench.changelog("bin") in bench.admin.list_topics(timeout=10).topics)
        bench.limit(bench.wire(mill.BINNED), 500)
        bench.share("b1", 7, "x" * 4000)
        bench.share("b2", 8, "")
        desk = DeadLetters(bench.base, "mill", bench.codec)
        until("a letter or an end", lambda: errors or desk.open())
        if not errors:
            until("the rest flows", lambda: bench.state("bin", 2) == {"b2": mill.Bin(1, 8)})
    return [str(error) for error in errors]


def dead_letter_of_a_parking_topic(bench: Bench, mutant: str | None) -> list[str]:
    """Later events of the key must not pass it."""
    mill.BROKEN.add(2)
    with running(engine_of(bench)) as errors:
        for number in (1, 2, 3):
            bench.put(mill.KNOT, mill.Item("k", number, ""), id=f"k-{number}", sequence=number)
        bench.put(mill.ITEM, mill.Item("last", 1, "b0"), id="last")
        bench.flush()
        desk = DeadLetters(bench.base, "mill", bench.codec)
        until("one letter", desk.open)
        until("all taken", lambda: desk.open()[0].waiting == 1 or len(bench.state("knot", 4)["k"].numbers) > 1)
        known = bench.state("knot", 4)["k"].numbers
    return [str(error) for error in errors] + ([] if known == (1,) else [f"k went on: {known}"])


def aborted_transaction(bench: Bench, mutant: str | None) -> list[str]:
    """A transaction is aborted after handlers ran and timers fired; everything is done again, once."""
    clock = ManualClock(real_now())
    engine = engine_of(bench, clock=clock, tuning=Tuning(latency_ms=1))
    send, aborts = engine._transactions.send_positions, list[int]()

    def refuse_now_and_then(*args: object) -> None:
        if len(aborts) < 6 and engine._handling.units > 0:
            aborts.append(engine._handling.units)
            if len(aborts) % 2:
                raise TransactionAborted("as a test wants it")
        send(*args)  # type: ignore[arg-type]

    engine._transactions.send_positions = refuse_now_and_then  # type: ignore[method-assign,assignment]
    with running(engine) as errors:
        bench.feed(60, keys=5)
        bench.flush()
        try:
            until("counted", lambda: bench.all_counted() or errors, 8)
            clock.set(clock.now() + timedelta(hours=1))
            bench.wait_done(8)
        except AssertionError as error:
            return [str(error)]
    return bench.faults() + [str(error) for error in errors]


SCENARIOS = [
    (killed_before_the_commit, ("store_before_commit", "positions_outside_the_transaction")),
    (killed_with_an_open_transaction, ("random_transactional_id",)),
    (pending_positions, ("positions_read_uncommitted",)),
    (pending_marker, ("restore_to_last_stable_offset",)),
    (zombie_fires_timers, ("no_positions_with_timers_only",)),
    (refused_record, ("no_isolation",)),
    (dead_letter_of_a_parking_topic, ("no_parking",)),
    (aborted_transaction, ("no_rollback",)),
]
Scenario = Callable[[Bench, str | None], list[str]]


@pytest.mark.parametrize("scenario", [scenario for scenario, _ in SCENARIOS], ids=lambda one: one.__name__)
def test_the_engine_keeps(bench: Bench, scenario: Scenario) -> None:
    assert scenario(bench, None) == []


@pytest.mark.parametrize(
    ("mutant", "scenario"),
    [(name, scenario) for scenario, names in SCENARIOS for name in names],
    ids=lambda one: getattr(one, "__name__", one),
)
def test_a_broken_engine_is_found_out(
    bench: Bench, scenario: Scenario, mutant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    MUTANTS[mutant](monkeypatch.setattr)
    assert scenario(bench, mutant) != []


def test_every_mutant_has_a_scenario() -> None:
    assert sorted(name for _, names in SCENARIOS for name in names) == sorted(MUTANTS)
