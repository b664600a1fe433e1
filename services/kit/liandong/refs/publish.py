"""Publish: brings a state topic to a given content. Only what differs is sent, so a restart publishes nothing."""

import logging
from collections.abc import Iterable
from typing import Protocol

import msgspec
from confluent_kafka import KafkaError, Message, Producer
from liandong_contracts.base import Record, Topic

from liandong.clock import real_now
from liandong.errors import ConfigError, DecodeError, Unavailable
from liandong.event import Event, Headers, headers_of
from liandong.ids import event_id
from liandong.refs.reader import Row, read_to_end
from liandong.settings import Settings
from liandong.stream.tuning import PARTITIONER

log = logging.getLogger(__name__)

_ACKED_WITHIN_S = 30.0


class Codec(Protocol):
    """What publishing needs of a codec."""

    def encode(self, topic: str, record: Record) -> bytes:
        """Return the framed bytes of a record for a topic."""
        ...

    def decode(self, value: bytes) -> Record:
        """Return the record of framed bytes."""
        ...


class Published(msgspec.Struct, frozen=True):
    """How many records were sent, how many keys deleted, and how many were already right."""

    sent: int
    deleted: int
    same: int


def publish(
    settings: Settings, codec: Codec, topic: Topic, records: Iterable[Record], *, delete_others: bool = True
) -> Published:
    """Make the topic hold exactly these records (with `delete_others`; else at least these). Only its owner may.

    Sequences grow with the machine's time, so that a key that comes back after its deletion is not taken for an old
    event. Raises ConfigError for a topic that is not a state topic, Unavailable when Kafka does not take everything.
    """
    if topic.kind != "state":
        raise ConfigError(f"{topic.name} is a {topic.kind} topic; only a state topic can be published as a whole")
    wire = topic.wire(settings.tier, settings.world)
    wanted = {topic.key_of(record): record for record in records}
    present = read_to_end(settings, wire)
    sender = _Sender(settings, wire)
    changed = {key: record for key, record in wanted.items() if not _holds(codec, wire, present.get(key), record)}
    gone = [key for key, row in present.items() if row.value is not None and key not in wanted] if delete_others else []
    for key, record in changed.items():
        event = _event(settings, topic, wire, key, record, present.get(key))
        sender.send(key, codec.encode(wire, record), headers_of(event))
    for key in gone:
        sender.send(key, None, [])
    sender.finish()
    result = Published(len(changed), len(gone), len(wanted) - len(changed))
    log.info("%s: %d sent, %d deleted, %d unchanged", wire, result.sent, result.deleted, result.same)
    return result


def _holds(codec: Codec, wire: str, row: Row | None, record: Record) -> bool:
    if row is None or row.value is None:
        return False
    try:
        return codec.decode(row.value) == codec.decode(codec.encode(wire, record))
    except DecodeError:
        return False


def _event(settings: Settings, topic: Topic, wire: str, key: str, record: Record, before: Row | None) -> Event[Record]:
    now = real_now()
    last = int(dict(before.headers).get("ce_sequence", b"0")) if before else 0
    sequence = max(last + 1, int(now.timestamp() * 1000))
    return Event(
        data=record,
        id=event_id(f"{wire}|{key}", record.FULL_NAME, sequence),
        type=record.FULL_NAME,
        source=f"/{settings.area_code}/{topic.owner}",
        time=now,
        key=key,
        sequence=sequence,
        area_code=getattr(record, "area_code", None),
        topic=wire,
    )


class _Sender:
    """Sends records and waits until all are acknowledged."""

    def __init__(self, settings: Settings, wire: str) -> None:
        self._wire = wire
        self._errors: list[str] = []
        self._producer = Producer(
            {
                "bootstrap.servers": settings.bootstrap,
                "enable.idempotence": True,
                "acks": "all",
                "linger.ms": 2,
                "partitioner": PARTITIONER,
                "message.timeout.ms": int(_ACKED_WITHIN_S * 1000),
            }
        )

    def send(self, key: str, value: bytes | None, headers: Headers) -> None:
        while True:
            try:
                self._producer.produce(
                    self._wire, value, key.encode(), headers=list(headers), on_delivery=self._delivered
                )
            except BufferError:
                self._producer.poll(0.05)
            else:
                return

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._errors.append(error.str())

    def finish(self) -> None:
        left = self._producer.flush(_ACKED_WITHIN_S)
        if left or self._errors:
            reason = self._errors[0] if self._errors else "no answer"
            raise Unavailable(f"{self._wire}: {left + len(self._errors)} records were not acknowledged ({reason})")
