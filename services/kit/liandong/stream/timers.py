"""Schedule: which timer of which key comes due next. It is derived from the envelopes and decides nothing by itself.

Only the next `limit` timers are kept; the store has them all. `horizon`: every timer due before it is entered here, the
others are found by a scan of the store when few are left (None: all are here).
A timer that is only moved later costs nothing here: its old entry stays, and when that comes up the envelope says that
the timer is due later and it is entered again. So a timer that every event pushes back does not fill the heap.
"""

import heapq
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)

Entry = tuple[int, str, str]


def to_ms(at: datetime) -> int:
    """Return whole milliseconds since 1970 (rounded down). Raises ValueError for a time without a zone."""
    if at.tzinfo is None:
        raise ValueError(f"time {at.isoformat()} has no time zone; use UTC")
    return (at - _EPOCH) // _MS


def from_ms(ms: int) -> datetime:
    """Return the UTC time of milliseconds since 1970."""
    return _EPOCH + ms * _MS


class Schedule:
    """A heap of (due, key, name) with at most one live entry for each (key, name)."""

    __slots__ = ("_entered", "_heap", "_limit", "horizon")

    def __init__(self, limit: int = 200_000) -> None:
        self.horizon: int | None = None
        self._limit = limit
        self._heap: list[Entry] = []
        self._entered: dict[tuple[str, str], int] = {}

    def __len__(self) -> int:
        return len(self._entered)

    def rebuild(self, entries: Iterable[Entry]) -> None:
        """Replace everything by these entries."""
        self._heap = heapq.nsmallest(self._limit + 1, entries)
        self.horizon = self._heap.pop()[0] if len(self._heap) > self._limit else None
        self._entered = {(key, name): due for due, key, name in self._heap}

    @property
    def is_low(self) -> bool:
        """Say whether the store should be scanned for further timers."""
        return self.horizon is not None and len(self._heap) <= self._limit // 4

    def refill(self, entries: Iterable[Entry]) -> None:
        """Enter what a scan has found, as far as there is room."""
        found = heapq.nsmallest(self._limit + 1, entries)
        self.horizon = found.pop()[0] if len(found) > self._limit else None
        for due, key, name in found:
            self._enter(key, name, due)

    def arm(self, key: str, name: str, due: int) -> None:
        """See to it that the timer comes up no later than `due`; the store must have it already."""
        if self.horizon is None or due < self.horizon:
            self._enter(key, name, due)

    def _enter(self, key: str, name: str, due: int) -> None:
        known = self._entered.get((key, name))
        if known is None or due < known:
            self._entered[key, name] = due
            heapq.heappush(self._heap, (due, key, name))

    def pop(self, now_ms: int) -> Entry | None:
        """Take the next entry that is due; the caller asks the envelope whether it still holds."""
        heap = self._heap
        while heap and heap[0][0] <= now_ms:
            entry = heapq.heappop(heap)
            due, key, name = entry
            if self._entered.get((key, name)) == due:
                del self._entered[key, name]
                return entry
        return None

    def next_due(self) -> int | None:
        """Return when the next entry comes up; it may turn out to be stale."""
        return self._heap[0][0] if self._heap else None

    def clear(self) -> None:
        """Forget everything."""
        self._heap.clear()
        self._entered.clear()
