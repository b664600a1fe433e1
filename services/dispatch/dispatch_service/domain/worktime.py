"""Working hours: adding them to a moment by a calendar given as data. It knows no holidays."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")


@dataclass(frozen=True, slots=True)
class WorkCalendar:
    """Weekdays (Monday is 0) and the spans of a working day, in Asia/Shanghai, in order and without overlap."""

    weekdays: frozenset[int]
    hours: tuple[tuple[time, time], ...]

    def add(self, start: datetime, work: timedelta) -> datetime:
        """Return the moment at which `work` of working time has passed since `start`, in UTC's zone of `start`.

        Raises ValueError for a calendar without working time.
        """
        if not self.weekdays or not self.hours:
            raise ValueError("a calendar without working time never ends a limit")
        left = work
        for opens, closes in self._spans(start.astimezone(SHANGHAI)):
            begins = max(opens, start.astimezone(SHANGHAI))
            if closes - begins >= left:
                return (begins + left).astimezone(start.tzinfo)
            left -= max(closes - begins, timedelta(0))
        raise AssertionError("working spans have no end")

    def _spans(self, start: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Yield the working spans that end after `start`."""
        day: date = start.date()
        while True:
            if day.weekday() in self.weekdays:
                for opens, closes in self.hours:
                    span = datetime.combine(day, opens, SHANGHAI), datetime.combine(day, closes, SHANGHAI)
                    if span[1] > start:
                        yield span
            day += timedelta(days=1)
