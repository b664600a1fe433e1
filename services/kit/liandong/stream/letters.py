"""Letters: the service's letters topic as this process follows it: what is held for every part, and people's orders.

The parts that run here change their lots in their own transactions; this copy serves the parts that will come, and
brings the orders. A part may begin only when the copy has reached the end that the topic had when the part came.
"""

import logging
import time
from typing import Any, Protocol, cast

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition
from liandong_contracts.base import Record
from liandong_contracts.kit import HeldRecord, LetterOrder

from liandong.errors import DecodeError
from liandong.settings import Settings
from liandong.stream.admin import Admin
from liandong.stream.held import Lot, Place
from liandong.stream.messages import KafkaMessage
from liandong.stream.transactions import FatalError
from liandong.stream.tuning import Tuning

log = logging.getLogger(__name__)

_LOOK_EVERY_S = 0.05
_AT_ONCE = 500


class LetterCodec(Protocol):
    """Records to framed bytes and back."""

    def encode(self, topic: str, record: Record) -> bytes:
        """Return the framed bytes of a record for a topic (name on the wire)."""
        ...

    def decode(self, value: bytes) -> Record:
        """Return the record of framed bytes."""
        ...


def letters_wire(settings: Settings, service: str) -> str:
    """Return the name of a service's letters topic."""
    return settings.scoped(f"{service}.letters.v1")


class Letters:
    """Follows the letters topic. `orders`: place -> (offset of the order, whether to replay)."""

    def __init__(
        self,
        consumer: Consumer,
        admin: Admin,
        codec: LetterCodec,
        topic: str,
        parking: frozenset[str],
        tuning: Tuning,
    ) -> None:
        self.topic = topic
        self.orders: dict[Place, tuple[int, bool]] = {}
        self._consumer, self._admin, self._codec = consumer, admin, codec
        self._parking, self._tuning = parking, tuning
        self._held: dict[bytes, HeldRecord] = {}
        self._order_places: dict[bytes, Place] = {}
        self._position = 0
        self._looked_at = 0.0

    def start(self) -> None:
        """Begin to follow."""
        self._consumer.assign([TopicPartition(self.topic, 0, OFFSET_BEGINNING)])

    def close(self) -> None:
        """Close the connections."""
        self._consumer.close()

    def end(self) -> int:
        """Return the topic's high watermark. Ask only after the group's positions have been read."""
        return self._admin.bounds([(self.topic, 0)])[self.topic, 0][1]

    def has_reached(self, end: int) -> bool:
        """Say whether everything before `end` has been read."""
        return self._position >= end

    def lot(self, topics: frozenset[str], number: int) -> Lot:
        """Return what is held for partition `number` of these topics."""
        held = [one for one in self._held.values() if one.partition == number and one.topic in topics]
        room, kept = self._tuning.parked, self._tuning.letters
        return Lot(held, self._codec, self.topic, self._parking, room=room, kept=kept)

    def look(self, *, now: bool = False) -> None:
        """Read what has come, now and then only unless `now`. Raises FatalError for what cannot be read."""
        at = time.monotonic()
        if not now and at - self._looked_at < _LOOK_EVERY_S:
            return
        self._looked_at = at
        for message in cast("list[KafkaMessage]", self._consumer.consume(_AT_ONCE, 0)):
            error = message.error()
            if error is None:
                self._take(message.key() or b"", message.value(), message.offset())
                self._position = message.offset() + 1
            elif error.code() == KafkaError._PARTITION_EOF:
                self._position = message.offset()
            elif error.fatal():
                raise FatalError(f"{self.topic} cannot be read: {error.str()}")
            else:
                log.warning("reading %s: %s", self.topic, error.str())

    def _take(self, key: bytes, value: bytes | None, offset: int) -> None:
        if value is None:
            self._held.pop(key, None)
            place = self._order_places.pop(key, None)
            if place is not None:
                self.orders.pop(place, None)
            return
        try:
            record: Any = self._codec.decode(value)
        except DecodeError as error:
            raise FatalError(f"{self.topic}-0 at {offset} cannot be read: {error}") from error
        if isinstance(record, HeldRecord):
            self._held[key] = record
        elif isinstance(record, LetterOrder):
            place = record.topic, record.partition, record.offset
            self._order_places[key] = place
            self.orders[place] = offset, record.replay
