"""The open dead letters of a stream service, as an operator sees them, and orders about them.

What is open is read from the letters topic, why a record failed from the dead-letter topic. An order is one record; the
instance that has the partition carries it out, inside a transaction.
"""

import time
from collections.abc import Iterator
from typing import Any, Protocol, cast

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Producer, TopicPartition
from liandong_contracts.base import Record
from liandong_contracts.kit import HeldRecord, LetterOrder

from liandong.errors import ConfigError, Unavailable
from liandong.settings import Settings
from liandong.stream.admin import Admin, dead_letter_wire
from liandong.stream.held import Place, order_key, place_of
from liandong.stream.letters import letters_wire
from liandong.stream.messages import KafkaMessage
from liandong.stream.tuning import restore_config

_PATIENCE_S = 30.0


class OrderCodec(Protocol):
    """Records to framed bytes and back."""

    def encode(self, topic: str, record: Record) -> bytes:
        """Return the framed bytes of a record for a topic (name on the wire)."""
        ...

    def decode(self, value: bytes) -> Record:
        """Return the record of framed bytes."""
        ...


class OpenLetter(msgspec.Struct, frozen=True):
    """One open dead letter. `waiting`: records of its key behind it; `error`: of the last attempt, where still kept."""

    record: HeldRecord
    waiting: int
    error: str

    @property
    def name(self) -> str:
        """Return how commands call it: TOPIC-PARTITION-OFFSET."""
        return "-".join(map(str, place_of(self.record)))


def named(letters: list[OpenLetter], names: list[str], service: str) -> list[OpenLetter]:
    """Return those of a service's open dead letters that are named. Raises ConfigError for one that is not open."""
    known = {letter.name: letter for letter in letters}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ConfigError(f"not an open dead letter of {service}: {', '.join(unknown)}; see `liandong dlq list`")
    return [known[name] for name in names]


class DeadLetters:
    """The open dead letters of one service. Raises ConfigError for a service without any topic of its own."""

    def __init__(self, settings: Settings, service: str, codec: OrderCodec) -> None:
        self._settings, self._service, self._codec = settings, service, codec
        self._admin = Admin(settings, _PATIENCE_S)
        self._topic = letters_wire(settings, service)
        if self._topic not in self._admin.facts([self._topic]):
            raise ConfigError(f"there is no topic {self._topic}; is {service} a stream service of this tier and world?")

    def open(self) -> list[OpenLetter]:
        """Return the open dead letters, oldest first for each partition."""
        last = {message.key() or b"": message.value() for message in self._messages(self._topic)}
        records = [self._codec.decode(value) for value in last.values() if value is not None]
        held = sorted((one for one in records if isinstance(one, HeldRecord)), key=place_of)
        errors = self._errors()
        waiting: dict[tuple[str, bytes | None], int] = {}
        for one in held:
            if one.reason is None:
                waiting[one.topic, one.key] = waiting.get((one.topic, one.key), 0) + 1
        return [
            OpenLetter(
                one,
                waiting.get((one.topic, one.key), 0) if one.parks else 0,
                errors.get(place_of(one), "no longer kept"),
            )
            for one in held
            if one.reason is not None
        ]

    def find(self, names: list[str]) -> list[OpenLetter]:
        """Return open dead letters by name. Raises ConfigError for one that is not open."""
        return named(self.open(), names, self._service)

    def order(self, letters: list[OpenLetter], *, replay: bool) -> None:
        """Have dead letters handled again, or given up. Raises Unavailable when Kafka does not take the orders."""
        producer = Producer({"bootstrap.servers": self._settings.bootstrap, "enable.idempotence": True})
        for letter in letters:
            topic, partition, offset = place_of(letter.record)
            order = LetterOrder(topic=topic, partition=partition, offset=offset, replay=replay)
            value = self._codec.encode(self._topic, order)
            producer.produce(self._topic, value, order_key((topic, partition, offset)), partition=0)
        if producer.flush(_PATIENCE_S):
            raise Unavailable(f"Kafka did not take the orders within {_PATIENCE_S:.0f} s; they may still arrive")

    def wait(self, letters: list[OpenLetter], seconds: float) -> list[OpenLetter]:
        """Wait until orders have been carried out; return those of the letters that are open all the same."""
        end = time.monotonic() + seconds
        tried = {letter.name: letter.record.attempts for letter in letters}
        while True:
            left = [letter for letter in self.open() if letter.name in tried]
            undone = [letter for letter in left if letter.record.attempts == tried[letter.name]]
            if not undone or time.monotonic() > end:
                return left
            time.sleep(0.3)

    def _errors(self) -> dict[Place, str]:
        topic = dead_letter_wire(self._settings, self._service)
        errors: dict[Place, str] = {}
        for message in self._messages(topic):
            headers = dict(message.headers() or [])
            place = headers["dl_topic"].decode(), int(headers["dl_partition"]), int(headers["dl_offset"])
            errors[place] = headers["dl_error"].decode(errors="replace")
        return errors

    def _messages(self, topic: str) -> Iterator[KafkaMessage]:
        """Give every committed record of a one-partition topic up to its end."""
        end = self._admin.bounds([(topic, 0)])[topic, 0][1]
        consumer = Consumer(restore_config(self._settings, self._service))
        deadline = time.monotonic() + _PATIENCE_S
        try:
            consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
            at = 0
            while at < end:
                if time.monotonic() > deadline:
                    raise Unavailable(f"{topic} cannot be read up to its end; is a transaction open?")
                for message in cast("list[KafkaMessage]", consumer.consume(1000, 0.05)):
                    error = message.error()
                    if error is None:
                        yield message
                        at = message.offset() + 1
                    elif error.code() == KafkaError._PARTITION_EOF:
                        at = message.offset()
        except KafkaException as error:
            raise Unavailable(f"{topic} cannot be read: {error.args[0].str()}") from error
        finally:
            consumer.close()


def shown(record: HeldRecord, codec: OrderCodec) -> dict[str, Any]:
    """Return a held record for reading: its place, headers, and its value decoded where that can be done."""
    try:
        value: Any = msgspec.to_builtins(codec.decode(record.value or b""))
    except Exception as error:
        value = {"bytes": (record.value or b"").hex(), "cannot be decoded": str(error)}
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": record.timestamp,
        "key": (record.key or b"").decode(errors="replace"),
        "reason": record.reason,
        "attempts": record.attempts,
        "headers": {header.name: header.value.decode(errors="replace") for header in record.headers},
        "value": value,
    }
