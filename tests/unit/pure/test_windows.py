"""Rain windows: the order of arrival does not change them, gaps close by cumulative amounts, old slots leave."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from liandong.pure.windows import KEEP, RainLog, Window, end_of, slot_of

START = 1_000_000  # any slot
HOUR = 12

Report = tuple[int, float, bool]  # slot after START, mm, cumulative?


def log_of(reports: list[Report]) -> RainLog:
    log = RainLog()
    for slot, mm, total in reports:
        (log.add_total if total else log.add_interval)(START + slot, mm)
    return log


def test_slot_of_a_jittering_clock() -> None:
    five = datetime(2030, 7, 1, 10, 5, tzinfo=UTC)
    assert slot_of(five) == slot_of(five + timedelta(seconds=2)) == slot_of(five - timedelta(seconds=2))
    assert end_of(slot_of(five)) == five


def test_interval_amounts_add_up() -> None:
    log = log_of([(i, 2.5, False) for i in range(24)])
    assert log.sums().window(log.newest, HOUR) == Window(30.0, 1.0)
    assert log.sums().window(log.newest, 36) == Window(60.0, round(24 / 36, 4))


def test_an_additional_report_is_not_counted_twice() -> None:
    log = log_of([(0, 4.0, False), (0, 6.0, False), (0, 4.0, False)])
    assert log.sums().window(log.newest, HOUR).mm == 6.0


def test_a_gap_closes_by_the_cumulative_difference() -> None:
    # 40 minutes of silence; intervals lost, 31.2 mm fell according to the counter
    log = log_of([(0, 100.0, True), (8, 131.2, True)])
    assert log.sums().window(log.newest, HOUR) == Window(31.2, round(8 / 12, 4))


def test_a_gap_closes_only_by_what_the_intervals_do_not_explain() -> None:
    log = log_of([(0, 100.0, True), (1, 4.0, False), (2, 6.0, False), (4, 20.0, False), (4, 140.0, True)])
    assert log.sums().window(log.newest, 4).mm == 40.0  # slot 3 fell out: 40 - 30 mm


def test_a_smaller_cumulative_amount_is_a_reset() -> None:
    log = log_of([(0, 812.4, True), (1, 814.4, True), (2, 1.5, True), (3, 3.0, True)])
    assert log.sums().window(log.newest, 3) == Window(5.0, 1.0)


def test_a_window_that_cuts_a_closed_gap_is_not_complete() -> None:
    log = log_of([(0, 0.0, True), (24, 48.0, True)])  # two hours in one step
    assert log.sums().window(log.newest, 24) == Window(48.0, 1.0)
    hour = log.sums().window(log.newest, HOUR)
    assert hour == Window(24.0, 0.0)  # an even share, but not one slot of it is sure


def test_reports_older_than_the_log_are_refused() -> None:
    log = log_of([(KEEP, 1.0, False)])
    assert not log.add_interval(START, 9.0)
    assert log.add_interval(START + 1, 9.0)


def test_a_correction_replaces_and_takes_away() -> None:
    log = log_of([(0, 50.0, False), (1, 2.0, False)])
    assert log.correct(START, 5.0, total=False)
    assert log.sums().window(log.newest, 2) == Window(7.0, 1.0)
    assert log.correct(START, None, total=False)
    assert log.sums().window(log.newest, 2) == Window(2.0, 0.5)
    assert not log.correct(START - 5, 1.0, total=False)


@pytest.mark.parametrize("mm", [-0.1, 7000.0])
def test_impossible_amounts_are_refused(mm: float) -> None:
    log = RainLog()
    assert not log.add_interval(START, mm)
    assert log.pack() == RainLog().pack()


def test_bytes_of_another_version_are_refused() -> None:
    with pytest.raises(ValueError, match="version 9"):
        RainLog.unpack(b"\x09" + bytes(20))


reports = st.lists(
    st.tuples(st.integers(0, KEEP + 40), st.integers(0, 300).map(lambda tenths: tenths / 10), st.booleans()),
    min_size=1,
    max_size=40,
)


@given(reports, st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_change_the_windows(given_reports: list[Report], chance: object) -> None:
    shuffled = list(given_reports) + given_reports[:3]  # some come twice
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = log_of(given_reports), log_of(shuffled)
    assert one.newest == other.newest
    ends = [one.newest - back for back in (0, 1, 11, 12)]
    for slots in (12, 36, 144, 288):
        assert [one.sums().window(end, slots) for end in ends] == [other.sums().window(end, slots) for end in ends]


@given(reports)
def test_packing_keeps_everything(given_reports: list[Report]) -> None:
    log = log_of(given_reports)
    log.revise(log.newest)
    again = RainLog.unpack(log.pack())
    assert again.pack() == log.pack()
    assert again.sums().window(again.newest, 288) == log.sums().window(log.newest, 288)
    assert again.revision(again.newest) == 1
