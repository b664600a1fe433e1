"""Life of a spot through the whole service: gauge, citizens, camera-grade evidence, receding, clearing, silence."""

from datetime import timedelta
from itertools import pairwise

import pytest
from liandong_contracts import topics
from liandong_contracts.common import Quality
from liandong_contracts.flood import (
    AreaEvidence,
    ConfirmedBy,
    FloodEvidence,
    SpotLevel,
    SpotSource,
    SpotStatus,
    WaterloggingCleared,
    WaterloggingDetected,
    WaterloggingUpdated,
)

from .conftest import UNDERPASS, District


def patrol(district: District, cm: float | None, source: SpotSource = SpotSource.PATROL, who: str = "P-1") -> None:
    evidence = FloodEvidence(
        spot_id=UNDERPASS,
        source=source,
        source_id=who,
        depth_cm=cm,
        quality=Quality.MANUAL,
        observed_at=district.harness.now,
    )
    district.harness.put(topics.FLOOD_EVIDENCE, evidence)


def test_a_gauge_confirms_alone(district: District) -> None:
    district.depth("WL01", 0, 4)
    assert not district.events(WaterloggingDetected)
    published = district.depth("WL01", 2, 31)
    detected = district.events(WaterloggingDetected)
    assert len(detected) == 1
    one = detected[0]
    assert (one.spot_id, one.level, one.depth_cm, one.source) == (UNDERPASS, SpotLevel.L2, 31.0, SpotSource.SENSOR)
    assert one.at == one.first_at == district.at(2)
    event = next(event for event in published if event.data is one or event.data == one)
    assert event.time == district.at(2)
    assert event.sequence == 1
    assert event.area_code == "990101001001"
    spot = district.spot()
    assert spot is not None
    assert spot.status is SpotStatus.CONFIRMED


def test_updates_are_few(district: District) -> None:
    for minute, cm in enumerate([20, 21, 22, 23, 24, 25, 26, 26.9]):
        district.depth("WL01", minute, cm)
    updates = district.events(WaterloggingUpdated)
    assert [update.depth_cm for update in updates] == [25.0]  # 5 cm after the 20 published first
    district.depth("WL01", 9, 27.5)
    assert district.events(WaterloggingUpdated)[-1].level is SpotLevel.L2


def test_a_level_falls_with_hysteresis(district: District) -> None:
    district.depth("WL01", 0, 41)
    for minute, cm in ((1, 39), (2, 38), (3, 37.5)):
        district.depth("WL01", minute, cm)
    assert not district.events(WaterloggingUpdated)
    district.depth("WL01", 4, 36.5)
    update = district.events(WaterloggingUpdated)[-1]
    assert update.level is SpotLevel.L2
    assert update.recede_cm_per_h == pytest.approx(4.5 * 15)


def test_two_citizens_confirm_and_a_dozen_make_one_spot(district: District) -> None:
    for number in range(12):
        district.citizen(UNDERPASS, f"R-{number}", number)
        expected = SpotStatus.SUSPECTED if number == 0 else SpotStatus.CONFIRMED
        spot = district.spot()
        assert spot is not None
        assert spot.status is expected
    district.depth("WL01", 12, 33)
    assert len(district.events(WaterloggingDetected)) == 1
    last = district.events(WaterloggingUpdated)[-1]
    assert last.sources == (SpotSource.CITIZEN, SpotSource.SENSOR)
    assert last.source_ids_total == 13
    assert last.depth_cm == 33.0


def test_a_suspect_jump_opens_nothing_alone_but_supports_a_person(district: District) -> None:
    district.depth("WL01", 0, 200, quality=Quality.SUSPECT)
    assert district.spot() is None
    assert not district.events(AreaEvidence)
    district.citizen(UNDERPASS, "R-1", 1)
    district.depth("WL01", 6, 200, quality=Quality.SUSPECT)
    spot = district.spot()
    assert spot is not None
    assert spot.status is SpotStatus.CONFIRMED
    assert spot.depth_cm is None  # a suspect value is no depth


@pytest.mark.parametrize("quality", [Quality.MAINTENANCE, Quality.DEVICE_FAULT, Quality.CALIBRATION])
def test_a_faulty_gauge_says_nothing(district: District, quality: Quality) -> None:
    district.depth("WL01", 0, 90, quality=quality)
    assert district.spot() is None


def test_late_evidence_raises_nothing(district: District) -> None:
    district.until(30)
    district.depth("WL01", 10, 80)
    assert district.spot() is None
    district.depth("WL01", 31, 30)
    district.depth("WL01", 32, 35)
    spot = district.spot()
    assert spot is not None
    before = len(district.harness.published)
    district.depth("WL01", 31.5, 55, late=True)
    spot = district.spot()
    assert spot is not None
    assert (spot.max_depth_cm, spot.depth_cm) == (55.0, 35.0)
    told = [event.data for event in district.harness.published[before:]]
    assert [type(record) for record in told] == [FloodEvidence]  # history only


def test_clears_after_ten_dry_minutes_confirmed_by_the_gauge(district: District) -> None:
    district.depth("WL01", 0, 45)
    district.depth("WL01", 20, 8)
    update = district.events(WaterloggingUpdated)[-1]
    assert (update.status, update.level) == (SpotStatus.RECEDING, SpotLevel.NONE)
    district.depth("WL01", 25, 6)
    district.until(29.9)
    assert not district.events(WaterloggingCleared)
    district.until(30)
    cleared = district.events(WaterloggingCleared)
    assert len(cleared) == 1
    assert cleared[0].cleared_at == district.at(30)
    assert cleared[0].confirmed_by is ConfirmedBy.SENSOR
    assert cleared[0].max_depth_cm == 45.0
    assert cleared[0].duration_s == 30 * 60


