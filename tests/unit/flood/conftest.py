"""A small fictional district for the tests of flood, and a harness that speaks its language."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

import pytest
from flood_service.app import build
from flood_service.packs import load_pack
from flood_service.reference import Reference
from liandong.event import Event
from liandong.testing.stream import StreamHarness
from liandong_contracts import topics
from liandong_contracts.base import Record
from liandong_contracts.common import Colour, Datum, DeviceKind, GeoPoint, Protocol, Quality
from liandong_contracts.dispatch import AttachBasis, CaseOpened, ReportAttached, Urgency
from liandong_contracts.flood import (
    Area,
    GaugeTrack,
    Spot,
    SpotEntry,
    SpotKind,
    WarningAction,
    WeatherWarningSubmitted,
)
from liandong_contracts.sensing import DeviceState, DeviceStatus, Measurement, MetricSpec, ReadingObserved

R = TypeVar("R", bound=Record)
START = datetime(2031, 7, 20, 12, 0, tzinfo=UTC)
DISTRICT = "990101"
UNDERPASS = "SP-01"


class DictCopy(Generic[R]):
    """A catalogue in a dictionary."""

    def __init__(self, records: Iterable[R], key: Callable[[R], str]) -> None:
        self._key = key
        self._records = {key(record): record for record in records}
        self.ready = True

    def put(self, record: R) -> None:
        self._records[self._key(record)] = record

    def get(self, key: str) -> R | None:
        return self._records.get(key)

    def values(self) -> list[R]:
        return list(self._records.values())


def place(lon: float, lat: float, datum: Datum = Datum.CGCS2000) -> GeoPoint:
    return GeoPoint(lon=lon, lat=lat, datum=datum)


def entry(spot_id: str, lon: float, gauges: tuple[str, ...], *, main_road: bool = False) -> SpotEntry:
    return SpotEntry(
        spot_id=spot_id,
        name=f"示例点{spot_id}",
        kind=SpotKind.UNDERPASS if main_road else SpotKind.ROAD,
        location=place(lon, 25.0),
        area_code="990101001001",
        device_ids=gauges,
        main_road=main_road,
        radius_m=100.0,
    )


def device(device_id: str, kind: DeviceKind, metrics: tuple[MetricSpec, ...] = (), lon: float = 131.0) -> DeviceState:
    return DeviceState(
        device_id=device_id,
        name=device_id,
        kind=kind,
        protocol=Protocol.SL651,
        native_id=device_id,
        metrics=metrics,
        object_id=None,
        owner_dept="示例水务局",
        area_code="990101001001",
        location=place(lon, 25.0),
        report_interval_s=300,
        status=DeviceStatus.ACTIVE,
        version=1,
    )


CATALOGUE = (
    entry(UNDERPASS, 130.01, ("WL01",), main_road=True),
    *(entry(f"SP-0{n}", 130.01 + n / 100, (f"WL0{n}",)) for n in range(2, 9)),
)
DEVICES = (
    device("RG01", DeviceKind.RAIN_GAUGE),
    device("WL99", DeviceKind.WATERLOG, lon=132.5),
    device("WS01", DeviceKind.WATER_LEVEL, (MetricSpec(metric="drain_level", unit="m", source="39", limit=3.2),)),
)


def spot_id_of(record: SpotEntry) -> str:
    return record.spot_id


def device_id_of(record: DeviceState) -> str:
    return record.device_id


def reference() -> Reference:
    return Reference(DISTRICT, load_pack(), DictCopy(CATALOGUE, spot_id_of), DictCopy(DEVICES, device_id_of))


class District:
    """Drives a harness by minutes of the story; every call returns what was published because of it."""

    def __init__(self, harness: StreamHarness) -> None:
        self.harness = harness
        self.service = build()
        self._sequences: dict[str, int] = {}
        self._cases = 0

    def at(self, minute: float) -> datetime:
        return START + timedelta(minutes=minute)

    def until(self, minute: float) -> list[Event[Any]]:
        return self.harness.advance(self.at(minute))

    def reading(
        self,
        device_id: str,
        minute: float,
        *values: tuple[str, float | None, str],
        quality: Quality = Quality.GOOD,
        late: bool = False,
        kind: DeviceKind = DeviceKind.WATERLOG,
    ) -> list[Event[Any]]:
        at = self.at(minute)
        if at > self.harness.now:
            self.harness.advance(at)
        measurements = tuple(
            Measurement(metric=metric, value=value, unit=unit, observed_at=at, quality=quality, late=late)
            for metric, value, unit in values
        )
        sequence = self._sequences[device_id] = self._sequences.get(device_id, 0) + 1
        record = ReadingObserved(
            device_id=device_id,
            kind=kind,
            measurements=measurements,
            received_at=self.harness.now,
            frame_ref=f"frame-{device_id}-{sequence}",
            object_id=None,
        )
        return self.harness.put(topics.SENSING_READING, record, time=at, sequence=sequence, area_code="990101001001")

    def depth(self, device_id: str, minute: float, cm: float | None, **how: Any) -> list[Event[Any]]:
        return self.reading(device_id, minute, ("water_depth", cm, "cm"), **how)

    def rain(self, station: str, minute: float, mm: float, **how: Any) -> list[Event[Any]]:
        return self.reading(station, minute, ("rain_5min", mm, "mm"), kind=DeviceKind.RAIN_GAUGE, **how)

    def warning(
        self, colour: Colour, hours: float = 6, action: WarningAction = WarningAction.ISSUE, event_code: str = "11B03"
    ) -> list[Event[Any]]:
        now = self.harness.now
        record = WeatherWarningSubmitted(
            area_code=DISTRICT,
            warning_id=f"W-{colour}",
            event_code=event_code,
            colour=colour,
            action=action,
            effective=now,
            expires=now + timedelta(hours=hours),
            issuer="示例气象台",
        )
        return self.harness.put(topics.FLOOD_REQUEST, record)

    def citizen(self, spot_id: str, report_id: str, minute: float | None = None) -> list[Event[Any]]:
        if minute is not None:
            self.until(minute)
        now = self.harness.now
        self._cases += 1
        if self._cases == 1:
            opened = self.case_of_spot(spot_id, (report_id,))
            return self.harness.put(topics.DISPATCH_CASE, opened, sequence=self._cases)
        attached = ReportAttached(
            case_id="990101-case-1",
            report_id=report_id,
            basis=AttachBasis.SAME_OBJECT,
            score=1.0,
            reports_total=self._cases,
            spot_id=spot_id,
            at=now,
        )
        return self.harness.put(topics.DISPATCH_CASE, attached, sequence=self._cases)

    def case_of_spot(self, spot_id: str, report_ids: tuple[str, ...] = ()) -> CaseOpened:
        return CaseOpened(
            case_id="990101-case-1",
            summary="积水",
            report_ids=report_ids,
            class_code="standing-water",
            grid_code=None,
            object_id=None,
            spot_id=spot_id,
            urgency=Urgency.NORMAL,
            clocks=(),
            handler_person=None,
            area_code=DISTRICT,
            opened_at=self.harness.now,
        )

    def events(self, record: type[R]) -> list[R]:
        return [event.data for event in self.harness.of(record)]

    def states(self, name: str) -> dict[str, Any]:
        state = next(state for state in self.service.states if state.name == name)
        return self.harness.states(state)

    def spot(self, spot_id: str = UNDERPASS) -> Spot | None:
        return self.states("spot").get(spot_id)

    def track(self, device_id: str) -> GaugeTrack | None:
        return self.states("gauge").get(device_id)

    def area(self) -> Area:
        area: Area = self.states("area")[DISTRICT]
        return area


@pytest.fixture
def district() -> District:
    return District(StreamHarness(build(), refs=reference(), now=START))
