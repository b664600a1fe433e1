"""Rain of one station over the last 25 hours in five-minute slots, and the sums of its windows.

A slot keeps the largest interval amount and the largest cumulative amount that were reported for it. Taking the larger
makes the log independent of the order and of repetitions, and an additional report in the same five minutes (SL 651
sends those on a threshold) is not counted twice. Where intervals are missing between two cumulative amounts, their
difference closes the gap; a smaller cumulative amount is a counter that began again at nought.
The packed form is what a state keeps: 2 bytes a slot, 6 when the station reports cumulative amounts, 1 for revisions.
"""

import struct
from datetime import UTC, datetime
from itertools import pairwise
from typing import NamedTuple

SLOT_S = 300
KEEP = 300  # slots: a window of 24 h ends at any moment of the last hour
MAX_INTERVAL_MM = 6553.4
_NO_INTERVAL = 0xFFFF
_NO_TOTAL = 0xFFFF_FFFF
_HEAD = struct.Struct("<BIHB")
_VERSION = 1


class Window(NamedTuple):
    """A sum of rain. `completeness` 0-1: share of the slots whose rain is known within the window."""

    mm: float
    completeness: float


class Sums:
    """Rain per slot of a log as it was when asked for, gaps closed, ready to be summed.

    A slot's amount is sure only as part of the slots [first, last] (a closed gap), and unknown when first > last.
    """

    __slots__ = ("_first", "_last", "_oldest", "_tenths")

    def __init__(self, oldest: int, tenths: list[float], first: list[int], last: list[int]) -> None:
        self._oldest = oldest
        self._tenths = tenths
        self._first = first
        self._last = last

    def window(self, end: int, slots: int) -> Window:
        """Return the window of `slots` slots that ends with slot `end`; what lies before the log is unknown."""
        stop = end - self._oldest + 1
        start = max(0, stop - slots)
        sure = sum(
            1
            for first, last in zip(self._first[start:stop], self._last[start:stop], strict=True)
            if start <= first <= last < stop
        )
        return Window(round(sum(self._tenths[start:stop]) / 10, 1), round(sure / slots, 4))