def test_a_silent_gauge_does_not_clear(district: District) -> None:
    district.depth("WL01", 0, 45)
    district.depth("WL01", 20, 8)
    district.until(45)
    assert not district.events(WaterloggingCleared)
    district.depth("WL01", 45, 3)
    assert district.events(WaterloggingCleared)[0].cleared_at == district.at(45)


def test_water_that_comes_back_ends_the_receding(district: District) -> None:
    district.depth("WL01", 0, 45)
    district.depth("WL01", 20, 8)
    district.depth("WL01", 24, 30)
    district.until(60)
    statuses = [update.status for update in district.events(WaterloggingUpdated)]
    assert statuses[:2] == [SpotStatus.RECEDING, SpotStatus.CONFIRMED]
    assert not district.events(WaterloggingCleared)


def test_a_silent_gauge_makes_the_depth_unknown(district: District) -> None:
    district.depth("WL01", 0, 45)
    district.until(29)
    assert not district.events(WaterloggingUpdated)
    district.until(31)
    update = district.events(WaterloggingUpdated)[-1]
    assert update.depth_cm is None
    assert update.level is SpotLevel.L3  # not lowered by silence
    assert update.status is SpotStatus.CONFIRMED


def test_a_new_episode_is_detected_again(district: District) -> None:
    for minute, cm in ((0, 30), (10, 5), (15, 5), (20, 5)):
        district.depth("WL01", minute, cm)
    assert len(district.events(WaterloggingCleared)) == 1
    district.depth("WL01", 40, 30)
    assert len(district.events(WaterloggingDetected)) == 2
    sequences = [e.sequence for e in district.harness.published if e.topic.endswith("flood.spot.v1")]
    assert sequences == list(range(1, len(sequences) + 1))


def test_a_person_beats_the_gauge(district: District) -> None:
    district.citizen(UNDERPASS, "R-1", 0)
    district.citizen(UNDERPASS, "R-2", 1)
    district.depth("WL01", 2, 3)
    spot = district.spot()
    assert spot is not None
    assert (spot.status, spot.level) == (SpotStatus.CONFIRMED, SpotLevel.L1)
    assert spot.kinds == (SpotSource.CITIZEN,)  # a dry gauge is no source of water
    for minute in range(7, 60, 5):
        district.depth("WL01", minute, 3)
    district.until(60)
    assert district.events(WaterloggingCleared)[0].confirmed_by is ConfirmedBy.SENSOR


def test_somebody_on_the_spot_handles_and_clears(district: District) -> None:
    district.depth("WL01", 0, 31)
    district.until(1)
    patrol(district, 30)
    spot = district.spot()
    assert spot is not None
    assert spot.status is SpotStatus.HANDLING
    district.until(5)
    patrol(district, 0)
    assert district.events(WaterloggingCleared)[0].confirmed_by is ConfirmedBy.PERSON
    district.depth("WL01", 6, 35)  # the person's word holds against the gauge for a while
    assert len(district.events(WaterloggingDetected)) == 1
    district.depth("WL01", 36, 40)
    assert len(district.events(WaterloggingDetected)) == 2


def test_a_suspicion_that_nobody_confirms_ends(district: District) -> None:
    patrol(district, None, SpotSource.VIDEO, "CAM-1")
    district.until(119)
    assert not district.events(WaterloggingCleared)
    district.until(121)
    assert district.events(WaterloggingCleared)[0].confirmed_by is ConfirmedBy.UNKNOWN


def test_a_gauge_outside_the_catalogue_has_the_spot_of_its_cell(district: District) -> None:
    district.depth("WL99", 0, 50)
    detected = district.events(WaterloggingDetected)[0]
    assert detected.spot_id == "990101-cell-115000-312500"
    assert detected.area_code == "990101"
    assert detected.location is not None
    assert abs(detected.location.lon - 132.5) <= 0.001


def test_a_case_that_flood_itself_caused_is_no_second_source(district: District) -> None:
    patrol(district, None, SpotSource.VIDEO, "CAM-1")
    district.harness.put(topics.DISPATCH_CASE, district.case_of_spot(UNDERPASS), sequence=99)
    spot = district.spot()
    assert spot is not None
    assert spot.status is SpotStatus.SUSPECTED


def test_quiet_gauges_cost_nothing(district: District) -> None:
    district.depth("WL01", 0, 2)
    durable = district.harness.durable()
    for second in range(1, 120):
        assert district.depth("WL01", second / 30, 2 + second % 3) == []
    assert district.harness.durable() == durable


def test_a_quiet_gauge_speaks_every_five_minutes_then_seldom(district: District) -> None:
    for minute in range(0, 90):
        district.depth("WL01", minute, 1)
    spoken = [event.time for event in district.harness.of(FloodEvidence)]
    gaps = [(b - a) / timedelta(minutes=1) for a, b in pairwise(spoken)]
    assert all(4 <= gap <= 5 for gap in gaps[:2])
    assert all(16 <= gap <= 20 for gap in gaps[2:])
