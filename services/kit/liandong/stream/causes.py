"""Cause: what an output inherits from the event or timer that led to it. It knows no topic, no state and no clock."""

import msgspec
from liandong_contracts.base import Record

from liandong.event import Event
from liandong.ids import event_id


class Cause(msgspec.Struct, frozen=True, gc=False):
    """The origin of outputs.

    `id` makes the ids of the outputs; `event_id` is the last real event of the chain (CloudEvents causation) and
    `correlation_id` its first. For an event `id` and `event_id` are the same; a timer has an id of its own.
    """

    id: str
    event_id: str
    correlation_id: str
    area_code: str | None = None
    traceparent: str | None = None
    mode: str | None = None
    drill_id: str | None = None
    replay_id: str | None = None


def cause_of(event: Event[Record], traceparent: str | None) -> Cause:
    """Return the cause that an input event is for the outputs of its handlers, in the given trace context."""
    return Cause(
        event.id,
        event.id,
        event.correlation_id or event.id,
        event.area_code,
        traceparent,
        event.mode,
        event.drill_id,
        event.replay_id,
    )


def cause_of_timer(armed_by: Cause, state: str, name: str, due_ms: int) -> Cause:
    """Return the cause that a fired timer is; it continues the chain of the event that armed it."""
    return Cause(
        event_id(armed_by.id, f"timer|{state}|{name}", due_ms),
        armed_by.event_id,
        armed_by.correlation_id,
        armed_by.area_code,
        armed_by.traceparent,
        armed_by.mode,
        armed_by.drill_id,
        armed_by.replay_id,
    )
