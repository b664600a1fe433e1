"""The flood process on real Kafka: a crossing becomes one spot, also across kill -9; warnings and queries over gRPC."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest
from liandong.clock import real_now
from liandong.settings import Settings
from liandong_contracts import topics
from liandong_contracts.common import Datum, DeviceKind, GeoPoint, Protocol
from liandong_contracts.flood import (
    RainfallAggregated,
    WaterloggingDetected,
    WaterloggingUpdated,
    WeatherWarningReceived,
)
from liandong_contracts.rpc import flood_pb2 as pb
from liandong_contracts.sensing import DeviceState, DeviceStatus

from .running import RunningFlood, minutes, stamp, until

LONE = DeviceState(
    device_id="WL-LONE",
    name="示例孤立积水计",
    kind=DeviceKind.WATERLOG,
    protocol=Protocol.SL651,
    native_id="0098000001",
    metrics=(),
    owner_dept="示例水务局",
    area_code="990101001001",
    location=GeoPoint(lon=131.0, lat=26.0, datum=Datum.CGCS2000),
    report_interval_s=300,
    status=DeviceStatus.ACTIVE,
    version=1,
)


@pytest.fixture
def flood(settings: Callable[..., Settings], tmp_path: Path) -> Iterator[RunningFlood]:
    running = RunningFlood(settings(), [LONE], tmp_path / "flood.log")
    running.start()
    yield running
    running.stop()


def test_a_crossing_becomes_one_spot_across_a_kill(flood: RunningFlood) -> None:
    now = real_now().replace(microsecond=0)
    flood.observed("WL01", now - minutes(4), "water_depth", 31, "cm")
    flood.observed("WL-LONE", now - minutes(4), "water_depth", 20, "cm")
    flood.observed("RG01", now - minutes(4), "rain_5min", 6, "mm")
    until("both spots", lambda: len(flood.events(topics.FLOOD_SPOT, WaterloggingDetected)) == 2)
    flood.end(signal.SIGKILL)
    flood.observed("WL01", now - minutes(2), "water_depth", 45, "cm")
    flood.start()
    (update,) = until("the next level", lambda: flood.events(topics.FLOOD_SPOT, WaterloggingUpdated))
    assert update.time == update.data.at == now - minutes(2)
    detected = {event.data.spot_id: event for event in flood.events(topics.FLOOD_SPOT, WaterloggingDetected)}
    assert len(flood.events(topics.FLOOD_SPOT, WaterloggingDetected)) == len(detected) == 2
    assert detected.keys() == {"SP-LJ-01", "990101-cell-116000-311000"}
    assert (detected["SP-LJ-01"].sequence, update.sequence) == (1, 2)
    rain = flood.events(topics.FLOOD_RAIN, RainfallAggregated)
    assert {event.data.mm for event in rain} == {6.0}
    spots = flood.answered(lambda: flood.query.GetSpots(pb.GetSpotsRequest(area_code="990101"), timeout=5)).spots
    (underpass,) = [spot for spot in spots if spot.spot_id == "SP-LJ-01"]
    assert (underpass.level, underpass.status, underpass.depth_cm) == ("L3", "CONFIRMED", 45.0)
    assert 100 <= underpass.age_s <= 300
    hour = flood.query.GetRain(pb.GetRainRequest(station_id="RG01"), timeout=5)
    assert {window.window for window in hour.windows} == {"H1", "H3", "H12", "H24"}
    assert flood.end(signal.SIGTERM) == 0


def test_warnings_and_places_over_grpc(flood: RunningFlood) -> None:
    point = pb.Point(lon=130.0121, lat=25.0110, datum="WGS84")
    match = flood.answered(lambda: flood.query.MatchSpot(pb.MatchSpotRequest(point=point), timeout=5))
    assert (match.spot_id, match.name, match.catalogued) == ("SP-LJ-01", "临江路下穿隧道", True)
    now = real_now()
    warning = pb.SubmitWarningRequest(
        request_id="one",
        area_code="990101",
        warning_id="W-1",
        event_code="11B03",
        colour="YELLOW",
        action="ISSUE",
        effective=stamp(now),
        expires=stamp(now + minutes(60)),
        issuer="示例气象台",
    )
    assert flood.command.SubmitWarning(warning, timeout=10).accepted
    until("the warning", lambda: flood.events(topics.FLOOD_WARNING, WeatherWarningReceived))
    flood.end(signal.SIGKILL)
    flood.start()
    assert flood.answered(lambda: flood.command.SubmitWarning(warning, timeout=10)).accepted
    warning.request_id, warning.warning_id = "two", "W-2"
    assert flood.command.SubmitWarning(warning, timeout=10).accepted
    received = until(
        "the second warning",
        lambda: found if len(found := flood.events(topics.FLOOD_WARNING, WeatherWarningReceived)) > 1 else None,
    )
    assert [event.data.warning_id for event in sorted(received, key=lambda event: event.time)] == ["W-1", "W-2"]
    with pytest.raises(grpc.RpcError) as caught:
        flood.query.GetRain(pb.GetRainRequest(station_id="nobody"), timeout=5)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
