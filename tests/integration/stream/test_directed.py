"""Hazards that random kills seldom meet, each brought about on purpose: zombies, pending markers, positions."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import NewTopic
from liandong.clock import ManualClock, real_now
from liandong.errors import ConfigError, PositionError
from liandong.event import Event
from liandong.settings import Settings
from liandong.stream import Context, Outcome, StreamService
from liandong.stream.admin import Admin
from liandong.stream.build import build_engine
from liandong.stream.positions import mark_of
from liandong.stream.recover import recover
from liandong.stream.transactions import FatalError
from liandong.stream.tuning import Tuning
from liandong_contracts.base import Topic

from tests.support import mill

from .engines import engine_of, running
from .support import Bench, set_position, until


@pytest.fixture
def bench(settings: Callable[..., Settings], tmp_path: Path) -> Iterator[Bench]:
    made = Bench(settings, tmp_path)
    yield made
    made.stop_all()


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
        until("all handled", lambda: errors or bench.all_counted())
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
