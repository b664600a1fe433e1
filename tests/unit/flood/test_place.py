"""Which spot a place belongs to, for callers and for gauges; and the queries that answer it."""

from typing import Any
from unittest.mock import Mock

import grpc
import pytest
from flood_service.domain.place import facts_of, match, spot_of
from flood_service.packs import load_pack
from flood_service.queries import QueryServicer
from flood_service.reference import Reference
from liandong.clock import ManualClock
from liandong.errors import Unavailable
from liandong.pure.records import changed
from liandong_contracts.common import Datum
from liandong_contracts.flood import GaugeTrack, Spot
from liandong_contracts.rpc import flood_pb2 as pb

from .conftest import CATALOGUE, START, UNDERPASS, DictCopy, District, place, reference

CONTEXT = Mock(spec=grpc.ServicerContext)


def test_the_nearest_spot_that_covers_the_place() -> None:
    found = match(place(130.0105, 25.0), CATALOGUE, "990101")
    assert (found.spot_id, found.catalogued) == (UNDERPASS, True)
    assert found.distance_m == pytest.approx(50.4, abs=0.5)


def test_elsewhere_the_grid_cell_is_the_candidate() -> None:
    far = match(place(130.3, 25.0), CATALOGUE, "990101")
    near = match(place(130.30004, 25.00004), CATALOGUE, "990101")
    assert far.spot_id == near.spot_id
    assert not far.catalogued
    assert facts_of(far.spot_id, None).area_code == "990101"


def test_another_datum_never_matches_the_catalogue() -> None:
    found = match(place(130.01, 25.0, Datum.GCJ02), CATALOGUE, "990101")
    assert found.spot_id.startswith("990101-cellg-")


def test_spot_of_a_gauge() -> None:
    entry = CATALOGUE[0]
    assert spot_of("WL01", entry, None, "990101") == UNDERPASS
    assert spot_of("G1", None, place(130.3, 25.0), "990101") == match(place(130.3, 25.0), (), "990101").spot_id
    assert spot_of("G1", None, place(0, 0, Datum.UNKNOWN), "990101") == "990101-gauge-G1"
    assert facts_of("990101-gauge-G1", None).name == "990101-gauge-G1"


def servicer(district: District) -> QueryServicer:
    spots: list[Spot] = list(district.states("spot").values())
    gauges: list[GaugeTrack] = list(district.states("gauge").values())
    return QueryServicer(
        reference(),
        DictCopy(spots, lambda spot: spot.spot_id),
        DictCopy(gauges, lambda gauge: gauge.device_id),
        ManualClock(district.harness.now),
    )


def asked(servicer: QueryServicer, **point: Any) -> pb.MatchSpotReply:
    return servicer.MatchSpot(pb.MatchSpotRequest(point=pb.Point(**point)), CONTEXT)


def test_match_spot(district: District) -> None:
    one = asked(servicer(district), lon=130.01, lat=25.0, datum="WGS84")
    assert (one.spot_id, one.name, one.catalogued) == (UNDERPASS, f"示例点{UNDERPASS}", True)
    with pytest.raises(ValueError, match="datum"):
        asked(servicer(district), lon=130.01, lat=25.0)
    with pytest.raises(ValueError, match="no place on earth"):
        asked(servicer(district), lon=513.0, lat=25.0, datum="WGS84")


def test_get_spots(district: District) -> None:
    district.depth("WL01", 0, 31)
    district.depth("WL99", 1, 20)
    district.until(3)
    reply = servicer(district).GetSpots(pb.GetSpotsRequest(area_code="990101001"), CONTEXT)
    by_id = {view.spot_id: view for view in reply.spots}
    assert len(by_id) == len(CATALOGUE)  # the grid cell is known for its district only
    one = by_id[UNDERPASS]
    assert (one.level, one.status, one.depth_cm, one.age_s) == ("L2", "CONFIRMED", 31.0, 180)
    quiet = by_id["SP-02"]
    assert (quiet.level, quiet.status, quiet.HasField("depth_cm"), quiet.HasField("at")) == (
        "NONE",
        "UNKNOWN",
        False,
        False,
    )
    assert len(servicer(district).GetSpots(pb.GetSpotsRequest(), CONTEXT).spots) == len(CATALOGUE) + 1


def test_get_rain(district: District) -> None:
    district.rain("RG01", 5, 7)
    district.until(7)
    reply = servicer(district).GetRain(pb.GetRainRequest(station_id="RG01"), CONTEXT)
    assert {view.window: view.mm for view in reply.windows} == {"H1": 7.0, "H3": 7.0, "H12": 7.0, "H24": 7.0}
    assert reply.age_s == 120
    with pytest.raises(LookupError, match="RG77"):
        servicer(district).GetRain(pb.GetRainRequest(station_id="RG77"), CONTEXT)


def test_half_a_copy_answers_nothing(district: District) -> None:
    spots: DictCopy[Spot] = DictCopy([], lambda spot: spot.spot_id)
    spots.ready = False
    half = QueryServicer(reference(), spots, DictCopy([], lambda gauge: gauge.device_id), ManualClock(START))
    with pytest.raises(Unavailable, match="just started"):
        half.GetSpots(pb.GetSpotsRequest(), CONTEXT)
    assert half.MatchSpot(pb.MatchSpotRequest(point=pb.Point(lon=130.01, lat=25.0, datum="WGS84")), CONTEXT).catalogued


def test_a_changed_catalogue_moves_its_gauges() -> None:
    spots = DictCopy(CATALOGUE, lambda spot: spot.spot_id)
    refs = Reference("990101", load_pack(), spots, DictCopy([], lambda device: device.device_id))
    first = refs.spot_measured_by("WL01")
    assert first is not None
    assert first.spot_id == UNDERPASS
    spots.put(changed(CATALOGUE[1], device_ids=("WL01", "WL02")))
    spots.put(changed(CATALOGUE[0], device_ids=()))
    refs.spots_changed()
    moved = refs.spot_measured_by("WL01")
    assert moved is not None
    assert moved.spot_id == "SP-02"
