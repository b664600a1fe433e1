"""What can be said about a report without memory: metric, unit, range, time. Knows no protocol and no other report."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from liandong_contracts.common import Quality
from liandong_contracts.sensing import DeviceState, DeviceStatus, Measurement, MetricSpec

from sensing_service.domain import policy

_JUDGED_BY_RANGE = frozenset({Quality.GOOD, Quality.MANUAL})


class Sample(NamedTuple):
    """One value as the device's protocol named it, before it has a metric and a unit of ours."""

    source: str
    value: float | None
    observed_at: datetime
    quality: Quality = Quality.GOOD
    flag: str | None = None


class Device(NamedTuple):
    """A registered device with its metrics by source."""

    state: DeviceState
    by_source: dict[str, tuple[MetricSpec, ...]]

    @property
    def silent(self) -> bool:
        """Say whether reports of the device are not wanted at all."""
        return self.state.status is DeviceStatus.RETIRED


def device_of(state: DeviceState) -> Device:
    """Return the device with its metrics indexed."""
    by_source: dict[str, tuple[MetricSpec, ...]] = {}
    for spec in state.metrics:
        by_source[spec.source] = (*by_source.get(spec.source, ()), spec)
    return Device(state, by_source)


def measurements_of(device: Device, samples: Iterable[Sample], now: datetime) -> tuple[Measurement, ...]:
    """Return the samples that the device is registered to measure, in its units, in their order.

    A period that the device has announced but not measured yet (no value, time ahead) says nothing and is left out.
    """
    by_source = device.by_source
    latest = now + policy.FUTURE_TOLERANCE
    return tuple(
        [
            _measurement(spec, sample)
            for sample in samples
            for spec in by_source.get(sample.source, ())
            if sample.value is not None or sample.observed_at <= latest
        ]
    )


def ahead(samples: Sequence[Sample], now: datetime) -> timedelta | None:
    """Return by how much the report runs ahead of the clock, when that is more than tolerated."""
    times = [sample.observed_at for sample in samples if sample.value is not None]
    if not times or (newest := max(times)) <= now + policy.FUTURE_TOLERANCE:
        return None
    return newest - now


def _measurement(spec: MetricSpec, sample: Sample) -> Measurement:
    value, quality = sample.value, sample.quality
    if value is not None:
        if spec.scale != 1.0:
            value = round(value * spec.scale, 9)
        if quality in _JUDGED_BY_RANGE and out_of_range(spec, value):
            quality = Quality.OVER_RANGE
    elif quality in _JUDGED_BY_RANGE:
        quality = Quality.DEVICE_FAULT
    return Measurement(
        metric=spec.metric,
        value=value,
        unit=spec.unit,
        observed_at=sample.observed_at,
        quality=quality,
        native_flag=sample.flag,
    )


def out_of_range(spec: MetricSpec, value: float) -> bool:
    """Say whether the instrument cannot have measured this value."""
    return (spec.lo is not None and value < spec.lo) or (spec.hi is not None and value > spec.hi)
