"""A fictional district's devices and a gateway without Kafka, for the tests."""

import asyncio
from datetime import UTC, datetime, timedelta

from liandong.clock import ManualClock
from liandong.edge.producer import Publication, PublishError
from liandong.settings import Settings
from liandong.telemetry.tracing import Tracing
from liandong_contracts.common import DeviceKind, Protocol
from liandong_contracts.sensing import (
    DeviceAlarmReported,
    DeviceReport,
    DeviceState,
    DeviceStatus,
    MetricSpec,
    ReadingRejected,
)
from sensing_service.gateway.intake import Intake
from sensing_service.gateway.registry import Registry

NOW = datetime(2031, 7, 20, 4, 0, tzinfo=UTC)  # noon in Shanghai
MINUTE = timedelta(minutes=1)


def gauge(
    device_id: str = "WL01",
    native_id: str = "9901010001",
    *,
    kind: DeviceKind = DeviceKind.WATERLOG,
    status: DeviceStatus = DeviceStatus.ACTIVE,
    protocol: Protocol = Protocol.SL651,
    limit: float | None = 27.0,
    max_step: float | None = 50.0,
    interval_s: int = 120,
    version: int = 1,
) -> DeviceState:
    """Return a waterlogging gauge: element 39 in metres, kept in centimetres."""
    source = "39" if protocol is Protocol.SL651 else "depth"
    scale = 100.0 if protocol is Protocol.SL651 else 1.0
    depth = MetricSpec(
        metric="water_depth", unit="cm", source=source, scale=scale, lo=0.0, hi=300.0, limit=limit, max_step=max_step
    )
    return DeviceState(
        device_id=device_id,
        name="示例积水点",
        kind=kind,
        protocol=protocol,
        native_id=native_id,
        metrics=(depth,),
        object_id="OBJ-1",
        owner_dept="示例水务局",
        area_code="990101001",
        location=None,
        report_interval_s=interval_s,
        status=status,
        version=version,
    )


def rain_gauge(device_id: str = "RG01", native_id: str = "9901010101") -> DeviceState:
    """Return a rain gauge that sends five-minute rain as element 22 or F4, and the total as 26."""
    rain = MetricSpec(metric="rain_5min", unit="mm", source="22", lo=0.0, hi=30.0)
    hour = MetricSpec(metric="rain_5min", unit="mm", source="F4", lo=0.0, hi=30.0)
    total = MetricSpec(metric="rain_total", unit="mm", source="26", lo=0.0)
    return DeviceState(
        device_id=device_id,
        name="示例雨量站",
        kind=DeviceKind.RAIN_GAUGE,
        protocol=Protocol.SL651,
        native_id=native_id,
        metrics=(rain, hour, total),
        owner_dept="示例水务局",
        area_code="990101002",
        report_interval_s=300,
        status=DeviceStatus.ACTIVE,
        version=1,
    )


class ListSink:
    """A producer that keeps events; the test says when Kafka has them."""

    def __init__(self, *, instant: bool = True, limit: int = 1_000_000) -> None:
        self.sent: list[Publication] = []
        self.open: list[asyncio.Future[None]] = []
        self._instant = instant
        self._limit = limit

    @property
    def has_room(self) -> bool:
        return len(self.open) < self._limit

    async def room(self) -> None:
        while not self.has_room:
            await asyncio.sleep(0)

    def send(self, publication: Publication) -> "asyncio.Future[None]":
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.sent.append(publication)
        if self._instant:
            future.set_result(None)
        else:
            self.open.append(future)
        return future

    def acknowledge(self, error: str = "") -> None:
        for future in self.open:
            if error:
                future.set_exception(PublishError(error))
            else:
                future.set_result(None)
        self.open.clear()

    @property
    def reports(self) -> list[DeviceReport]:
        return [one.record for one in self.sent if isinstance(one.record, DeviceReport)]

    @property
    def rejections(self) -> list[ReadingRejected]:
        return [one.record for one in self.sent if isinstance(one.record, ReadingRejected)]

    @property
    def alarms(self) -> list[DeviceAlarmReported]:
        return [one.record for one in self.sent if isinstance(one.record, DeviceAlarmReported)]


def intake(sink: ListSink, *states: DeviceState) -> Intake:
    """Return a gateway's intake at NOW."""
    registry = Registry(states or (gauge(), rain_gauge()))
    settings = Settings(world="test", area_code="990101", trace_ratio=1.0)
    return Intake(registry, sink, ManualClock(NOW), Tracing("sensing-gateway", settings), "990101")
