"""Readings, one gauge at a time: rain becomes windows, water becomes evidence for a spot or an area."""

from datetime import datetime

from liandong.event import Event
from liandong.pure.records import changed
from liandong.stream import Context, Outcome
from liandong_contracts.common import Quality
from liandong_contracts.flood import DepthMark, GaugeTrack
from liandong_contracts.sensing import Measurement, ReadingCorrected, ReadingObserved

from flood_service import metrics
from flood_service.domain.emission import Emission
from flood_service.domain.place import spot_of
from flood_service.domain.rain import RAIN_METRICS, RainReport, correction_of, follow_rain, reports_of, tell_area
from flood_service.domain.water import (
    DEPTH_METRIC,
    DRAIN_METRIC,
    depth_evidence,
    depth_mark,
    drain_evidence,
    drain_mark,
    is_late,
    limit_of,
    telling,
    worth_remembering,
)
from flood_service.handlers.outs import outs_of
from flood_service.reference import Reference


def observed(event: Event[ReadingObserved], track: GaugeTrack | None, ctx: Context) -> Outcome[GaugeTrack]:
    """Take a device's report; a quiet one changes nothing and costs nothing."""
    before = track if track is not None else GaugeTrack(device_id=event.key, rain=b"")
    after = before
    emissions: list[Emission] = []
    rain = False
    for m in event.data.measurements:
        if m.metric == DEPTH_METRIC:
            after = _water(after, m, ctx, emissions)
        elif m.metric == DRAIN_METRIC:
            after = _drain(after, m, ctx, emissions)
        elif m.metric in RAIN_METRICS:
            rain = True
    if rain:
        after = _rain(after, reports_of(event.data.measurements, ctx.now), ctx, emissions)
    return _outcome(before, after, emissions)


def corrected(event: Event[ReadingCorrected], track: GaugeTrack | None, ctx: Context) -> Outcome[GaugeTrack]:
    """Take a correction: rain is revised, water is told again when it corrects what was told last."""
    if track is None:
        return Outcome()
    correction, emissions = event.data, list[Emission]()
    after = _rain(track, correction_of(correction), ctx, emissions)
    if correction.metric == DEPTH_METRIC and track.depth is not None and track.depth.at == correction.observed_at:
        m = Measurement(
            metric=correction.metric,
            value=correction.new_value,
            unit=correction.unit,
            observed_at=correction.observed_at,
            quality=Quality.MANUAL,
        )
        after = _corrected_water(after, m, ctx, emissions)
    return _outcome(track, after, emissions)


def _outcome(before: GaugeTrack, after: GaugeTrack, emissions: list[Emission]) -> Outcome[GaugeTrack]:
    if after is before:
        return Outcome(emit=outs_of(emissions)) if emissions else Outcome()
    return Outcome(state=after, emit=outs_of(emissions))


def _rain(track: GaugeTrack, reports: list[RainReport], ctx: Context, emissions: list[Emission]) -> GaugeTrack:
    refs: Reference = ctx.refs
    step = follow_rain(track, reports, refs.policy.rain)
    if step is None:
        return track
    metrics.RAIN_WINDOWS.inc(len(step.emissions))
    emissions += step.emissions
    if step.live is None:
        return step.track
    at = max(report.at for report in reports if report.live)
    after, told = tell_area(step.track, step.live, at, refs.district_of(track.device_id), refs.policy.rain)
    emissions += told
    return after


def _water(track: GaugeTrack, m: Measurement, ctx: Context, emissions: list[Emission]) -> GaugeTrack:
    refs: Reference = ctx.refs
    told = track.depth
    new = depth_mark(m)
    if new is None:
        return track
    if is_late(m, ctx.now) or (told is not None and new.at <= told.at):
        if worth_remembering(new, refs.policy.spot):
            _tell_spot(track.device_id, new, refs, emissions, late=True)
        return track
    telling_now = telling(track.device_id, told, new, refs.policy.water, refs.policy.spot)
    if telling_now is None:
        return track
    _tell_spot(track.device_id, new, refs, emissions, late=False)
    return changed(track, depth=telling_now)


def _corrected_water(track: GaugeTrack, m: Measurement, ctx: Context, emissions: list[Emission]) -> GaugeTrack:
    new = depth_mark(m)
    if new is None:
        return track
    _tell_spot(track.device_id, new, ctx.refs, emissions, late=is_late(m, ctx.now))
    return changed(track, depth=new)


def _tell_spot(device_id: str, new: DepthMark, refs: Reference, emissions: list[Emission], *, late: bool) -> None:
    entry = refs.spot_measured_by(device_id)
    device = refs.device(device_id) if entry is None else None
    spot_id = spot_of(device_id, entry, device.location if device else None, refs.area6)
    metrics.EVIDENCE.labels("late" if late else "live").inc()
    emissions.append(Emission(depth_evidence(device_id, spot_id, new, late), new.at))


def _drain(track: GaugeTrack, m: Measurement, ctx: Context, emissions: list[Emission]) -> GaugeTrack:
    refs: Reference = ctx.refs
    if is_late(m, ctx.now) or _not_newer(track.drain.at if track.drain else None, m.observed_at):
        return track
    device = refs.device(track.device_id)
    limit = limit_of(device.metrics) if device is not None else None
    new = drain_mark(track.drain, m, limit, refs.policy.water)
    if new is None:
        return track
    evidence = drain_evidence(track.device_id, refs.district_of(track.device_id), new)
    emissions.append(Emission(evidence, new.at))
    return changed(track, drain=new)


def _not_newer(told: datetime | None, at: datetime) -> bool:
    return told is not None and at <= told
