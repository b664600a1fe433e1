"""Schedule: which timer of which key comes due next. It is derived from the envelopes and decides nothing by itself.

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

    __slots__ = ("_entered", "_heap")

    def __init__(self) -> None:
        self._heap: list[Entry] = []
        self._entered: dict[tuple[str, str], int] = {}

    def __len__(self) -> int:
        return len(self._entered)

    def rebuild(self, entries: Iterable[Entry]) -> None:
        """Replace everything by these entries."""
        self._heap = list(entries)
        heapq.heapify(self._heap)
        self._entered = {(key, name): due for due, key, name in self._heap}

    def arm(self, key: str, name: str, due: int) -> None:
        """See to it that the timer comes up no later than `due`."""
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
