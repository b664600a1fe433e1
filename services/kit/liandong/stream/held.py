"""Held records of one part: open dead letters, and what waits behind them until they are replayed or skipped.

A Lot is durable as records of the service's letters topic, written in the transactions that change it. It lives in
memory, so both kinds are bounded: the engine stops taking input while `is_full`, and the oldest letters that nobody
waits behind are given up beyond `kept`. It knows no Kafka.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Protocol

import msgspec
from confluent_kafka import KafkaError
from liandong_contracts.base import Record
from liandong_contracts.kit import HeldHeader, HeldRecord

from liandong.stream.messages import KafkaMessage

Place = tuple[str, int, int]  # topic on the wire, partition, offset
Queue = tuple[str, bytes]  # topic on the wire, key
Change = tuple[bytes, bytes | None]


class Encoder(Protocol):
    """What a lot needs of a codec."""

    def encode(self, topic: str, record: Record) -> bytes:
        """Return the framed bytes of a record for a topic (name on the wire)."""
        ...


def place_of(record: HeldRecord) -> Place:
    """Return where a held record came from."""
    return record.topic, record.partition, record.offset


def held_key(place: Place) -> bytes:
    """Return the letters topic's key of a held record."""
    return f"held|{place[0]}|{place[1]}|{place[2]}".encode()


def order_key(place: Place) -> bytes:
    """Return the letters topic's key of an order."""
    return f"order|{place[0]}|{place[1]}|{place[2]}".encode()


class HeldMessage:
    """A held record as the message that it was."""

    __slots__ = ("_record",)

    def __init__(self, record: HeldRecord) -> None:
        self._record = record

    def topic(self) -> str:
        """Return the topic on the wire."""
        return self._record.topic

    def partition(self) -> int:
        """Return the partition."""
        return self._record.partition

    def offset(self) -> int:
        """Return the offset."""
        return self._record.offset

    def key(self) -> bytes | None:
        """Return the key."""
        return self._record.key

    def value(self) -> bytes | None:
        """Return the value."""
        return self._record.value

    def headers(self) -> list[tuple[str, bytes]]:
        """Return the headers."""
        return [(header.name, header.value) for header in self._record.headers]

    def timestamp(self) -> tuple[int, int]:
        """Return the kind of timestamp and the milliseconds."""
        return 1, int(self._record.timestamp.timestamp() * 1000)

    def error(self) -> KafkaError | None:
        """Return None: it was a record."""
        return None


def record_of(message: KafkaMessage, *, reason: str | None, parks: bool) -> HeldRecord:
    """Return a message as a held record."""
    return HeldRecord(
        topic=message.topic(),
        partition=message.partition(),
        offset=message.offset(),
        timestamp=datetime.fromtimestamp(max(0, message.timestamp()[1]) / 1000, UTC),
        key=message.key(),
        value=message.value(),
        headers=tuple(HeldHeader(name=name, value=value or b"") for name, value in message.headers() or ()),
        reason=reason,
        parks=parks,
        attempts=0 if reason is None else 1,
    )


