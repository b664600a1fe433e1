"""Working hours by the example calendar: Monday to Friday, 9–12 and 14–18."""

from datetime import UTC, datetime, timedelta

import pytest
from dispatch_service.domain.policy import CALENDAR
from hypothesis import given
from hypothesis import strategies as st
from liandong.pure.worktime import SHANGHAI, WorkCalendar

moments = st.integers(0, 60 * 24 * 60).map(
    lambda minutes: datetime(2026, 6, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)
works = st.integers(1, 60 * 60).map(lambda minutes: timedelta(minutes=minutes))


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 7, day, hour, minute, tzinfo=SHANGHAI)  # 1 July 2026 is a Wednesday


@pytest.mark.parametrize(
    ("start", "hours", "end"),
    [
        (at(1, 10), 2, at(1, 12)),
        (at(1, 10), 4, at(1, 16)),
        (at(1, 12, 30), 1, at(1, 15)),
        (at(1, 17), 4, at(2, 12)),
        (at(3, 17), 4, at(6, 12)),
        (at(4, 10), 1, at(6, 10)),
        (at(1, 20), 7, at(2, 18)),
        (at(1, 6), 14, at(2, 18)),
    ],
    ids=["morning", "over-lunch", "in-lunch", "over-night", "over-weekend", "saturday", "evening", "two-days"],
)
def test_working_hours_skip_lunch_night_and_weekend(start: datetime, hours: float, end: datetime) -> None:
    assert CALENDAR.add(start, timedelta(hours=hours)) == end


@given(start=moments, one=works, two=works)
def test_two_parts_are_as_long_as_the_whole(start: datetime, one: timedelta, two: timedelta) -> None:
    assert CALENDAR.add(CALENDAR.add(start, one), two) == CALENDAR.add(start, one + two)


@given(start=moments, work=works)
def test_the_end_lies_in_working_time_and_not_before_the_work(start: datetime, work: timedelta) -> None:
    end = CALENDAR.add(start, work)
    local = end.astimezone(SHANGHAI)
    assert end - start >= work
    assert local.weekday() < 5
    assert any(opens < local.time() <= closes for opens, closes in CALENDAR.hours)


def test_a_calendar_without_hours_is_refused() -> None:
    with pytest.raises(ValueError, match="never ends"):
        WorkCalendar(frozenset(), ()).add(at(1, 9), timedelta(hours=1))
