"""One measurement against what is remembered of its metric: new, repeated or corrected; late; a jump. Pure."""

from datetime import datetime, timedelta
from enum import Enum
from typing import NamedTuple

from liandong.pure.records import changed
from liandong_contracts.common import Quality
from liandong_contracts.sensing import Measurement, MetricSpec, MetricTrack

from sensing_service.domain import memory, policy

_COMPARED = frozenset({Quality.GOOD, Quality.MANUAL, Quality.OVER_RANGE})


class Finding(Enum):
    """What a measurement is."""

    NEW = "new"
    REPEATED = "repeated"
    CORRECTED = "corrected"


class Weighed(NamedTuple):
    """A judged measurement and what is remembered from now on.

    `old` is the value before a correction. `in_order`: newer than everything before, so that it may move alarms.
    `jumped`: too far from the last believed value.
    """

    finding: Finding
    measurement: Measurement
    track: MetricTrack
    old: float | None = None
    in_order: bool = False
    jumped: bool = False


def millis(at: datetime) -> int:
    """Return epoch milliseconds."""
    return int(at.timestamp() * 1000 + 0.5)


def weigh(
    track: MetricTrack | None,
    measurement: Measurement,
    spec: MetricSpec | None,
    received_at: datetime,
    interval: timedelta,
) -> Weighed:
    """Judge one measurement. `spec` is None for a metric that is not registered (any more)."""
    at_ms = millis(measurement.observed_at)
    if track is None:
        late = received_at - measurement.observed_at > policy.LATE_AFTER
        return _first(changed(measurement, late=late), at_ms)
    newest = measurement.observed_at > track.observed_at
    if not newest:
        known = memory.recall(track.seen)
        if at_ms in known:
            return _again(track, measurement, at_ms, known[at_ms])
    late = not newest or received_at - measurement.observed_at > policy.LATE_AFTER
    if late:
        measurement = changed(measurement, late=True)
    seen = memory.remember(track.seen, at_ms, measurement.value)
    if not newest:
        return Weighed(Finding.NEW, measurement, changed(track, seen=seen))
    return _newest(track, measurement, spec, interval, seen)


def _first(measurement: Measurement, at_ms: int) -> Weighed:
    believed = measurement.value if measurement.quality in _COMPARED else None
    track = MetricTrack(
        metric=measurement.metric,
        unit=measurement.unit,
        value=measurement.value,
        observed_at=measurement.observed_at,
        quality=measurement.quality,
        believed=believed,
        believed_at=None if believed is None else measurement.observed_at,
        seen=memory.remember(b"", at_ms, measurement.value),
    )
    return Weighed(Finding.NEW, measurement, track, in_order=True)


def _again(track: MetricTrack, measurement: Measurement, at_ms: int, old: float | None) -> Weighed:
    """The time is recorded already. A repeat without a value takes nothing back."""
    if measurement.value is None or measurement.value == old:
        return Weighed(Finding.REPEATED, measurement, track)
    track = changed(track, seen=memory.remember(track.seen, at_ms, measurement.value))
    if measurement.observed_at == track.observed_at:
        track = changed(track, value=measurement.value, quality=measurement.quality)
    if measurement.observed_at == track.believed_at:
        track = changed(track, believed=measurement.value)
    return Weighed(Finding.CORRECTED, measurement, track, old)


def _newest(
    track: MetricTrack, measurement: Measurement, spec: MetricSpec | None, interval: timedelta, seen: bytes
) -> Weighed:
    """A reading newer than all before: compare it with the last believed one."""
    believed, believed_at = track.believed, track.believed_at
    suspects, suspect, jumped = 0, None, False
    value = measurement.value
    if value is not None and measurement.quality in _COMPARED:
        if jumps(track, measurement, spec, interval):
            agrees = (
                track.suspect is not None and spec is not None and abs(value - track.suspect) <= (spec.max_step or 0)
            )
            suspects, suspect = (track.suspects + 1 if agrees else 1), value
        jumped = 0 < suspects < policy.JUMP_CONFIRMED_BY
        if jumped:
            measurement = changed(measurement, quality=Quality.SUSPECT)
        else:
            suspects, suspect = 0, None
            believed, believed_at = value, measurement.observed_at
    else:
        suspects, suspect = track.suspects, track.suspect
    moved = changed(
        track,
        unit=measurement.unit,
        value=value,
        observed_at=measurement.observed_at,
        quality=measurement.quality,
        believed=believed,
        believed_at=believed_at,
        suspects=suspects,
        suspect=suspect,
        seen=seen,
    )
    return Weighed(Finding.NEW, measurement, moved, in_order=True, jumped=jumped)


def jumps(track: MetricTrack, measurement: Measurement, spec: MetricSpec | None, interval: timedelta) -> bool:
    """Say whether a value is further from the last believed one than a real change brings it in so short a time."""
    if spec is None or spec.max_step is None or measurement.value is None:
        return False
    if track.believed is None or track.believed_at is None:
        return False
    gap = measurement.observed_at - track.believed_at
    return gap <= interval * policy.JUMP_WITHIN_INTERVALS and abs(measurement.value - track.believed) > spec.max_step
