"""Event[T]: CloudEvents 1.0 attributes around one record, and their Kafka headers (binary mode). No Kafka client."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

import msgspec
from liandong_contracts.base import Record

from liandong.errors import DecodeError

T_co = TypeVar("T_co", bound=Record, covariant=True)
Headers = list[tuple[str, bytes]]

# header name -> field, for the extensions that are sent only when they say something
_EXTENSIONS = {
    "ce_areacode": "area_code",
    "ce_correlationid": "correlation_id",
    "ce_causationid": "causation_id",
    "ce_mode": "mode",
    "ce_drillid": "drill_id",
    "ce_originnode": "origin_node",
    "ce_actor": "actor",
    "ce_dataclass": "data_class",
    "ce_linkedids": "linked_ids",
    "ce_replayid": "replay_id",
    "traceparent": "traceparent",
}
TEXTS = _EXTENSIONS | {
    "ce_id": "id",
    "ce_type": "type",
    "ce_source": "source",
    "ce_time": "time",
    "ce_subject": "key",
}
NUMBERS = {"ce_sequence": "sequence", "ce_hops": "hops"}


class Event(msgspec.Struct, Generic[T_co], frozen=True, kw_only=True, gc=False):
    """One event. `time`: when it happened; `recorded_at`: Kafka's timestamp; `sequence`: per topic and key."""

    data: T_co
    id: str
    type: str
    source: str
    time: datetime
    key: str
    sequence: int | None = None
    area_code: str | None = None
    correlation_id: str | None = None
    causation_id: str | None = None
    mode: str | None = None
    drill_id: str | None = None
    origin_node: str | None = None
    hops: int = 0
    actor: str | None = None
    data_class: str | None = None
    linked_ids: str | None = None
    replay_id: str | None = None
    traceparent: str | None = None
    topic: str = ""
    partition: int = -1
    offset: int = -1
    recorded_at: datetime | None = None


def iso(at: datetime) -> str:
    """Return RFC 3339 text with milliseconds and Z, as CloudEvents wants."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def headers_of(event: Event[Record]) -> Headers:
    """Return the Kafka headers of an event; an extension that says nothing is left out."""
    headers: Headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", event.id.encode()),
        ("ce_source", event.source.encode()),
        ("ce_type", event.type.encode()),
        ("ce_time", iso(event.time).encode()),
        ("ce_subject", event.key.encode()),
        ("content-type", b"application/avro"),
    ]
    if event.sequence is not None:
        headers.append(("ce_sequence", str(event.sequence).encode()))
    if event.hops:
        headers.append(("ce_hops", str(event.hops).encode()))
    for header, field in _EXTENSIONS.items():
        value = getattr(event, field)
        if value:
            headers.append((header, value.encode()))
    return headers


def _long(value: bytes) -> int:
    """Return a number that fits into 64 bits, as everything that remembers it does."""
    number = int(value)
    if not -(2**63) <= number < 2**63:
        raise ValueError(f"{number} has more than 64 bits")
    return number


def event_from(
    data: Record,
    headers: Iterable[tuple[str, bytes]] | None,
    *,
    topic: str = "",
    partition: int = -1,
    offset: int = -1,
    timestamp_ms: int = 0,
    key: str = "",
) -> Event[Record]:
    """Build an event from its decoded record and Kafka headers.

    CloudEvents lets a producer leave out time and subject: then Kafka's timestamp and the record's key stand for them.
    Raises DecodeError (BAD_ENVELOPE) when a required attribute is missing or unreadable.
    """
    recorded_at = datetime.fromtimestamp(timestamp_ms / 1000, UTC) if timestamp_ms else None
    try:
        fields: dict[str, Any] = {"key": key}
        for name, value in headers or ():
            field = TEXTS.get(name)
            if field is not None:
                fields[field] = value.decode()
            elif name in NUMBERS:
                fields[NUMBERS[name]] = _long(value)
        said = fields.get("time")
        time = datetime.fromisoformat(said) if said is not None else recorded_at
        if time is None or time.tzinfo is None:
            raise ValueError(f"ce_time {said} has no offset")
        fields["time"] = time
        return Event(
            data=data,
            topic=topic,
            partition=partition,
            offset=offset,
            recorded_at=recorded_at,
            **fields,
        )
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise DecodeError("BAD_ENVELOPE", f"CloudEvents header missing or unreadable: {error!r}") from error
