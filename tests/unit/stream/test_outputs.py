"""Outputs: ids, sequences, inheritance and headers."""

from datetime import timedelta

from liandong.event import Event, event_from, headers_of
from liandong.ids import event_id
from liandong.stream import Context, Out, Outcome, StreamService
from liandong.testing.stream import StreamHarness
from liandong_contracts.base import Topic

from .town import COUNT, ONE, READING, T0, Count, Counted, Reading

ASK = Topic("town.ask", "request", "council", ("meter",), (Counted,), ONE)
CHAIN = "00-" + "a" * 32 + "-" + "b" * 16 + "-00"


def service(*outs: Out, recorded: bool = False, stateless: bool = False) -> StreamService:
    """Return a service that answers every reading with the given outputs."""
    town = StreamService("town")
    if stateless:

        @town.rekey(READING, Reading)
        def relay(event: Event[Reading], ctx: Context) -> list[Out]:
            return list(outs)

        return town
    counts = town.state(Count, name="count")

    @town.on(READING, Reading, state=counts)
    def count(event: Event[Reading], state: Count | None, ctx: Context) -> Outcome[Count]:
        if recorded:
            ctx.record_chain()
        return Outcome(Count(1, event.data.value), list(outs))

    return town


def published(made: StreamService, **fields: str) -> list[Event[Counted]]:
    harness = StreamHarness(made, now=T0)
    harness.put(READING, Reading("m1", "", 1.0), id="first", **fields)  # type: ignore[arg-type]
    return harness.of(Counted)


def test_ids_come_from_the_cause_the_type_and_the_position() -> None:
    events = published(service(Out(COUNT, Counted("m1", 1)), Out(ASK, Counted("m2", 2))))
    assert [event.id for event in events] == [
        event_id("first", "town.Counted", 0),
        event_id("first", "town.Counted", 1),
    ]


def test_sequences_count_for_each_topic_and_key_where_the_topic_has_them() -> None:
    outs = [
        Out(COUNT, Counted("m1", 1)),
        Out(COUNT, Counted("m9", 1)),
        Out(COUNT, Counted("m1", 2)),
        Out(ASK, Counted("m1", 3)),
    ]
    assert [event.sequence for event in published(service(*outs))] == [1, 1, 2, None]


def test_a_stateless_handler_gives_no_sequences() -> None:
    assert published(service(Out(COUNT, Counted("m1", 1)), stateless=True))[0].sequence is None


def test_time_and_area_are_the_causes_unless_given() -> None:
    later = T0 + timedelta(minutes=5)
    own, given = published(
        service(Out(COUNT, Counted("m1", 1)), Out(COUNT, Counted("m1", 2), later, "990101002")), area_code="990101001"
    )
    assert (own.time, own.area_code) == (T0, "990101001")
    assert (given.time, given.area_code) == (later, "990101002")


def test_the_trace_context_passes_through_or_begins() -> None:
    assert published(service(Out(COUNT, Counted("m1", 1))), traceparent=CHAIN)[0].traceparent == CHAIN
    begun = published(service(Out(COUNT, Counted("m1", 1))))[0].traceparent
    assert begun is not None
    assert begun != CHAIN


def test_a_handler_can_have_the_chain_recorded() -> None:
    out = published(service(Out(COUNT, Counted("m1", 1)), recorded=True), traceparent=CHAIN)[0]
    assert out.traceparent == CHAIN[:-2] + "01"


def test_headers_carry_the_whole_event() -> None:
    event = published(service(Out(COUNT, Counted("m1", 1))), area_code="990101001", traceparent=CHAIN)[0]
    again = event_from(event.data, headers_of(event), topic=event.topic, partition=0, offset=0)
    assert again.id == event.id
    assert (again.source, again.key, again.sequence) == ("/990101/town", "m1", 1)
    assert (again.causation_id, again.correlation_id, again.area_code) == ("first", "first", "990101001")
    assert (again.time, again.traceparent) == (T0, CHAIN)


def test_ids_of_aggregates_are_the_same_for_the_same_cause() -> None:
    ctx, again = Context(T0, None, "cause", T0), Context(T0 + timedelta(days=3), None, "cause", T0)
    assert ctx.new_id("ALM", "990101") == again.new_id("ALM", "990101")
    assert ctx.new_id("ALM", "990101") != ctx.new_id("ALM", "990101", "second")
    assert ctx.new_id("ALM", "990101").startswith("990101-ALM-20310720-")
