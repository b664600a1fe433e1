"""Hazards that random kills seldom meet, each brought about on purpose: zombies, pending markers, positions."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import NewTopic
from liandong.clock import ManualClock, real_now
from liandong.errors import ConfigError, Fenced, PositionError
from liandong.event import Event
from liandong.settings import Settings
from liandong.stream import Context, Outcome, StreamService
from liandong.stream.admin import Admin
from liandong.stream.build import build_engine
from liandong.stream.envelope import Cell, envelope_of
from liandong.stream.positions import mark_of
from liandong.stream.recover import recover
from liandong.stream.transactions import FatalError, TransactionAborted
from liandong.stream.tuning import Tuning
from liandong_contracts.base import Topic

from tests.support import mill

from .engines import engine_of, running
from .support import Bench, until


@pytest.fixture
def bench(settings: Callable[..., Settings], tmp_path: Path) -> Iterator[Bench]:
    made = Bench(settings, tmp_path)
    yield made
    made.stop_all()


def test_a_zombie_that_only_fires_timers_is_fenced(bench: Bench) -> None:
    """A has armed timers and is then frozen; B takes over and reports; A wakes and commits unaware."""
    clock = ManualClock(real_now())
    frozen = engine_of(bench, "a", clock=clock, tuning=Tuning(max_poll_ms=6000))
    bench.feed(100)
    bench.flush()
    frozen._transactions.start()
    frozen._assignments.subscribe(frozen._commits.settle)

    def counted() -> bool:
        frozen._turn()
        return bench.progress() == (100, 100, 100)

    until("A has counted", counted)
    later = ManualClock(clock.now() + timedelta(hours=1))
    heir = engine_of(bench, "b", clock=later)
    with running(heir) as errors:
        bench.wait_done()
        clock.set(later.now())
        frozen._fire_due()
        assert frozen._transactions.is_open
        with pytest.raises((TransactionAborted, Fenced, FatalError)):
            frozen._commit()
        assert errors == []
    frozen._transactions.abort()
    frozen._assignments.close()
    assert bench.faults() == []


def test_restoring_waits_for_the_end_marker_of_a_pending_transaction(bench: Bench) -> None:
    """The group's positions may be committed while the marker on the changelog is still to come (KAFKA-10167)."""
    changelog, key = bench.changelog("tally"), "k1"
    futures = bench.admin.create_topics([NewTopic(changelog, 4, 1, config={"cleanup.policy": "compact"})])
    futures[changelog].result(30)
    tally = mill.Tally(7, 28, 0, 1)
    envelope = envelope_of(Cell(tally, bench.codec.encode(changelog, tally)))
    assert envelope is not None
    pending = Producer({"bootstrap.servers": bench.base.bootstrap, "transactional.id": f"{bench.base.world}.foreign"})
    pending.init_transactions(30)
    pending.begin_transaction()
    for number in range(4):
        pending.produce(changelog, bench.codec.encode(changelog, envelope), key.encode(), partition=number)
    pending.flush(30)
    set_position(bench, mill.ITEM, 0, partitions=(0, 1, 2, 3))
    engine = engine_of(bench, "a")
    with running(engine) as errors:
        until("restoring", lambda: engine._restorer.is_busy)
        until("four partitions wait", lambda: "restoring, 4 changelog records" in engine.health().detail)
        assert not engine.health().ready
        pending.commit_transaction(30)
        until("running", lambda: engine.health().ready)
        tables = [part.tables[0] for part in engine._assignments.running if len(part.tables) and part.group == 0]
        assert [table.get(key).state for table in tables] == [tally] * 4
    assert errors == []


def set_position(
    bench: Bench, topic: Topic, offset: int, mark: str | None = None, partitions: tuple[int, ...] = (0,)
) -> None:
    """Commit positions for the mill's group, as an operator or an older life of the service could."""
    group = bench.base.scoped("mill")
    consumer = Consumer({"bootstrap.servers": bench.base.bootstrap, "group.id": group})
    places = [(bench.wire(topic), number, offset) for number in partitions]
    positions = [TopicPartition(*at, mark) if mark else TopicPartition(*at) for at in places]
    consumer.commit(offsets=positions, asynchronous=False)
    consumer.close()


