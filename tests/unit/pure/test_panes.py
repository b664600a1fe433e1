"""Event-time windows: closing, revising, lateness, and that the order of arrival does not change the figures."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from liandong.pure.panes import Added, Result, Windows, add, close, due
from liandong_contracts.kit import Panes

T0 = datetime(2031, 7, 20, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
TEN = Windows(10 * MINUTE, lateness=20 * MINUTE)


def fed(windows: Windows, *values: tuple[float, float]) -> list[Added]:
    """Add (minute, value) pairs in this order."""
    panes: Panes | None = None
    steps = []
    for minute, value in values:
        steps.append(add(panes, windows, T0 + minute * MINUTE, value))
        panes = steps[-1].panes
    return steps


def minutes(results: tuple[Result, ...]) -> list[tuple[float, int, float, int, bool]]:
    """Return (start minute, count, total, revision, live) of results."""
    return [((r.start - T0) / MINUTE, r.count, r.total, r.revision, r.live) for r in results]


def test_a_tumbling_window_gives_its_result_when_event_time_reaches_its_end() -> None:
    first, second, third = fed(TEN, (0, 2.0), (9.9, 5.0), (10, 1.0))
    assert first.results == second.results == ()
    assert minutes(third.results) == [(0, 2, 7.0, 0, True)]
    (result,) = third.results
    assert (result.minimum, result.maximum, result.end) == (2.0, 5.0, T0 + 10 * MINUTE)


def test_a_late_value_revises_and_never_alarms_again() -> None:
    *_, late, later = fed(TEN, (0, 2.0), (10, 1.0), (4, 9.0), (5, 1.0))
    assert minutes(late.results) == [(0, 2, 11.0, 1, False)]
    assert minutes(later.results) == [(0, 3, 12.0, 2, False)]
    assert late.late == later.late == 0


def test_a_peak_that_was_missed_altogether_is_history_only() -> None:
    *_, late = fed(TEN, (30, 1.0), (15, 80.0))
    assert minutes(late.results) == [(10, 1, 80.0, 0, False)]


def test_a_value_beyond_the_lateness_is_counted_and_left_out() -> None:
    _, closing, late = fed(TEN, (0, 2.0), (30, 1.0), (9, 9.0))
    assert minutes(closing.results) == [(0, 1, 2.0, 0, True)]
    assert late.results == ()
    assert (late.late, late.panes.late) == (1, 1)
    assert late.panes.panes == closing.panes.panes


def test_hopping_windows_overlap() -> None:
    hopping = Windows(10 * MINUTE, 5 * MINUTE)
    *_, last = fed(hopping, (0, 1.0), (5, 2.0), (9, 4.0), (21, 0.0))
    assert minutes(last.results) == [(0, 3, 7.0, 0, True), (5, 2, 6.0, 0, True)]
    first, second, *_ = fed(hopping, (0, 1.0), (5, 2.0))
    assert minutes(second.results) == [(-5, 1, 1.0, 0, True)]
    assert first.results == ()


def test_a_timer_closes_what_no_reading_closes() -> None:
    (only,) = fed(TEN, (3, 2.0))
    at = due(only.panes, TEN)
    assert at == T0 + 10 * MINUTE
    closed = close(only.panes, TEN, at)
    assert minutes(closed.results) == [(0, 1, 2.0, 0, True)]
    assert due(closed.panes, TEN) is None
    assert close(closed.panes, TEN, at).results == ()
    assert close(closed.panes, TEN, at + TEN.lateness).panes.panes == ()


def test_windows_begin_where_the_origin_says() -> None:
    day = Windows(timedelta(days=1), origin=datetime(2031, 1, 1, 0, 30, tzinfo=UTC))
    assert list(day.starts(T0)) == [datetime(2031, 7, 20, 0, 30, tzinfo=UTC)]


@pytest.mark.parametrize(("size", "every", "lateness"), [(0, None, 0), (10, 11, 0), (10, -1, 0), (10, 5, -1)])
def test_spans_that_make_no_windows_are_refused(size: int, every: int | None, lateness: int) -> None:
    with pytest.raises(ValueError, match="must be above nought"):
        Windows(size * MINUTE, None if every is None else every * MINUTE, lateness=lateness * MINUTE)


@given(
    st.lists(st.tuples(st.integers(0, 90), st.integers(0, 9)), min_size=1, max_size=40),
    st.sampled_from([(10, 10), (10, 5), (10, 3)]),
)
def test_with_enough_lateness_the_last_results_are_exact_in_any_order(
    values: list[tuple[int, int]], spans: tuple[int, int]
) -> None:
    windows = Windows(spans[0] * MINUTE, spans[1] * MINUTE, lateness=timedelta(days=1))
    steps = fed(windows, *[(minute, float(value)) for minute, value in values])
    final = close(steps[-1].panes, windows, T0 + 200 * MINUTE)
    told = [result for step in [*steps, final] for result in step.results]
    wanted: dict[datetime, list[float]] = defaultdict(list)
    for minute, value in values:
        at = T0 + minute * MINUTE
        for start in windows.starts(at):
            assert start <= at < start + windows.size
            wanted[start].append(float(value))
    last = {result.start: result for result in told}
    assert {start: (r.count, r.total) for start, r in last.items()} == {
        start: (len(held), sum(held)) for start, held in wanted.items()
    }
    for start in last:
        of_one = [result for result in told if result.start == start]
        assert [result.revision for result in of_one] == list(range(len(of_one)))
        assert [result.live for result in of_one[1:]] == [False] * (len(of_one) - 1)
