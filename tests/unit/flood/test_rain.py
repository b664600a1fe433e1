"""Rain of one station through the whole service: windows, gaps, late reports, corrections, what the area hears."""

import random

import pytest
from flood_service.app import build
from hypothesis import given, settings
from hypothesis import strategies as st
from liandong.testing.stream import StreamHarness
from liandong_contracts import topics
from liandong_contracts.common import Quality
from liandong_contracts.flood import AreaEvidence, RainfallAggregated, RainWindow
from liandong_contracts.sensing import ReadingCorrected

from .conftest import START, District, reference

STORM = [3.0, 4, 5, 6, 7, 6, 4, 3, 2, 2, 2, 2, 8, 5, 3, 1]


def hours(district: District) -> dict[float, RainfallAggregated]:
    """The last published hour by its end, in minutes of the story."""
    found = [one for one in district.events(RainfallAggregated) if one.window is RainWindow.H1]
    return {(one.window_end - START).total_seconds() / 60: one for one in found}


def test_an_hour_of_storm(district: District) -> None:
    for step, mm in enumerate(STORM, start=1):
        district.rain("RG01", step * 5, mm)
    ends = hours(district)
    assert ends[30].mm == 31.0
    assert ends[30].completeness == 0.5
    assert ends[30].provisional
    assert ends[60].mm == 46.0
    assert not ends[60].provisional
    assert ends[65].mm == 51.0
    assert all(one.revision == 0 for one in ends.values())
    day = [one for one in district.events(RainfallAggregated) if one.window is RainWindow.H24]
    assert day[-1].mm == sum(STORM)


def test_a_dry_day_is_not_published_every_five_minutes(district: District) -> None:
    for step in range(1, 13):
        district.rain("RG01", step * 5, 0)
    before = len(district.events(RainfallAggregated))
    for step in range(13, 49):
        district.rain("RG01", step * 5, 0)
    after = district.events(RainfallAggregated)[before:]
    assert len([one for one in after if one.window is RainWindow.H1]) == 3  # once an hour, so that its age is known


def test_late_reports_revise_and_alert_nobody(district: District) -> None:
    """FLO-2: back after 40 minutes with its backlog."""
    for step in (1, 2):
        district.rain("RG01", step * 5, 2)
    district.rain("RG01", 55, 1)
    told = len(district.events(AreaEvidence))
    for step in range(3, 11):
        district.rain("RG01", step * 5, 6, late=True)
    ends = hours(district)
    assert ends[55].mm == 5 + 48
    assert ends[55].revision == 8
    assert ends[50].mm == 4 + 48
    assert ends[50].revision >= 1
    assert len(district.events(AreaEvidence)) == told


def test_a_late_report_for_a_known_end_counts_its_revisions(district: District) -> None:
    for step in (1, 2, 4, 5):
        district.rain("RG01", step * 5, 2)
    district.rain("RG01", 15, 9, late=True)
    assert {end: one.revision for end, one in hours(district).items()} == {5: 0, 10: 0, 15: 1, 20: 1, 25: 1}


def test_a_gap_is_closed_by_the_cumulative_amount(district: District) -> None:
    district.reading("RG01", 5, ("rain_5min", 2, "mm"), ("rain_total", 100, "mm"))
    district.reading("RG01", 45, ("rain_5min", 3, "mm"), ("rain_total", 133, "mm"))
    assert hours(district)[45].mm == 35.0  # 2 + 33 by the counter, not 2 + 3


def test_values_that_cannot_be_trusted_do_not_count(district: District) -> None:
    district.rain("RG01", 5, 4)
    district.rain("RG01", 10, 200, quality=Quality.SUSPECT)
    district.rain("RG01", 15, 4, quality=Quality.MAINTENANCE)
    district.reading("RG01", 20, ("rain_5min", 4, "furlong"))
    assert max(hours(district)) == 5


def test_a_correction_is_a_revision(district: District) -> None:
    for step in (1, 2, 3):
        district.rain("RG01", step * 5, 20)
    correction = ReadingCorrected(
        device_id="RG01",
        metric="rain_5min",
        observed_at=district.at(10),
        old_value=20.0,
        new_value=2.0,
        unit="mm",
        reason="double tip",
    )
    told = len(district.events(AreaEvidence))
    district.harness.put(topics.SENSING_READING, correction, sequence=100)
    assert hours(district)[15].mm == 42.0
    assert hours(district)[15].revision == 1
    assert hours(district)[10].revision == 1
    assert len(district.events(AreaEvidence)) == told


def test_the_area_hears_of_every_millimetre_and_now_and_then(district: District) -> None:
    district.rain("RG01", 5, 3)
    district.rain("RG01", 10, 0.2)
    assert [evidence.mm["H1"] for evidence in district.events(AreaEvidence)] == [3.0]
    district.rain("RG01", 15, 0.2)  # ten minutes later: still there
    district.rain("RG01", 20, 1.5)
    last = district.events(AreaEvidence)[-1]
    assert last.mm == {"H1": 4.9, "H3": 4.9, "H12": 4.9, "H24": 4.9}
    assert last.area_code == "990101"
    assert last.completeness == pytest.approx(4 / 12, abs=1e-4)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 90), min_size=2, max_size=14), st.integers(0, 1000))
def test_the_order_of_arrival_does_not_change_the_final_hours(tenths: list[int], seed: int) -> None:
    """Every end that was published at all has the same last value, however the reports arrive."""
    minutes = [5 * (step + 1) for step in range(len(tenths))]
    last = minutes[-1]
    shuffled = minutes[:-1]
    random.Random(seed).shuffle(shuffled)
    results = []
    for order in (minutes, [*shuffled, last], [last, *shuffled]):
        district = District(StreamHarness(build(), refs=reference(), now=START))
        district.until(last)
        for minute in order:
            district.rain("RG01", minute, tenths[minute // 5 - 1] / 10)
        results.append({end: (one.mm, one.completeness) for end, one in hours(district).items()})
    complete = {end: value for end, value in results[0].items() if all(end in other for other in results)}
    for other in results:
        assert {end: other[end] for end in complete} == complete
    told = [other[max(other)][0] if other else 0.0 for other in results]  # an hour equal to the one before goes unsaid
    assert told[1] == told[2]
