"""Limits in minutes, working hours and working days, and clocks that can pause. The calendar is data.

Holidays and make-up workdays are known for some years only. What crosses another year is computed from weekdays and
says so (`certain` is False): it is never guessed silently.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta, timezone
from enum import StrEnum
from typing import Self

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")
_DAY = timedelta(days=1)
_LONGEST = 366 * 20  # days; further than any limit reaches


class Unit(StrEnum):
    """What a limit counts."""

    MINUTES = "MINUTES"
    """By the clock on the wall, day and night."""
    WORK_MINUTES = "WORK_MINUTES"
    """Working time only."""
    WORK_DAYS = "WORK_DAYS"
    """Whole working days after the day it begins; the limit ends when the last of them closes."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A number of units."""

    amount: int
    unit: Unit

    @classmethod
    def work_hours(cls, hours: int) -> Self:
        """Return a limit in working hours."""
        return cls(hours * 60, Unit.WORK_MINUTES)


@dataclass(frozen=True, slots=True)
class Moment:
    """A computed moment; `certain`: every year that it took into account has known holidays."""

    at: datetime
    certain: bool


@dataclass(frozen=True, slots=True)
class WorkCalendar:
    """Weekdays (Monday is 0), the spans of a working day in Asia/Shanghai, in order, and the exceptions by date.

    `holidays` are days off on a working weekday, `workdays` are make-up workdays, `years` those for which both are
    known.
    """

    weekdays: frozenset[int]
    hours: tuple[tuple[time, time], ...]
    holidays: frozenset[date] = frozenset()
    workdays: frozenset[date] = frozenset()
    years: frozenset[int] = frozenset()

    def is_workday(self, day: date) -> bool:
        """Say whether people work on a day."""
        return day in self.workdays or (day.weekday() in self.weekdays and day not in self.holidays)

    def end(self, start: datetime, limit: Limit) -> Moment:
        """Return when a limit that begins at `start` ends, in the zone of `start`.

        Raises ValueError for a negative limit and for a calendar without working time.
        """
        if limit.amount < 0:
            raise ValueError(f"a limit cannot be negative: {limit.amount}")
        if limit.unit is Unit.MINUTES:
            return Moment(start + timedelta(minutes=limit.amount), True)
        if limit.unit is Unit.WORK_MINUTES:
            at = self.add(start, timedelta(minutes=limit.amount))
        else:
            at = self._after_days(start, limit.amount)
        return Moment(at, self.certain(start, at))

    def work_between(self, start: datetime, end: datetime) -> timedelta:
        """Return the working time between two moments; none when `end` is not later."""
        found = timedelta()
        if end <= start:
            return found
        for opens, closes in self._spans(start):
            if opens >= end:
                return found
            found += min(closes, end) - max(opens, start)
        return found

    def days_between(self, start: datetime, end: datetime) -> int:
        """Return how many working days begin after the day of `start`, up to and with the day of `end`."""
        day, last = start.astimezone(SHANGHAI).date(), end.astimezone(SHANGHAI).date()
        return sum(self.is_workday(day + _DAY * n) for n in range(1, (last - day).days + 1))

    def add(self, start: datetime, work: timedelta) -> datetime:
        """Return the moment at which `work` of working time has passed since `start`, in the zone of `start`.

        Raises ValueError for a calendar without working time.
        """
        left = work
        for opens, closes in self._spans(start):
            begins = max(opens, start)
            if closes - begins >= left:
                return (begins + left).astimezone(start.tzinfo)
            left -= closes - begins
        raise ValueError("a calendar without working time never ends a limit")

    def _after_days(self, start: datetime, days: int) -> datetime:
        first, left = start.astimezone(SHANGHAI).date(), days
        for opened, closes in self._spans(start):
            day = opened.astimezone(SHANGHAI).date()
            if closes.time() != self.hours[-1][1] or (day == first and days):
                continue
            left -= 1
            if left <= 0:
                return closes.astimezone(start.tzinfo)
        raise ValueError("a calendar without working time never ends a limit")

    def _spans(self, start: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Yield the working spans that end after `start`, in Asia/Shanghai, for some decades."""
        first = start.astimezone(SHANGHAI).date()
        for number in range(_LONGEST):
            day = first + _DAY * number
            if not self.is_workday(day):
                continue
            for opens, closes in self.hours:
                span = datetime.combine(day, opens, SHANGHAI), datetime.combine(day, closes, SHANGHAI)
                if span[1] > start:
                    yield span

    def certain(self, start: datetime, end: datetime) -> bool:
        """Say whether the holidays of all years between two moments are known."""
        first, last = start.astimezone(SHANGHAI).year, end.astimezone(SHANGHAI).year
        return all(year in self.years for year in range(first, last + 1))


@dataclass(frozen=True, slots=True)
class Clock:
    """One running limit of a case; a case has one for the first answer and one for the solution.

    Either `due` is set (it runs) or `left`, in the limit's unit (it is paused).
    """

    unit: Unit
    due: Moment | None
    left: timedelta | int | None = None

    @classmethod
    def started(cls, calendar: WorkCalendar, at: datetime, limit: Limit) -> Self:
        """Return a clock that begins now."""
        return cls(limit.unit, calendar.end(at, limit))

    def paused(self, calendar: WorkCalendar, at: datetime) -> Self:
        """Stop; what is left is kept. A clock that is paused already, or over, stays as it is."""
        if self.due is None or self.due.at <= at:
            return self
        if self.unit is Unit.MINUTES:
            left: timedelta | int = self.due.at - at
        elif self.unit is Unit.WORK_MINUTES:
            left = calendar.work_between(at, self.due.at)
        else:
            left = calendar.days_between(at, self.due.at)
        return replace(self, due=None, left=left)

    def resumed(self, calendar: WorkCalendar, at: datetime) -> Self:
        """Go on with what was left; a clock that runs stays as it is."""
        if self.left is None:
            return self
        if isinstance(self.left, int):
            due = calendar.end(at, Limit(self.left, self.unit))
        elif self.unit is Unit.MINUTES:
            due = Moment(at + self.left, True)
        else:
            end = calendar.add(at, self.left)
            due = Moment(end, calendar.certain(at, end))
        return replace(self, due=due, left=None)