class Lot:
    """The held records of one part. `parking`: topics (on the wire) whose keys wait behind a dead letter."""

    def __init__(
        self,
        records: Iterable[HeldRecord],
        encoder: Encoder,
        topic: str,
        parking: frozenset[str],
        *,
        room: int = 10_000,
        kept: int = 10_000,
    ) -> None:
        self._encoder, self._topic, self._parking = encoder, topic, parking
        self._room, self._kept = room, kept
        self._held = {place_of(record): record for record in sorted(records, key=place_of)}
        self.queues: dict[Queue, dict[Place, None]] = {}  # what has to keep its order; usually nothing
        self._before: dict[Place, HeldRecord | None] = {}  # what the open transaction found
        self._settled: dict[Place, int] = {}
        self._acted: dict[Place, int] = {}
        self._index()

    @property
    def touched(self) -> bool:
        """Say whether the open transaction changed anything."""
        return bool(self._before or self._settled)

    @property
    def letters(self) -> list[HeldRecord]:
        """Return the open dead letters."""
        return [record for record in self._held.values() if record.reason is not None]

    @property
    def waiting(self) -> int:
        """Return how many records wait behind dead letters or to be handled after them."""
        return sum(record.reason is None for record in self._held.values()) if self.queues else 0

    @property
    def is_full(self) -> bool:
        """Say whether so much waits that no more input should be taken."""
        return bool(self.queues) and self.waiting >= self._room

    def letter(self, place: Place) -> HeldRecord | None:
        """Return an open dead letter."""
        record = self._held.get(place)
        return record if record is not None and record.reason is not None else None

    def holds(self, topic: str, key: bytes | None) -> bool:
        """Say whether records of this key have to wait."""
        return bool(self.queues) and key is not None and (topic, key) in self.queues

    def park(self, message: KafkaMessage) -> None:
        """Let a message wait behind the dead letter of its key."""
        self._put(record_of(message, reason=None, parks=False))

    def bury(self, message: KafkaMessage, reason: str) -> None:
        """Note that a message, new or held already, is an open dead letter."""
        place = message.topic(), message.partition(), message.offset()
        known = self._held.get(place)
        if known is None:
            parks = message.topic() in self._parking and message.key() is not None
            self._put(record_of(message, reason=reason, parks=parks))
            self._give_up()
        else:
            self._put(
                msgspec.structs.replace(
                    known, reason=reason, parks=known.parks or self._is_queued(known), attempts=known.attempts + 1
                )
            )

    def release(self, place: Place) -> None:
        """Forget a record, if it is held: it was handled, or skipped."""
        record = self._held.pop(place, None)
        if record is None:
            return
        self._before.setdefault(place, record)
        queue = record.topic, record.key or b""
        places = self.queues.get(queue)
        if places is not None:
            places.pop(place, None)
            if not places:
                del self.queues[queue]

    def is_settled(self, place: Place, order: int) -> bool:
        """Say whether the order for a place that lies at offset `order` has been carried out."""
        return order <= max(self._settled.get(place, -1), self._acted.get(place, -1))

    def settle(self, place: Place, order: int) -> None:
        """Take away the order for a place, in this transaction."""
        self._settled[place] = order

    def next_free(self, limit: int) -> list[HeldRecord]:
        """Return records that waited and whose dead letter is gone, in order for each key."""
        free: list[HeldRecord] = []
        for places in self.queues.values():
            for place in places:
                record = self._held[place]
                if record.reason is not None or len(free) >= limit:
                    break
                free.append(record)
        return free

    def is_first(self, record: HeldRecord) -> bool:
        """Say whether nothing of its key comes before a held record."""
        places = self.queues.get((record.topic, record.key or b""))
        return places is not None and next(iter(places)) == place_of(record)

    def changes(self) -> list[Change]:
        """Return the letters topic's records of the open transaction."""
        changed: list[Change] = []
        for place in self._before:
            record = self._held.get(place)
            changed.append((held_key(place), None if record is None else self._encoder.encode(self._topic, record)))
        return changed + [(order_key(place), None) for place in self._settled]

    def committed(self) -> None:
        """The transaction holds."""
        self._acted.update(self._settled)
        self._before, self._settled = {}, {}

    def aborted(self) -> None:
        """The transaction does not hold: put everything back."""
        if not self.touched:
            return
        for place, record in self._before.items():
            self._held.pop(place, None)
            if record is not None:
                self._held[place] = record
        self._held = dict(sorted(self._held.items()))
        self._before, self._settled = {}, {}
        self._index()

    def _is_queued(self, record: HeldRecord) -> bool:
        return (record.topic, record.key or b"") in self.queues

    def _put(self, record: HeldRecord) -> None:
        place = place_of(record)
        self._before.setdefault(place, self._held.get(place))
        self._held[place] = record
        if record.reason is None or record.parks:
            self.queues.setdefault((record.topic, record.key or b""), {})[place] = None

    def _give_up(self) -> None:
        """Give up the oldest letter that nobody waits behind, when there are too many; its bytes are on its topic."""
        if len(self._held) <= self._kept:
            return
        oldest = next((p for p, r in self._held.items() if r.reason is not None and not r.parks), None)
        if oldest is not None:
            self.release(oldest)

    def _index(self) -> None:
        self.queues = {}
        for place, record in self._held.items():
            if record.reason is None or record.parks:
                self.queues.setdefault((record.topic, record.key or b""), {})[place] = None
