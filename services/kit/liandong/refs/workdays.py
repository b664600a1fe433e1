"""The working calendar of mainland China, as the State Council announces it, from the package chinesecalendar.

The package ends with the last announced year; later years are unknown to the calendar made here, and it says so.
"""

from datetime import date, time

import chinese_calendar

from liandong.pure.worktime import WorkCalendar

_MONDAY_TO_FRIDAY = frozenset(range(5))


def china(hours: tuple[tuple[time, time], ...]) -> WorkCalendar:
    """Return the calendar with these working hours (Asia/Shanghai, in order, without overlap)."""
    holidays: frozenset[date] = frozenset(chinese_calendar.holidays)
    workdays: frozenset[date] = frozenset(chinese_calendar.workdays)
    years = frozenset(day.year for day in holidays)
    return WorkCalendar(_MONDAY_TO_FRIDAY, hours, holidays, workdays, years)
