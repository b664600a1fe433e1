"""Levels proposed for a district: FLO-1, FLO-6 and what blocks a lowering, through the whole service."""

from dataclasses import replace
from datetime import timedelta

import pytest
from flood_service.app import build
from flood_service.reference import Reference
from liandong.testing.stream import StreamHarness
from liandong_contracts.common import Colour, Level
from liandong_contracts.emergency import ResponseProposed
from liandong_contracts.flood import WarningAction, WeatherWarningReceived

from .conftest import CATALOGUE, DEVICES, DISTRICT, START, DictCopy, District, device_id_of, reference, spot_id_of


def proposals(district: District) -> list[Level]:
    return [one.level for one in district.events(ResponseProposed)]


def pour(district: District, mm: list[float], first: int = 1, station: str = "RG01") -> None:
    for step, amount in enumerate(mm, start=first):
        district.rain(station, step * 5, amount)


def test_three_of_the_conditions_of_iii(district: District) -> None:
    """FLO-1: yellow, six spots, 1 h over 50 mm."""
    district.warning(Colour.YELLOW)
    pour(district, [9] * 5)
    for number in range(1, 7):
        district.depth(f"WL0{number}", 26, 20)
    assert proposals(district) == []
    published = district.rain("RG01", 30, 9)
    assert proposals(district) == [Level.III]
    one = district.events(ResponseProposed)[0]
    assert [condition.name for condition in one.conditions if condition.met] == [
        "rain_h1_50",
        "warning_yellow",
        "spots_open",
    ]
    assert [condition.name for condition in one.conditions if not condition.met] == ["roads_deep", "drain_over"]
    assert one.conditions[0].label == "1小时雨量≥50毫米"
    assert (one.conditions[0].value, one.conditions[0].threshold, one.conditions[0].unit) == (54.0, 50.0, "mm")
    assert len(one.evidence_ids) == 1 + 1 + 6
    known = {event.id for event in district.harness.published}
    assert sum(event_id in known for event_id in one.evidence_ids) == 7  # the warning came from outside
    assert one.confidence == pytest.approx(0.5)
    assert any(event.data == one and event.key == "RAINSTORM+990101" for event in published)


def test_iv_needs_twenty_minutes_on_a_main_road(district: District) -> None:
    district.warning(Colour.BLUE)
    pour(district, [8, 8, 8])
    district.depth("WL01", 18, 31)
    pour(district, [8, 2, 2], first=4)
    district.until(37.9)
    assert proposals(district) == []
    district.until(38)
    assert proposals(district) == [Level.IV]
    assert district.events(ResponseProposed)[0].proposed_at == district.at(38)


def test_a_spot_off_the_main_roads_does_not_count_for_iv(district: District) -> None:
    district.warning(Colour.BLUE)
    pour(district, [8, 8, 8, 8])
    district.depth("WL02", 20, 60)
    district.until(45)
    assert proposals(district) == []


def test_without_a_warning_nothing_is_proposed(district: District) -> None:
    pour(district, [8, 8, 8, 8])
    district.depth("WL01", 20, 40)
    district.rain("RG01", 40, 1)
    district.until(41)
    assert proposals(district) == []
    district.warning(Colour.BLUE)
    assert proposals(district) == [Level.IV]


def test_a_warning_alone_is_no_watch_in_the_sample(district: District) -> None:
    district.warning(Colour.RED)
    assert proposals(district) == []
    assert len(district.events(WeatherWarningReceived)) == 1


def test_a_pack_may_propose_watch_for_a_warning_alone() -> None:
    refs = reference()
    pack = replace(refs.pack, watch=replace(refs.pack.watch, propose=True))
    watchful = Reference(DISTRICT, pack, DictCopy(CATALOGUE, spot_id_of), DictCopy(DEVICES, device_id_of))
    district = District(StreamHarness(build(), refs=watchful, now=START))
    district.warning(Colour.BLUE)
    assert proposals(district) == []
    district.warning(Colour.YELLOW)
    assert proposals(district) == [Level.WATCH]
    (condition,) = district.events(ResponseProposed)[0].conditions
    assert (condition.label, condition.met) == ("暴雨黄色预警生效，建议关注", True)
    district.rain("RG01", 300, 0)
    for later in range(305, 480, 5):  # the warning runs out after six hours; an hour later the watch is over, silently
        district.rain("RG01", later, 0)
    assert proposals(district) == [Level.WATCH]
    assert district.area().proposed is Level.UNKNOWN


def storm_to_iii(district: District) -> None:
    """One underpass deep, 54 mm in an hour, yellow, a forebay over its limit."""
    district.warning(Colour.YELLOW)
    pour(district, [9] * 6)
    district.depth("WL01", 31, 45)
    district.reading("WS01", 32, ("drain_level", 3.3, "m"))


