"""Working time: a table of cases from real calendars, and a thousand random ones against a count minute by minute."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from random import Random

import pytest
from liandong.pure.worktime import SHANGHAI, Clock, Limit, Unit, WorkCalendar
from liandong.refs.workdays import china

HOURS = ((time(9), time(12)), (time(14), time(18)))
CALENDAR = china(HOURS)
MINUTE = timedelta(minutes=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


MINUTES, WORK, DAYS = Unit.MINUTES, Unit.WORK_MINUTES, Unit.WORK_DAYS
CASES = [
    ("by the wall", "2026-09-30 17:30", 60, MINUTES, "2026-09-30 18:30"),
    ("within a morning", "2026-07-01 09:30", 60, WORK, "2026-07-01 10:30"),
    ("to the very end of a span", "2026-07-01 11:00", 60, WORK, "2026-07-01 12:00"),
    ("over lunch", "2026-07-01 11:30", 60, WORK, "2026-07-01 14:30"),
    ("begun before work", "2026-07-01 03:00", 60, WORK, "2026-07-01 10:00"),
    ("begun after work", "2026-07-01 20:00", 60, WORK, "2026-07-02 10:00"),
    ("over a weekend", "2026-07-03 17:30", 60, WORK, "2026-07-06 09:30"),
    ("over the national holiday", "2026-09-30 17:30", 60, WORK, "2026-10-08 09:30"),
    ("on a make-up Saturday", "2026-10-10 09:00", 60, WORK, "2026-10-10 10:00"),
    ("over the spring festival", "2026-02-14 17:00", 120, WORK, "2026-02-24 10:00"),
    ("no time at all, at work", "2026-07-01 10:00", 0, WORK, "2026-07-01 10:00"),
    ("no time at all, at night", "2026-07-01 20:00", 0, WORK, "2026-07-02 09:00"),
    ("one working day", "2026-07-01 10:00", 1, DAYS, "2026-07-02 18:00"),
    ("the day it comes does not count, even at night", "2026-07-01 03:00", 1, DAYS, "2026-07-02 18:00"),
    ("five days over a weekend", "2026-07-01 10:00", 5, DAYS, "2026-07-08 18:00"),
    ("from a Sunday", "2026-07-05 10:00", 1, DAYS, "2026-07-06 18:00"),
    ("over the national holiday, with its make-up day", "2026-09-30 10:00", 3, DAYS, "2026-10-10 18:00"),
    ("what is left of the day", "2026-07-01 10:00", 0, DAYS, "2026-07-01 18:00"),
    ("nothing is left of the day", "2026-07-03 19:00", 0, DAYS, "2026-07-06 18:00"),
]


@pytest.mark.parametrize(("name", "start", "amount", "unit", "end"), CASES, ids=[case[0] for case in CASES])
def test_limit_ends(name: str, start: str, amount: int, unit: Unit, end: str) -> None:
    found = CALENDAR.end(at(start), Limit(amount, unit))
    assert (found.at, found.certain) == (at(end), True)


def test_zone_of_the_start_is_kept() -> None:
    start = at("2026-07-01 11:30").astimezone(UTC)
    assert CALENDAR.end(start, Limit.work_hours(1)).at.isoformat() == "2026-07-01T06:30:00+00:00"


def test_unknown_year_is_flagged_not_guessed() -> None:
    assert not CALENDAR.end(at("2026-12-31 17:00"), Limit(120, WORK)).certain
    assert not CALENDAR.end(at("2035-03-01 09:00"), Limit(1, DAYS)).certain
    assert CALENDAR.end(at("2035-03-01 09:00"), Limit(1, MINUTES)).certain
    assert not replace(CALENDAR, years=frozenset()).end(at("2026-07-01 09:00"), Limit(1, WORK)).certain


@pytest.mark.parametrize("unit", [WORK, DAYS])
def test_calendar_without_work_is_refused(unit: Unit) -> None:
    with pytest.raises(ValueError, match="never ends"):
        WorkCalendar(frozenset(), HOURS).end(at("2026-07-01 09:00"), Limit(1, unit))


def test_negative_limit_is_refused() -> None:
    with pytest.raises(ValueError, match="-1"):
        CALENDAR.end(at("2026-07-01 09:00"), Limit(-1, WORK))


PAUSES = [
    ("by the wall", 60, MINUTES, "2026-07-01 09:00", "2026-07-01 09:20", "2026-07-02 10:00", "2026-07-02 10:40"),
    ("working time", 120, WORK, "2026-07-01 09:00", "2026-07-01 10:00", "2026-07-03 17:30", "2026-07-06 09:30"),
    ("paused at lunch", 240, WORK, "2026-07-01 09:00", "2026-07-01 13:00", "2026-07-01 13:30", "2026-07-01 15:00"),
    ("days", 3, DAYS, "2026-07-01 09:00", "2026-07-02 09:00", "2026-07-08 09:00", "2026-07-10 18:00"),
    ("on the last day", 1, DAYS, "2026-07-01 09:00", "2026-07-02 09:00", "2026-07-04 09:00", "2026-07-06 18:00"),
]


@pytest.mark.parametrize(("name", "amount", "unit", "start", "pause", "go", "end"), PAUSES, ids=[p[0] for p in PAUSES])
def test_paused_clock_goes_on(name: str, amount: int, unit: Unit, start: str, pause: str, go: str, end: str) -> None:
    clock = Clock.started(CALENDAR, at(start), Limit(amount, unit)).paused(CALENDAR, at(pause))
    assert clock.due is None
    assert clock.paused(CALENDAR, at(go)) == clock
    again = clock.resumed(CALENDAR, at(go))
    assert again.due is not None
    assert again.due.at == at(end)
    assert again.resumed(CALENDAR, at(end)) == again


def test_clock_that_is_over_does_not_pause() -> None:
    clock = Clock.started(CALENDAR, at("2026-07-01 09:00"), Limit(60, WORK))
    assert clock.paused(CALENDAR, at("2026-07-01 10:00")) == clock


def test_two_clocks_of_a_case_pause_apart() -> None:
    start = at("2026-07-01 09:00")
    answer, solution = (Clock.started(CALENDAR, start, Limit(n, unit)) for n, unit in ((120, WORK), (5, DAYS)))
    solution = solution.paused(CALENDAR, at("2026-07-02 09:00"))
    assert answer.due is not None
    assert solution.due is None
    resumed = solution.resumed(CALENDAR, at("2026-07-06 09:00")).due
    assert (answer.due.at, resumed and resumed.at) == (at("2026-07-01 11:00"), at("2026-07-10 18:00"))


def works(moment: datetime, holidays: frozenset[date], extra: frozenset[date]) -> bool:
    """Say whether the minute that begins at `moment` is worked; told apart from the calendar's own arithmetic."""
    local = moment.astimezone(SHANGHAI)
    day = local.date()
    open_day = day in extra or (local.isoweekday() <= 5 and day not in holidays)
    minute = local.hour * 60 + local.minute
    return open_day and (540 <= minute < 720 or 840 <= minute < 1080)


def test_thousand_random_limits_against_a_count_by_the_minute() -> None:
    dice, first = Random(20260701), at("2025-12-15 00:00")
    for _ in range(1000):
        start = first + MINUTE * dice.randrange(290 * 24 * 60)
        amount = dice.randrange(1, 700)
        moment, left = start, amount
        while left:
            left -= works(moment, CALENDAR.holidays, CALENDAR.workdays)
            moment += MINUTE
        found = CALENDAR.end(start, Limit(amount, WORK)).at
        assert found == moment, (start, amount)
        assert CALENDAR.work_between(start, found) == MINUTE * amount
