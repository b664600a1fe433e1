"""The storm of the storyline: one underpass, twelve citizens, blue then yellow: one spot, IV then III. The suite."""

from flood_service.app import build
from flood_service.reference import Reference
from liandong.stream import StreamService
from liandong.testing.stream import StreamHarness
from liandong.testing.suite import ServiceSuite
from liandong_contracts.common import Colour, Level, Quality
from liandong_contracts.emergency import ResponseProposed
from liandong_contracts.flood import FloodEvidence, WaterloggingDetected, WaterloggingUpdated

from .conftest import UNDERPASS, District, reference

RAIN = [3.0, 4, 5, 6, 7, 6, 4, 3, 2, 2, 2, 2, 8, 5, 3, 1, 0, 0]
DEPTH = {12: 12, 14: 18, 16: 26, 18: 31, 24: 32, 30: 34, 40: 38, 50: 42, 60: 43.5, 70: 45, 80: 40, 90: 32}
FOREBAY = {40: 2.2, 58: 3.3, 60: 3.31}


def storm(district: District) -> None:
    district.warning(Colour.BLUE)
    for minute in range(1, 91):
        if minute == 8:
            district.depth("WL07", minute, 200, quality=Quality.SUSPECT)  # a broken gauge in a dry street
        if minute == 48:
            district.until(48)
            district.warning(Colour.YELLOW)
        if minute % 5 == 0:
            district.rain("RG01", minute, RAIN[minute // 5 - 1])
            district.depth("WL02", minute, 6)
        if minute in DEPTH:
            district.depth("WL01", minute, DEPTH[minute])
        if minute in FOREBAY:
            district.reading("WS01", minute, ("drain_level", FOREBAY[minute], "m"))
        if 20 <= minute < 32:
            district.citizen(UNDERPASS, f"R-{minute}", minute)


def test_one_spot_iv_then_iii(district: District) -> None:
    storm(district)
    assert [one.spot_id for one in district.events(WaterloggingDetected)] == [UNDERPASS]
    proposed = district.events(ResponseProposed)
    assert [one.level for one in proposed] == [Level.IV, Level.III]
    assert proposed[0].proposed_at == district.at(38)
    assert all(condition.met for condition in proposed[0].conditions)
    assert proposed[1].proposed_at == district.at(65)
    assert [c.name for c in proposed[1].conditions if c.met] == ["rain_h1_50", "warning_yellow", "drain_over"]
    assert proposed[1].plan_id == "EX-RAINSTORM"
    last = district.events(WaterloggingUpdated)[-1]
    assert last.source_ids_total == 13
    assert len(district.events(WaterloggingUpdated)) < 25
    suspect = [e for e in district.events(FloodEvidence) if e.quality is Quality.SUSPECT]
    assert len(suspect) == 1


class TestStorm(ServiceSuite):
    """What every stream service keeps, with the storm as the story."""

    def service(self) -> StreamService:
        return build()

    def refs(self) -> Reference:
        return reference()

    def play(self, harness: StreamHarness) -> None:
        storm(District(harness))
