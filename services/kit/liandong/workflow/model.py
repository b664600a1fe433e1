"""What the engine hands to handlers and what it takes from a consumer. Values only: no SQL, no Kafka client."""

from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec
from google.protobuf.message import Message
from liandong_contracts.base import Record

from liandong.event import Event, Headers

M = TypeVar("M", bound=Message)
Partition = tuple[str, int]


class TooEarly(Exception):
    """Raised by a handler: the event needs something that has not come yet, such as the case that it is about.

    The event is parked and tried again after a while; later events of its key wait behind it, so their order stays.
    """


class Delivery(msgspec.Struct, frozen=True, gc=False):
    """One raw record as a consumer handed it over.

    `previous` is the end of the record that the consumer handed over before it on the same partition (or the position
    it was told to seek to). Offsets have gaps of their own (transaction markers, compaction), so only this link shows
    whether a record was skipped on the way.
    """

    topic: str
    partition: int
    offset: int
    previous: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp_ms: int = 0


class Cause(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why something happens: what every output of a handler inherits.

    `id` makes the ids of the outputs; `event_id` is the last event (or command) of the chain, their causation.
    """

    id: str
    event_id: str
    correlation_id: str
    traceparent: str = ""
    area_code: str | None = None
    mode: str | None = None
    drill_id: str | None = None
    actor: str | None = None


class Timer(msgspec.Struct, frozen=True):
    """A timer that has come due: `due` is when it should have fired, `data` what was given to `work.after`."""

    kind: str
    key: str
    due: datetime
    data: dict[str, Any]


class Command(msgspec.Struct, Generic[M], frozen=True):
    """A request of a person or another program; `actor` is who asks, as far as the caller said."""

    request: M
    actor: str | None = None


class Answer(msgspec.Struct, Generic[M], frozen=True):
    """What came of a `work.call`: a reply, or the gRPC status name that ended it (DEADLINE_EXCEEDED: no time left)."""

    method: str
    reply: M | None
    error: str | None
    data: dict[str, Any]

    @property
    def ok(self) -> bool:
        """Say whether there is a reply."""
        return self.error is None


class Commit(msgspec.Struct, frozen=True):
    """What one committed transaction did: events taken, events emitted. For pages that want to be told at once."""

    handled: list[Event[Record]]
    emitted: list[Event[Record]]
