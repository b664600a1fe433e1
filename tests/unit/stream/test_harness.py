"""The engine's promises on the in-memory harness."""

from datetime import timedelta

import pytest
from liandong.stream import StreamService
from liandong.testing.stream import StreamHarness
from liandong.testing.suite import ServiceSuite

from .town import COUNT, QUIET, READING, T0, Area, AreaTotal, Count, Counted, Reading, Reset, Silent, make, state_of


def harness() -> tuple[StreamHarness, StreamService]:
    service = make()
    return StreamHarness(service, now=T0), service


def test_an_event_changes_the_state_and_publishes() -> None:
    town, service = harness()
    town.put(READING, Reading("m1", "a1", 2.0))
    town.put(READING, Reading("m1", "a1", 3.0))
    assert town.state(state_of(service, "count"), "m1") == Count(2, 5.0)
    assert [event.data for event in town.of(Counted)] == [Counted("m1", 1), Counted("m1", 2)]
    assert [event.sequence for event in town.of(Counted)] == [1, 2]


def test_an_internal_topic_is_handled_at_once() -> None:
    town, service = harness()
    town.put(READING, Reading("m1", "a1", 2.0))
    town.put(READING, Reading("m2", "a1", 3.0))
    assert town.state(state_of(service, "area"), "a1") == Area(5.0)
    assert [event.data.total for event in town.of(AreaTotal)] == [2.0, 5.0]


def test_outputs_inherit_from_their_cause() -> None:
    town, _ = harness()
    parent = "00-" + "a" * 32 + "-" + "b" * 16 + "-00"
    town.put(READING, Reading("m1", "a1", 2.0), id="first", area_code="990101001", traceparent=parent)
    counted, total = town.of(Counted)[0], town.of(AreaTotal)[0]
    assert counted.causation_id == "first"
    assert counted.correlation_id == total.correlation_id == "first"
    assert total.causation_id not in {None, "first"}
    assert {event.area_code for event in town.published} == {"990101001"}
    assert {event.traceparent for event in town.published} == {parent}
    assert counted.source == "/990101/town"
    assert counted.time == T0
    assert counted.topic == COUNT.wire("district", "test")


def test_a_timer_fires_once_at_its_time_and_continues_the_chain() -> None:
    town, service = harness()
    town.put(READING, Reading("m1", "", 2.0), id="first")
    assert town.timers(state_of(service, "count"), "m1") == {"quiet": T0 + QUIET}
    assert town.advance(QUIET - timedelta(seconds=1)) == []
    town.put(READING, Reading("m1", "", 2.0), id="second")
    assert town.advance(timedelta(seconds=2)) == []
    (silent,) = town.advance(timedelta(hours=9))
    assert silent.data == Silent("m1", 2)
    assert silent.correlation_id == silent.causation_id == "second"
    assert silent.time == T0 + 2 * QUIET - timedelta(seconds=1)
    assert town.timers(state_of(service, "count"), "m1") == {}


def test_a_cancelled_timer_does_not_fire() -> None:
    town, service = harness()
    town.put(READING, Reading("m1", "", 2.0))
    town.put(READING, Reset("m1"))
    assert town.state(state_of(service, "count"), "m1") is None
    assert town.advance(timedelta(days=1)) == []


def test_sequences_survive_a_deleted_state() -> None:
    town, _ = harness()
    town.put(READING, Reading("m1", "", 2.0))
    town.put(READING, Reset("m1"))
    town.put(READING, Reading("m1", "", 2.0))
    assert [event.sequence for event in town.of(Counted)] == [1, 2]


def test_an_event_seen_before_changes_nothing() -> None:
    town, service = harness()
    town.put(READING, Reading("m1", "", 2.0), sequence=7)
    assert town.redeliver() == []
    assert town.put(READING, Reading("m1", "", 2.0), sequence=6) == []
    town.put(READING, Reading("m1", "", 2.0), id="evidence")
    assert town.put(READING, Reading("m1", "", 2.0), id="evidence") == []
    assert town.state(state_of(service, "count"), "m1") == Count(2, 4.0)
    assert town.fenced == 3


def test_a_failing_handler_leaves_no_trace() -> None:
    service = make()
    town = StreamHarness(service, now=T0, strict=False)
    town.put(READING, Reading("m1", "a1", 2.0))
    before = town.durable()
    assert town.put(READING, Reading("m1", "a1", -999.0)) == []
    assert town.durable() == before
    assert [repr(failure.error) for failure in town.failures] == ["RuntimeError('handler bug')"]
    assert town.put(READING, Reading("m1", "a1", 1.0)) != []


def test_a_failing_handler_fails_the_test() -> None:
    town, _ = harness()
    with pytest.raises(RuntimeError, match="handler bug"):
        town.put(READING, Reading("m1", "a1", -999.0))


class TestTown(ServiceSuite):
    def service(self) -> StreamService:
        return make()

    def play(self, harness: StreamHarness) -> None:
        for n in range(30):
            harness.put(READING, Reading(f"m{n % 3}", f"a{n % 2}", float(n % 7)))
            harness.advance(timedelta(minutes=n % 4 * 4))
        harness.put(READING, Reset("m1"))
        harness.advance(timedelta(hours=1))
