"""Intake: from a Kafka message to an event and its plan, or to nothing. Records that nobody handles are not decoded."""

from typing import Any, Protocol

from liandong_contracts.base import Record

from liandong.errors import DecodeError
from liandong.event import Event, event_from
from liandong.stream.lane import Lane
from liandong.stream.messages import KafkaMessage
from liandong.stream.topology import Plan, Topology

_FRAME = 5


class Decoder(Protocol):
    """What the intake needs of a codec."""

    def decode(self, value: bytes) -> Record:
        """Return the record of framed bytes."""
        ...

    def type_of(self, value: bytes) -> type[Record] | None:
        """Return the record type of framed bytes without reading the body; None for one that this build lacks."""
        ...


class Intake:
    """Reads the messages of one service's topics."""

    def __init__(self, decoder: Decoder, topology: Topology, names: dict[str, str], lane: Lane | None = None) -> None:
        """`names`: topic on the wire -> short name; `lane`: takes the usual messages, where it was built."""
        self.lane = lane
        self._decoder = decoder
        self._by_name = {wire: topology.plans[name] for wire, name in names.items()}
        self._by_frame: dict[str, dict[bytes, Plan | None]] = {wire: {} for wire in names}

    def read(self, message: KafkaMessage, topic: str) -> tuple[Plan, Event[Any]] | None:
        """Return what to run for a message; None for a tombstone or a record without a handler.

        Raises DecodeError for what no reader can use, Unavailable when a schema cannot be asked for now.
        """
        value = message.value()
        if value is None:
            return None
        known = self._by_frame[topic]
        frame = value[:_FRAME]
        plan = known[frame] if frame in known else self._learn(topic, frame, value)
        if plan is None:
            return None
        raw_key = message.key()
        if raw_key is None:
            raise DecodeError("BAD_ENVELOPE", "the record has no key")
        try:
            key = raw_key.decode()
        except ValueError as error:
            raise DecodeError("BAD_ENVELOPE", f"the record's key {raw_key!r} is not UTF-8") from error
        event = event_from(
            self._decoder.decode(value),
            message.headers(),
            topic=topic,
            partition=message.partition(),
            offset=message.offset(),
            timestamp_ms=message.timestamp()[1],
            key=key,
        )
        if event.key != key:
            raise DecodeError("BAD_ENVELOPE", f"ce_subject {event.key!r} is not the record's key {key!r}")
        return plan, event

    def _learn(self, topic: str, frame: bytes, value: bytes) -> Plan | None:
        record = self._decoder.type_of(value)
        plan = self._by_name[topic].get(record.FULL_NAME) if record is not None else None
        self._by_frame[topic][frame] = plan
        if plan is not None and self.lane is not None:
            self.lane.add(topic, frame, plan)
        return plan
