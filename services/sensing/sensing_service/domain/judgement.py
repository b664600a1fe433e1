"""One report of one device, judged: what is published and remembered. Pure; it joins reading, alarm and presence."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from liandong.pure.records import changed
from liandong_contracts.common import DeviceKind, Quality
from liandong_contracts.sensing import (
    AlarmTrack,
    DeviceCameOnline,
    DeviceReport,
    DeviceState,
    DeviceStatus,
    DeviceTrack,
    Measurement,
    MetricSpec,
    MetricTrack,
    ReadingCorrected,
    ReadingObserved,
    ReadingRejected,
    RejectReason,
)

from sensing_service.domain import alarm, policy, presence
from sensing_service.domain.alarm import AlarmEvent, Rule, Sign
from sensing_service.domain.reading import Finding, Weighed, weigh

NewId = Callable[[str], str]
_UNDER_MAINTENANCE = frozenset({Quality.GOOD, Quality.MANUAL, Quality.OVER_RANGE, Quality.SUSPECT})


class Judgement(NamedTuple):
    """Everything that follows from one report."""

    track: DeviceTrack
    observed: ReadingObserved | None = None
    corrected: Sequence[ReadingCorrected] = ()
    repeated: Sequence[ReadingRejected] = ()
    back: DeviceCameOnline | None = None
    alarms: Sequence[AlarmEvent] = ()
    watch: datetime | None = None


def judge(
    report: DeviceReport,
    report_id: str,
    track: DeviceTrack | None,
    device: DeviceState | None,
    now: datetime,
    new_id: NewId,
) -> Judgement:
    """Judge one report. `device` is None while its registration is not known here: then nothing is watched or alarmed.

    `new_id` makes the id of an alarm's episode.
    """
    bench = _Bench(report, report_id, track or DeviceTrack(device_id=report.device_id), device, now, new_id)
    for measurement in report.measurements:
        bench.measurement(measurement)
    return bench.judgement()


class _Bench:
    """Works through one report."""

    def __init__(
        self,
        report: DeviceReport,
        report_id: str,
        track: DeviceTrack,
        device: DeviceState | None,
        now: datetime,
        new_id: NewId,
    ) -> None:
        self._report, self._report_id, self._track, self._device = report, report_id, track, device
        self._now, self._new_id = now, new_id
        self._metrics: dict[str, MetricTrack] = {one.metric: one for one in track.metrics}
        self._alarms: dict[str, AlarmTrack] = {one.rule_id: one for one in track.alarms}
        self._interval = presence.interval_of(device)
        self._maintained = device is not None and device.status is DeviceStatus.MAINTENANCE
        self._kept: list[Measurement] = []
        self._corrected: list[ReadingCorrected] = []
        self._repeated: list[Measurement] = []
        self._told: list[AlarmEvent] = []

    def measurement(self, measurement: Measurement) -> None:
        """Judge one measurement of the report."""
        spec = self._spec(measurement.metric)
        known = self._metrics.get(measurement.metric)
        weighed = weigh(known, measurement, spec, self._report.received_at, self._interval)
        self._metrics[measurement.metric] = weighed.track
        if weighed.finding is Finding.REPEATED:
            self._repeated.append(measurement)
        elif weighed.finding is Finding.CORRECTED:
            self._corrected.append(self._correction(weighed))
        else:
            self._keep(weighed, spec)

    def _keep(self, weighed: Weighed, spec: MetricSpec | None) -> None:
        measurement = weighed.measurement
        if self._maintained and measurement.quality in _UNDER_MAINTENANCE:
            measurement = changed(measurement, quality=Quality.MAINTENANCE)
            self._metrics[measurement.metric] = changed(weighed.track, quality=Quality.MAINTENANCE)
        self._kept.append(measurement)
        awake = not measurement.late and self._now - measurement.observed_at <= policy.LATE_AFTER
        if self._device is not None and spec is not None and weighed.in_order and awake and not self._maintained:
            self._watch_alarms(self._device, spec, measurement, weighed.jumped)

    def _watch_alarms(self, device: DeviceState, spec: MetricSpec, measurement: Measurement, jumped: bool) -> None:
        limit = alarm.limit_rule(device.device_id, device.object_id, device.kind, spec)
        if limit is not None:
            self._move(limit, alarm.limit_sign(limit, spec, measurement), measurement)
        jump = alarm.jump_rule(device.device_id, device.object_id, spec)
        if jump is not None:
            self._move(jump, alarm.jump_sign(measurement, jumped), measurement)

    def _move(self, rule: Rule, sign: Sign, measurement: Measurement) -> None:
        known = self._alarms.get(rule.rule_id)
        track, event = alarm.move(known, rule, sign, measurement, self._report_id, self._new_id)
        if track is not None:
            self._alarms[rule.rule_id] = track
        if event is not None:
            self._told.append(event)

    def _spec(self, metric: str) -> MetricSpec | None:
        specs = self._device.metrics if self._device else ()
        return next((spec for spec in specs if spec.metric == metric), None)

    def _correction(self, weighed: Weighed) -> ReadingCorrected:
        measurement = weighed.measurement
        return ReadingCorrected(
            device_id=self._report.device_id,
            metric=measurement.metric,
            observed_at=measurement.observed_at,
            old_value=weighed.old,
            new_value=measurement.value,
            unit=measurement.unit,
            reason="the device sent another value for the same time",
        )

    def judgement(self) -> Judgement:
        """Return what follows from the report."""
        seen = presence.seen(self._track, self._device, self._report.measurements, self._report.received_at)
        track = seen.track
        if self._kept or self._corrected:
            metrics, alarms = tuple(self._metrics.values()), tuple(self._alarms.values())
            track = changed(track, metrics=metrics, alarms=alarms)
        return Judgement(
            track,
            self._observed(),
            self._corrected,
            self._refused(),
            seen.event,
            self._told,
            seen.watch,
        )

    def _observed(self) -> ReadingObserved | None:
        if not self._kept:
            return None
        device = self._device
        return ReadingObserved(
            device_id=self._report.device_id,
            kind=device.kind if device else DeviceKind.UNKNOWN,
            measurements=tuple(self._kept),
            received_at=self._report.received_at,
            frame_ref=self._report.frame_ref,
            object_id=device.object_id if device else None,
        )

    def _refused(self) -> list[ReadingRejected]:
        """Return a refusal for every value that was recorded already."""
        report = self._report
        return [
            ReadingRejected(
                native_id=report.native_id,
                device_id=report.device_id,
                reason=RejectReason.DUPLICATE,
                detail=f"already recorded; repeated by frame {report.frame_ref}",
                raw=report.frame_ref.encode(),
                transport="judge",
                received_at=report.received_at,
                metric=one.metric,
                observed_at=one.observed_at,
            )
            for one in self._repeated
        ]
