"""StateEnvelope: everything that is durable about one key of a state, as one Avro record in the changelog.

State, timers, sequences given, sequences seen and ids seen travel together, so that they can never disagree. A Cell is
that content while it is worked on; a liandong.kit.StateEnvelope is its durable form. Neither knows Kafka or RocksDB.
"""

from hashlib import blake2b
from typing import Any

import msgspec
from liandong_contracts.base import Record
from liandong_contracts.kit import StateEnvelope
from liandong_contracts.kit import Timer as TimerRecord

from liandong.errors import DecodeError
from liandong.stream.causes import Cause
from liandong.stream.timers import from_ms, to_ms


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


def envelope_of(cell: Cell) -> StateEnvelope | None:
    """Return the changelog record of a cell; None when nothing is left."""
    if cell.raw is None and cell.is_empty():
        return None
    timers = tuple([_record_of(name, timer) for name, timer in cell.timers.items()]) if cell.timers else ()
    return StateEnvelope(
        state=cell.raw, timers=timers, sequences=cell.sequences, fences=cell.fences, recent=cell.recent
    )


def cell_of(record: Record) -> Cell:
    """Return the cell of a changelog record, its `state` not yet decoded. Raises DecodeError (BAD_STATE)."""
    if not isinstance(record, StateEnvelope):
        raise DecodeError("BAD_STATE", f"a changelog holds state envelopes, not {record.FULL_NAME}")
    timers = {timer.name: _timer_of(timer) for timer in record.timers} if record.timers else None
    return Cell(None, record.state, timers, dict(record.sequences), dict(record.fences), record.recent)


def _record_of(name: str, timer: Timer) -> TimerRecord:
    cause = timer.cause
    return TimerRecord(
        name=name,
        due=from_ms(timer.due),
        cause_id=cause.id,
        event_id=cause.event_id,
        correlation_id=cause.correlation_id,
        area_code=cause.area_code,
        traceparent=cause.traceparent,
        mode=cause.mode,
        drill_id=cause.drill_id,
        replay_id=cause.replay_id,
    )


def _timer_of(record: TimerRecord) -> Timer:
    cause = Cause(
        record.cause_id,
        record.event_id,
        record.correlation_id,
        record.area_code,
        record.traceparent,
        record.mode,
        record.drill_id,
        record.replay_id,
    )
    return Timer(to_ms(record.due), cause)
