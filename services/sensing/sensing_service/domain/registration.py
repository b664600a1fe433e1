"""What a device registration must satisfy, in sentences for the person who wrote it."""

import re
from collections.abc import Iterator

from liandong_contracts.common import Datum, DeviceKind, Protocol
from liandong_contracts.sensing import DeviceState, DeviceStatus

_NAME = re.compile(r"[^\x00-\x1f\x7f+]{1,64}")
_STATION = re.compile(r"[0-9A-F]{10}")
_ELEMENT = re.compile(r"(FF)?[0-9A-F]{2}")
_AREA = re.compile(r"(\d{6}|\d{9}|\d{12})")
_MAX_METRICS = 64


def problems(state: DeviceState) -> Iterator[str]:
    """Yield what is wrong with a registration."""
    if not _NAME.fullmatch(state.device_id):
        yield "device_id must have 1 to 64 printable characters and no '+'"
    if not _NAME.fullmatch(state.native_id):
        yield "native_id must have 1 to 64 printable characters and no '+'"
    if state.protocol is Protocol.SL651 and not _STATION.fullmatch(state.native_id):
        yield f"native_id {state.native_id!r} of an SL 651 station must be ten hexadecimal digits in capitals"
    if not _AREA.fullmatch(state.area_code):
        yield f"area_code {state.area_code!r} must have 6, 9 or 12 digits"
    if state.report_interval_s < 1:
        yield "report_interval_s must be at least 1"
    if DeviceKind.UNKNOWN is state.kind or Protocol.UNKNOWN is state.protocol or DeviceStatus.UNKNOWN is state.status:
        yield "kind, protocol and status must be known ones"
    if state.location is not None and state.location.datum is Datum.UNKNOWN:
        yield "a position needs its datum"
    yield from _metric_problems(state)


def _metric_problems(state: DeviceState) -> Iterator[str]:
    if len(state.metrics) > _MAX_METRICS:
        yield f"{len(state.metrics)} metrics, at most {_MAX_METRICS}"
    seen: set[tuple[str, str]] = set()
    units: dict[str, str] = {}
    for spec in state.metrics:
        if not spec.metric or not spec.unit or not spec.source:
            yield "a metric needs its name, unit and source"
        if (spec.metric, spec.source) in seen:
            yield f"metric {spec.metric} is read twice from {spec.source}"
        seen.add((spec.metric, spec.source))
        if units.setdefault(spec.metric, spec.unit) != spec.unit:
            yield f"metric {spec.metric} has two units"
        if spec.scale == 0:
            yield f"metric {spec.metric}: scale 0 makes every value 0"
        if spec.lo is not None and spec.hi is not None and spec.lo >= spec.hi:
            yield f"metric {spec.metric}: lo {spec.lo:g} is not below hi {spec.hi:g}"
        if state.protocol is Protocol.SL651 and not _ELEMENT.fullmatch(spec.source):
            yield f"metric {spec.metric}: source {spec.source!r} is no SL 651 element (two hexadecimal digits)"
