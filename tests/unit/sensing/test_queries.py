"""SensingQuery.GetLatest without a network."""

from typing import Any, cast

import grpc
import pytest
from liandong.clock import ManualClock
from liandong.errors import Unavailable
from liandong_contracts.common import Quality
from liandong_contracts.rpc import sensing_pb2 as pb
from liandong_contracts.sensing import DeviceTrack, MetricTrack
from sensing_service.queries import QueryServicer
from sensing_service.refs import Refs

from tests.unit.sensing.town import MINUTE, NOW, gauge, rain_gauge

CONTEXT = cast("grpc.ServicerContext", None)


class Copy(dict[str, Any]):
    ready = True


def track(device_id: str, **values: float | None) -> DeviceTrack:
    metrics = tuple(
        MetricTrack(metric=name, unit="cm", value=value, observed_at=NOW - 3 * MINUTE, quality=Quality.GOOD)
        for name, value in values.items()
    )
    return DeviceTrack(device_id=device_id, metrics=metrics)


def servicer() -> QueryServicer:
    tracks = Copy(WL01=track("WL01", water_depth=12.5, battery=None), WL02=track("WL02", water_depth=3.0))
    devices = Copy(WL01=gauge(), WL02=gauge("WL02", "9901010002"), RG01=rain_gauge())
    return QueryServicer(Refs(devices), tracks, ManualClock(NOW))


def test_values_with_their_age() -> None:
    reply = servicer().GetLatest(pb.GetLatestRequest(device_ids=["WL01", "nobody", "WL01"]), CONTEXT)
    depth, battery = reply.values
    assert (depth.device_id, depth.metric, depth.value, depth.unit, depth.age_s, depth.quality) == (
        "WL01", "water_depth", 12.5, "cm", 180, "GOOD",
    )  # fmt: skip
    assert depth.observed_at.ToDatetime(tzinfo=NOW.tzinfo) == NOW - 3 * MINUTE
    assert not battery.HasField("value")


def test_by_object_and_metric() -> None:
    reply = servicer().GetLatest(pb.GetLatestRequest(object_id="OBJ-1", metrics=["water_depth"]), CONTEXT)
    assert [(one.device_id, one.value) for one in reply.values] == [("WL01", 12.5), ("WL02", 3.0)]
    assert list(servicer().GetLatest(pb.GetLatestRequest(object_id="OBJ-9"), CONTEXT).values) == []


def test_refusals() -> None:
    with pytest.raises(ValueError, match="name device_ids"):
        servicer().GetLatest(pb.GetLatestRequest(), CONTEXT)
    with pytest.raises(ValueError, match="at most"):
        servicer().GetLatest(pb.GetLatestRequest(device_ids=["x"] * 1001), CONTEXT)
    blind = servicer()
    cast("Any", blind)._tracks.ready = False
    with pytest.raises(Unavailable):
        blind.GetLatest(pb.GetLatestRequest(device_ids=["WL01"]), CONTEXT)
