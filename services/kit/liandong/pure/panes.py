"""Event-time windows of one key, tumbling or hopping, as a field (`Panes`) of the key's state.

    HOURLY = Windows(timedelta(hours=1), lateness=timedelta(minutes=30))

    added = add(state.panes, HOURLY, event.time, event.data.value)
    for result in added.results: ...      # publish each; alert only where result.live
    Outcome(changed(state, panes=added.panes), late=added.late, timers={"close": due(added.panes, HOURLY)})

A window closes when the key's event time reaches its end, and gives its first result. A value that comes later, but
within the lateness, revises the result (revision + 1): history is put right, nobody is alarmed again. A value beyond
the lateness is left out and counted. Where readings may stop, a timer at `due` closes what is open (`close`).
One value with a time far ahead closes everything before it: reject such values before they come here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from liandong_contracts.kit import Pane, Panes

from liandong.pure.records import changed

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OPEN = -1


class Windows:
    """Which windows there are. Raises ValueError for spans that make none.

    size: of each window. every: from one start to the next, by default `size` (tumbling); less makes them overlap
    (hopping). lateness: how long after its end a window can be revised. origin: the start of any one window.
    """

    __slots__ = ("every", "lateness", "origin", "size")

    def __init__(
        self,
        size: timedelta,
        every: timedelta | None = None,
        *,
        lateness: timedelta = timedelta(0),
        origin: datetime = _EPOCH,
    ) -> None:
        self.size, self.every, self.lateness, self.origin = size, every or size, lateness, origin
        if not timedelta(0) < self.every <= size or lateness < timedelta(0):
            raise ValueError(
                f"windows of {size} every {self.every} with lateness {lateness}: `every` must be above nought and at "
                "most `size`, the lateness not negative"
            )

    def starts(self, at: datetime) -> Iterator[datetime]:
        """Give the starts of the windows that contain a moment (start <= at < end), oldest first."""
        newest = at - (at - self.origin) % self.every
        for back in range((self.size - (at - newest) - timedelta(microseconds=1)) // self.every, -1, -1):
            yield newest - back * self.every


@dataclass(frozen=True, slots=True)
class Result:
    """What a window amounts to. `live` is False for what is told late: it belongs to history and alarms nobody."""

    start: datetime
    end: datetime
    count: int
    total: float
    minimum: float
    maximum: float
    revision: int
    live: bool


class Added(NamedTuple):
    """The panes to keep, the results to publish (oldest first), and how many values were too late (0 or 1)."""

    panes: Panes
    results: tuple[Result, ...]
    late: int


def add(panes: Panes | None, windows: Windows, at: datetime, value: float) -> Added:
    """Take in one value of event time `at`; it may close windows, revise results, or come too late."""
    known = panes or Panes(clock=at)
    clock = max(known.clock, at)
    kept = {pane.start: pane for pane in known.panes}
    late = 0
    revised: set[datetime] = set()
    for start in windows.starts(at):
        end = start + windows.size
        if end + windows.lateness <= known.clock:
            late = 1
            continue
        pane = _with(kept.get(start), start, value)
        if end <= known.clock:
            pane = changed(pane, revision=pane.revision + 1)
            revised.add(start)
        kept[start] = pane
    ordered = [kept[start] for start in sorted(kept)]
    return _moved(changed(known, late=known.late + late), ordered, windows, clock, revised, late)


def close(panes: Panes, windows: Windows, now: datetime) -> Added:
    """Let the key's event time reach `now` without a value: a timer's way to close windows when readings stop."""
    return _moved(panes, list(panes.panes), windows, max(panes.clock, now), set(), 0)


def due(panes: Panes, windows: Windows) -> datetime | None:
    """Return when the oldest open window ends; None when none is open (as a timer: cancel it)."""
    return next((pane.start + windows.size for pane in panes.panes if pane.revision == _OPEN), None)


def _with(pane: Pane | None, start: datetime, value: float) -> Pane:
    if pane is None:
        return Pane(start=start, count=1, total=value, minimum=value, maximum=value, revision=_OPEN)
    return changed(
        pane,
        count=pane.count + 1,
        total=pane.total + value,
        minimum=min(pane.minimum, value),
        maximum=max(pane.maximum, value),
    )


def _moved(
    known: Panes, ordered: list[Pane], windows: Windows, clock: datetime, revised: set[datetime], late: int
) -> Added:
    """Close what ends at or before `clock`, and forget what can no longer be revised."""
    results, kept = [], []
    for pane in ordered:
        end = pane.start + windows.size
        closes = pane.revision == _OPEN and end <= clock
        if closes:
            pane = changed(pane, revision=0)
        if closes or pane.start in revised:
            results.append(_result(pane, end, live=closes))
        if end + windows.lateness > clock:
            kept.append(pane)
    return Added(changed(known, clock=clock, panes=tuple(kept)), tuple(results), late)


def _result(pane: Pane, end: datetime, *, live: bool) -> Result:
    return Result(pane.start, end, pane.count, pane.total, pane.minimum, pane.maximum, pane.revision, live)