def refusal(bench: Bench) -> str:
    """Run the service until it stops by itself, and return why."""
    with running(engine_of(bench, "a")) as errors:
        until("stopped", lambda: errors)
    assert isinstance(errors[0], PositionError)
    assert "liandong recover mill --from beginning|end|stored" in str(errors[0])
    return str(errors[0])


def counts_all(bench: Bench) -> None:
    """Run the service until it has handled everything."""
    clock = ManualClock(real_now() + timedelta(hours=1))
    with running(engine_of(bench, "a", clock=clock)) as errors:
        until("all handled", lambda: errors or bench.progress()[::2] == (bench.expected.items,) * 2)
    assert errors == []


def test_a_position_past_the_end_stops_the_service(bench: Bench) -> None:
    set_position(bench, mill.ITEM, 1000)
    assert "position 1000" in refusal(bench)


def test_a_position_before_the_beginning_stops_the_service(bench: Bench) -> None:
    bench.feed(400)
    bench.flush()
    set_position(bench, mill.ITEM, 3)
    deleted = bench.admin.delete_records([TopicPartition(bench.wire(mill.ITEM), 0, 10)])
    for future in deleted.values():
        future.result(30)
    assert "before the beginning (10)" in refusal(bench)


def test_a_position_of_another_cluster_stops_the_service(bench: Bench) -> None:
    set_position(
        bench, mill.ITEM, 0, mark_of("elsewhere", Admin(bench.base).facts([bench.wire(mill.ITEM)]).popitem()[1].id)
    )
    assert "belongs to another cluster (it is of elsewhere" in refusal(bench)


def test_a_position_of_a_former_topic_stops_the_service(bench: Bench) -> None:
    set_position(bench, mill.ITEM, 0, mark_of(Admin(bench.base).cluster_id(), "former"))
    assert "belongs to a former topic of that name (id former, now" in refusal(bench)
    (moved,) = recover(bench.base, "mill", "stored")
    assert (moved.partition, moved.before, moved.after) == (0, 0, 0)
    counts_all(bench)


def test_an_input_topic_that_was_made_anew_stops_the_service(bench: Bench) -> None:
    bench.feed(100)
    bench.flush()
    counts_all(bench)
    wire = bench.wire(mill.ITEM)
    bench.admin.delete_topics([wire])[wire].result(30)
    until("deleted", lambda: wire not in Admin(bench.base).facts([wire]))
    bench.admin.create_topics([NewTopic(wire, 4, 1)])[wire].result(30)
    bench.feed(100)
    bench.flush()
    assert "the topic was made anew" in refusal(bench)
    with pytest.raises(ConfigError, match="no such topic"):
        recover(bench.base, "mill", "end", ["nowhere"])
    moved = recover(bench.base, "mill", "beginning", [wire])
    assert [one.after for one in moved] == [0, 0, 0, 0]
    counts_all(bench)


def test_positions_that_were_lost_stop_the_service(bench: Bench) -> None:
    bench.feed(100)
    bench.flush()
    counts_all(bench)
    group = bench.base.scoped("mill")
    until("empty", lambda: bench.admin.delete_consumer_groups([group])[group].exception() is None)
    assert "no committed position" in refusal(bench)


def test_inputs_of_one_state_with_unequal_partitions_are_refused(bench: Bench) -> None:
    odd = Topic("mill.odd", "fact", "feeder", ("key",), (mill.Item,), {"district": 3})
    bench.admin.create_topics([NewTopic(bench.wire(odd), 3, 1)])[bench.wire(odd)].result(30)
    service = StreamService("mill")
    state = service.state(mill.Tally, name="tally")

    def count(event: Event[mill.Item], known: mill.Tally | None, ctx: Context) -> Outcome[mill.Tally]:
        return Outcome()

    service.on(mill.ITEM, mill.Item, state=state)(count)
    service.on(odd, mill.Item, state=state)(count)
    with pytest.raises(ConfigError, match="equal partition counts"):
        build_engine(service, bench.base, bench.codec)


def test_handlers_that_fail_again_and_again_stop_the_service_without_a_commit(bench: Bench) -> None:
    bench.feed(200, bad_share=1.0, keys=1)
    bench.flush()
    with running(engine_of(bench, "a", tuning=Tuning(failures_in_a_row=20))) as errors:
        until("stopped", lambda: errors)
    assert isinstance(errors[0], FatalError)
    assert "in a row" in str(errors[0])
