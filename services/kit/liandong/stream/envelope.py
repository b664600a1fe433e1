"""StateEnvelope: everything that is durable about one key of a state, as one Avro record in the changelog.

State, timers, sequences given, sequences seen and ids seen travel together, so that they can never disagree. The wire
form is plain Avro of liandong.kit.StateEnvelope with Confluent framing; it is written and read by hand because it is on
the hot path (the unit tests hold it against fastavro). This module knows neither Kafka nor RocksDB.
"""

from hashlib import blake2b
from typing import Any

import msgspec

from liandong.errors import DecodeError
from liandong.stream.causes import Cause


class Timer(msgspec.Struct, frozen=True, gc=False):
    """One armed timer: when it is due (epoch milliseconds) and what armed it."""

    due: int
    cause: Cause


_NO_TIMERS: dict[str, Timer] = {}  # shared by all cells, as dictionaries are replaced and never changed
_NO_COUNTS: dict[str, int] = {}


class Cell:
    """One key's durable content, decoded. A cell below the transaction is never changed; handlers' work is on a copy.

    `raw` is the framed encoding of `state`, kept so that an unchanged state is not encoded again.
    """

    __slots__ = ("fences", "raw", "recent", "sequences", "state", "timers")

    def __init__(
        self,
        state: Any = None,
        raw: bytes | None = None,
        timers: dict[str, Timer] | None = None,
        sequences: dict[str, int] | None = None,
        fences: dict[str, int] | None = None,
        recent: bytes = b"",
    ) -> None:
        self.state = state
        self.raw = raw
        self.timers = timers or _NO_TIMERS
        self.sequences = sequences or _NO_COUNTS
        self.fences = fences or _NO_COUNTS
        self.recent = recent

    def copy(self) -> "Cell":
        """Return a cell that shares the dictionaries: replace them, do not change them."""
        new: Cell = Cell.__new__(Cell)
        new.state, new.raw, new.timers = self.state, self.raw, self.timers
        new.sequences, new.fences, new.recent = self.sequences, self.fences, self.recent
        return new

    def is_empty(self) -> bool:
        """Say whether nothing is left to remember, so that the key itself may go."""
        return not (self.raw or self.timers or self.sequences or self.fences or self.recent)


def mark_of(event_id: str) -> bytes:
    """Return the 8 bytes by which an event id is remembered."""
    return blake2b(event_id.encode(), digest_size=8).digest()


def has_mark(recent: bytes, mark: bytes) -> bool:
    """Say whether a mark is among the remembered ones."""
    at = recent.find(mark)
    while at >= 0 and at % 8:  # a match across two marks is no match
        at = recent.find(mark, at + 1)
    return at >= 0


def _zigzag(value: int) -> bytes:
    value = value << 1 if value >= 0 else (~value << 1) | 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


_SMALL = [_zigzag(n) for n in range(4096)]


def _long(value: int) -> bytes:
    return _SMALL[value] if 0 <= value < 4096 else _zigzag(value)


def _text(value: str) -> bytes:
    raw = value.encode()
    return _long(len(raw)) + raw


def _optional(value: str | None) -> bytes:
    return b"\0" if value is None else b"\2" + _text(value)


def _longs(values: dict[str, int]) -> bytes:
    if not values:
        return b"\0"
    return _long(len(values)) + b"".join([_text(k) + _long(v) for k, v in values.items()]) + b"\0"


def _timers(timers: dict[str, Timer]) -> bytes:
    if not timers:
        return b"\0"
    parts = [_long(len(timers))]
    for name, timer in timers.items():
        c = timer.cause
        parts += (_text(name), _long(timer.due), _text(c.id), _text(c.event_id), _text(c.correlation_id))
        parts += (_optional(c.area_code), _optional(c.traceparent), _optional(c.mode))
        parts += (_optional(c.drill_id), _optional(c.replay_id))
    parts.append(b"\0")
    return b"".join(parts)


def pack(cell: Cell, prefix: bytes) -> bytes | None:
    """Return the changelog value of a cell, framed with `prefix` (magic and schema id); None when nothing is left."""
    raw = cell.raw
    if raw is None and cell.is_empty():
        return None
    state = b"\0" if raw is None else b"\2" + _long(len(raw)) + raw
    fences, recent = _longs(cell.fences), cell.recent
    return b"".join((prefix, state, _timers(cell.timers), _longs(cell.sequences), fences, _long(len(recent)), recent))


class _Reader:
    __slots__ = ("at", "raw")

    def __init__(self, raw: bytes, at: int) -> None:
        self.raw = raw
        self.at = at

    def long(self) -> int:
        raw, at, shift, value = self.raw, self.at, 0, 0
        while True:
            byte = raw[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
        self.at = at
        return (value >> 1) ^ -(value & 1)

    def bytes(self) -> bytes:
        size = self.long()
        start = self.at
        self.at = start + size
        if size < 0 or self.at > len(self.raw):
            raise IndexError("the value ends too early")
        return self.raw[start : self.at]

    def text(self) -> str:
        return self.bytes().decode()

    def optional(self) -> str | None:
        return self.text() if self.long() else None

    def block(self) -> int:
        """Return the item count of an array's or map's next block, 0 at the end."""
        count = self.long()
        if count < 0:  # other writers may add the block's size in bytes
            self.long()
            count = -count
        return count

    def longs(self) -> dict[str, int]:
        values: dict[str, int] = {}
        while count := self.block():
            for _ in range(count):
                key = self.text()
                values[key] = self.long()
        return values

    def timers(self) -> dict[str, Timer]:
        timers: dict[str, Timer] = {}
        while count := self.block():
            for _ in range(count):
                name, due = self.text(), self.long()
                ids = self.text(), self.text(), self.text()
                rest = [self.optional() for _ in range(5)]
                timers[name] = Timer(due, Cause(*ids, *rest))
        return timers


def unpack(value: bytes) -> Cell:
    """Return the cell of a changelog value, its `state` not yet decoded. Raises DecodeError (BAD_STATE)."""
    try:
        reader = _Reader(value, 5)
        raw = reader.bytes() if reader.long() else None
        timers, sequences, fences = reader.timers(), reader.longs(), reader.longs()
        return Cell(None, raw, timers, sequences, fences, reader.bytes())
    except (IndexError, UnicodeDecodeError) as error:
        raise DecodeError("BAD_STATE", f"changelog value is no StateEnvelope: {error}") from error