def test_lowering_step_by_step_after_calm(district: District) -> None:
    """FLO-6 with III: nothing while an L3 spot is open; an hour after it is closed one step, not two."""
    storm_to_iii(district)
    assert proposals(district) == [Level.III]
    minute = 35
    while minute <= 150:  # the rain has stopped, the underpass stays deep
        district.rain("RG01", minute, 0)
        district.depth("WL01", minute + 0.5, 45)
        district.reading("WS01", minute + 1, ("drain_level", 2.0, "m"))
        minute += 5
    assert proposals(district) == [Level.III]
    district.depth("WL01", 155, 5)
    for later in range(155, 300, 5):
        district.rain("RG01", later, 0)
        district.depth("WL01", later + 1, 5)
    lowered = district.events(ResponseProposed)[1:]
    assert [one.level for one in lowered] == [Level.IV, Level.WATCH]
    first, second = (one.proposed_at for one in lowered)
    assert first - district.at(155) == pytest.approx(timedelta(hours=1), abs=timedelta(minutes=6))
    assert second - first >= timedelta(hours=1)
    assert lowered[0].conditions[0].name == "rain_h1_50"  # of the level that is left


@pytest.mark.parametrize("colour", [Colour.ORANGE, Colour.RED])
def test_no_lowering_under_orange_or_red(district: District, colour: Colour) -> None:
    storm_to_iii(district)
    district.warning(colour, hours=9)
    district.depth("WL01", 36, 5)
    district.depth("WL01", 47, 5)
    for later in range(50, 240, 5):
        district.rain("RG01", later, 0)
        district.reading("WS01", later + 1, ("drain_level", 2.0, "m"))
    assert Level.IV not in proposals(district)


def test_no_lowering_while_a_station_is_silent(district: District) -> None:
    storm_to_iii(district)
    district.rain("RG02", 33, 1)
    district.depth("WL01", 36, 5)
    district.depth("WL01", 47, 5)
    for later in range(50, 160, 5):
        district.rain("RG01", later, 0)
        district.reading("WS01", later + 1, ("drain_level", 2.0, "m"))
    assert proposals(district) == [Level.III]
    for later in range(160, 310, 5):  # forgotten after three hours
        district.rain("RG01", later, 0)
    assert proposals(district)[-1] is not Level.III


def test_an_incomplete_hour_raises_but_does_not_lower(district: District) -> None:
    storm_to_iii(district)
    assert proposals(district) == [Level.III]
    district.depth("WL01", 36, 5)
    district.depth("WL01", 47, 5)
    for later in range(100, 220, 10):  # every second report is lost
        district.rain("RG01", later, 0)
        district.reading("WS01", later + 1, ("drain_level", 2.0, "m"))
    assert proposals(district) == [Level.III]


def test_the_same_level_is_not_proposed_twice(district: District) -> None:
    storm_to_iii(district)
    district.rain("RG01", 35, 9)
    district.depth("WL01", 36, 50)
    assert proposals(district) == [Level.III]


def test_warnings_are_replaced_cancelled_and_expire(district: District) -> None:
    district.warning(Colour.YELLOW)
    assert district.warning(Colour.YELLOW, hours=6) == []  # submitted again
    district.until(10)
    district.warning(Colour.ORANGE, action=WarningAction.UPDATE)
    assert [w.colour for w in district.area().warnings] == [Colour.ORANGE]
    district.until(20)
    district.warning(Colour.ORANGE, action=WarningAction.CANCEL)
    assert district.area().warnings == ()
    assert district.warning(Colour.ORANGE, action=WarningAction.CANCEL) == []
    district.warning(Colour.BLUE, hours=1)
    district.until(90)
    assert district.area().warnings == ()
    actions = [one.action for one in district.events(WeatherWarningReceived)]
    assert actions == [WarningAction.ISSUE, WarningAction.UPDATE, WarningAction.CANCEL, WarningAction.ISSUE]


def test_an_expired_or_foreign_warning_is_history(district: District) -> None:
    district.warning(Colour.RED, hours=-1)
    district.warning(Colour.YELLOW, event_code="11B01")
    assert len(district.events(WeatherWarningReceived)) == 2
    pour(district, [8, 8, 8, 8])
    district.depth("WL01", 20, 40)
    district.rain("RG01", 40, 1)
    district.until(45)
    assert proposals(district) == []  # a typhoon's yellow is no rainstorm's


def test_the_drain_has_hysteresis(district: District) -> None:
    for minute, level, over in ((1, 3.1, False), (2, 3.25, True), (3, 3.1, True), (4, 3.0, False)):
        district.reading("WS01", minute, ("drain_level", level, "m"))
        track = district.track("WS01")
        assert (track is not None and track.drain is not None and track.drain.over) is over
