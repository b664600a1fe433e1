"""What HTTP clients may write: reports and device entries, checked strictly. No I/O."""

from datetime import datetime
from typing import Annotated, TypeVar

import msgspec
from liandong_contracts.common import Datum, DeviceKind, GeoPoint, Protocol, Quality
from liandong_contracts.sensing import DeviceState, DeviceStatus

from sensing_service.domain.intake import Sample
from sensing_service.gateway.reference import Metric

MAX_ITEMS = 5_000
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
T = TypeVar("T")


class Report(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one device measured at one time; `values` by the source names of the device registry."""

    device: Name
    observed_at: Moment
    values: Annotated[dict[Name, float | None], msgspec.Meta(min_length=1, max_length=256)]
    quality: Quality = Quality.GOOD

    def samples(self) -> list[Sample]:
        """Return the values as samples."""
        return [Sample(name, value, self.observed_at, self.quality) for name, value in self.values.items()]

    def raw(self) -> bytes:
        """Return the report in a form that is the same however it was written."""
        return msgspec.json.encode(self, order="deterministic")


class Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a device stands."""

    lon: Annotated[float, msgspec.Meta(ge=-180, le=180)]
    lat: Annotated[float, msgspec.Meta(ge=-90, le=90)]
    datum: Datum


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One device to register: `DeviceState` without its version."""

    device_id: Name
    name: str
    kind: DeviceKind
    protocol: Protocol
    native_id: Name
    metrics: list[Metric]
    object_id: str | None = None
    owner_dept: str
    area_code: str
    location: Place | None = None
    report_interval_s: Annotated[int, msgspec.Meta(ge=1, le=31 * 86_400)]
    status: DeviceStatus = DeviceStatus.ACTIVE

    def state(self) -> DeviceState:
        """Return the registration, version 0."""
        place = self.location
        return DeviceState(
            device_id=self.device_id,
            name=self.name,
            kind=self.kind,
            protocol=self.protocol,
            native_id=self.native_id,
            metrics=tuple(metric.spec() for metric in self.metrics),
            object_id=self.object_id,
            owner_dept=self.owner_dept,
            area_code=self.area_code,
            location=GeoPoint(lon=place.lon, lat=place.lat, datum=place.datum) if place else None,
            report_interval_s=self.report_interval_s,
            status=self.status,
            version=0,
        )


class WrongForm(ValueError):
    """The body cannot be taken; the text says where and why. `code` names the kind of mistake."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


_REPORTS = msgspec.json.Decoder(list[Report])
_REPORT = msgspec.json.Decoder(Report)
_ENTRIES = msgspec.json.Decoder(list[Entry])


def reports(body: bytes) -> list[Report]:
    """Read one report or a list of them. Raises WrongForm."""
    if body.lstrip()[:1] == b"[":
        return _counted(_decode(_REPORTS, body))
    return [_decode(_REPORT, body)]


def entries(body: bytes) -> list[Entry]:
    """Read a list of devices. Raises WrongForm."""
    return _counted(_decode(_ENTRIES, body))


def _decode(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise WrongForm("WRONG_FORM", str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise WrongForm("BAD_JSON", str(error) or "the body is empty") from error


def _counted(items: list[T]) -> list[T]:
    if not 1 <= len(items) <= MAX_ITEMS:
        raise WrongForm("WRONG_FORM", f"{len(items)} items; 1 to {MAX_ITEMS} may come in one request")
    return items