def slot_of(at: datetime) -> int:
    """Return the slot that a report belongs to: the five minutes that end nearest to `at` (clocks jitter)."""
    return (int(at.timestamp()) + SLOT_S // 2) // SLOT_S


def end_of(slot: int) -> datetime:
    """Return the moment a slot ends."""
    return datetime.fromtimestamp(slot * SLOT_S, UTC)


class RainLog:
    """The slots of one station. Mutable; `pack()` it back into the state when done."""

    __slots__ = ("_intervals", "_newest", "_revisions", "_totals")

    def __init__(self) -> None:
        self._newest = 0
        self._intervals: list[int] = []
        self._totals: list[int] = []
        self._revisions: list[int] = []

    @classmethod
    def unpack(cls, packed: bytes) -> "RainLog":
        """Return the log of a packed state; no bytes: an empty log. Raises ValueError for bytes of another version."""
        log = cls()
        if not packed:
            return log
        version, log._newest, count, has_totals = _HEAD.unpack_from(packed)
        if version != _VERSION:
            raise ValueError(f"rain log of version {version}, this code reads {_VERSION}")
        at = _HEAD.size
        log._intervals = list(struct.unpack_from(f"<{count}H", packed, at))
        log._revisions = list(packed[at + 2 * count : at + 3 * count])
        if has_totals:
            log._totals = list(struct.unpack_from(f"<{count}I", packed, at + 3 * count))
        else:
            log._totals = [_NO_TOTAL] * count
        return log

    def pack(self) -> bytes:
        """Return the bytes that `unpack` reads."""
        count = len(self._intervals)
        has_totals = any(total != _NO_TOTAL for total in self._totals)
        parts = [
            _HEAD.pack(_VERSION, self._newest, count, has_totals),
            struct.pack(f"<{count}H", *self._intervals),
            bytes(self._revisions),
        ]
        if has_totals:
            parts.append(struct.pack(f"<{count}I", *self._totals))
        return b"".join(parts)

    @property
    def newest(self) -> int:
        """The newest slot with a report; 0 in an empty log."""
        return self._newest

    @property
    def oldest(self) -> int:
        """The oldest slot kept."""
        return self._newest - len(self._intervals) + 1

    def add_interval(self, slot: int, mm: float) -> bool:
        """Record the rain of one slot in mm; say whether anything changed."""
        if not 0 <= mm <= MAX_INTERVAL_MM or not self._reach(slot):
            return False
        return self._raise(self._intervals, slot, round(mm * 10), _NO_INTERVAL)

    def add_total(self, slot: int, mm: float) -> bool:
        """Record a cumulative amount in mm; say whether anything changed."""
        if not 0 <= mm < _NO_TOTAL / 10 or not self._reach(slot):
            return False
        return self._raise(self._totals, slot, round(mm * 10), _NO_TOTAL)

    def correct(self, slot: int, mm: float | None, *, total: bool) -> bool:
        """Replace what a slot holds (None: take it away); say whether anything changed."""
        if not self.oldest <= slot <= self._newest:
            return False
        values, missing = (self._totals, _NO_TOTAL) if total else (self._intervals, _NO_INTERVAL)
        tenths = missing if mm is None else round(mm * 10)
        if not 0 <= tenths <= missing:
            return False
        index = slot - self.oldest
        changed = values[index] != tenths
        values[index] = tenths
        return changed

    def reported(self, slot: int) -> bool:
        """Say whether anything was reported for a slot."""
        index = slot - self.oldest
        if not 0 <= index < len(self._intervals):
            return False
        return self._intervals[index] != _NO_INTERVAL or self._totals[index] != _NO_TOTAL

    def revise(self, slot: int) -> int:
        """Count one more revision of the windows that end with a slot, and return the count (at most 255)."""
        index = slot - self.oldest
        self._revisions[index] = min(255, self._revisions[index] + 1)
        return self._revisions[index]

    def revision(self, slot: int) -> int:
        """Return how often the windows that end with a slot were revised."""
        return self._revisions[slot - self.oldest]

    def touched(self, slot: int) -> range:
        """Return the slots whose amount depends on what slot `slot` holds: the gap around it that totals close."""
        index = slot - self.oldest
        low = next((i + 1 for i in range(index - 1, -1, -1) if self._totals[i] != _NO_TOTAL), index)
        high = next((i for i in range(index + 1, len(self._totals)) if self._totals[i] != _NO_TOTAL), index)
        return range(self.oldest + low, self.oldest + high + 1)

    def sums(self) -> Sums:
        """Return the rain of every slot, gaps closed where totals stand at both their edges."""
        count = len(self._intervals)
        tenths = [0.0 if held == _NO_INTERVAL else float(held) for held in self._intervals]
        first = list(range(count))
        last = [-1 if held == _NO_INTERVAL else index for index, held in enumerate(self._intervals)]
        reported = [index for index, held in enumerate(self._totals) if held != _NO_TOTAL]
        for before, after in pairwise(reported):
            gap = [index for index in range(before + 1, after + 1) if last[index] < 0]
            if not gap:
                continue
            fell = self._totals[after] - self._totals[before]
            if fell < 0:
                fell = self._totals[after]
            measured = sum(tenths[before + 1 : after + 1])
            share = max(0.0, fell - measured) / len(gap)
            for index in gap:
                tenths[index], first[index], last[index] = share, before + 1, after
        return Sums(self.oldest, tenths, first, last)

    def _reach(self, slot: int) -> bool:
        """Make room for a slot; False when it is too old to be kept."""
        if not self._intervals:
            self._newest = slot
            self._grow(1)
            return True
        if slot > self._newest:
            self._advance(slot)
        elif slot <= self._newest - KEEP:
            return False
        elif slot < self.oldest:
            self._grow(self.oldest - slot)
        return True

    def _grow(self, older: int) -> None:
        self._intervals[:0] = [_NO_INTERVAL] * older
        self._totals[:0] = [_NO_TOTAL] * older
        self._revisions[:0] = [0] * older

    def _advance(self, slot: int) -> None:
        step = slot - self._newest
        self._newest = slot
        if step >= KEEP:
            self._intervals, self._totals, self._revisions = [_NO_INTERVAL], [_NO_TOTAL], [0]
            return
        for values, missing in ((self._intervals, _NO_INTERVAL), (self._totals, _NO_TOTAL), (self._revisions, 0)):
            values.extend([missing] * step)
            del values[:-KEEP]

    def _raise(self, values: list[int], slot: int, tenths: int, missing: int) -> bool:
        index = slot - self.oldest
        held = values[index]
        if held != missing and held >= tenths:
            return False
        values[index] = tenths
        return True
