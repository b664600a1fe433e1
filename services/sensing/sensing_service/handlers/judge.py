"""The judge: each device's reports in, readings, alarms and presence out."""

from collections.abc import Sequence
from functools import partial

from liandong.event import Event
from liandong.stream import Context, Due, Out, Outcome, StreamService
from liandong_contracts import topics
from liandong_contracts.sensing import AlarmRaised, DeviceReport, DeviceTrack

from sensing_service.domain import presence
from sensing_service.domain.judgement import Judgement, judge
from sensing_service.refs import Refs

sensing = StreamService("sensing")
tracks = sensing.state(DeviceTrack, name="device")


@sensing.on(topics.SENSING_REPORT, DeviceReport, state=tracks)
def judge_report(event: Event[DeviceReport], track: DeviceTrack | None, ctx: Context) -> Outcome[DeviceTrack]:
    """Judge one report; repeats change nothing but the count of refusals."""
    report = event.data
    refs: Refs = ctx.refs
    new_id = partial(_alarm_id, ctx, report.area_code[:6])
    judgement = judge(report, event.id, track, refs.devices.get(report.device_id), ctx.now, new_id)
    if any(isinstance(told, AlarmRaised) for told in judgement.alarms):
        ctx.record_chain()
    timers = {presence.OFFLINE: judgement.watch} if judgement.watch else {}
    return Outcome(judgement.track, outputs(judgement), timers)


@sensing.timer(tracks, presence.OFFLINE)
def look_for_silence(due: Due, track: DeviceTrack | None, ctx: Context) -> Outcome[DeviceTrack]:
    """Report a device offline that missed its intervals."""
    if track is None:
        return Outcome()
    refs: Refs = ctx.refs
    found = presence.looked(track, refs.devices.get(due.key), due.at, ctx.now)
    emit = [Out(topics.SENSING_DEVICE, found.event)] if found.event else []
    return Outcome(found.track, emit, {presence.OFFLINE: found.watch})


def outputs(judgement: Judgement) -> Sequence[Out]:
    """Return the events of a judgement in the order in which they are to be read."""
    emit: list[Out] = []
    if judgement.back is not None:
        emit.append(Out(topics.SENSING_DEVICE, judgement.back))
    if judgement.observed is not None:
        emit.append(Out(topics.SENSING_READING, judgement.observed))
    emit += [Out(topics.SENSING_READING, corrected) for corrected in judgement.corrected]
    emit += [Out(topics.SENSING_ALARM, told) for told in judgement.alarms]
    emit += [Out(topics.SENSING_REJECTED, refused) for refused in judgement.repeated]
    return emit


def _alarm_id(ctx: Context, area6: str, part: str) -> str:
    return ctx.new_id("alarm", area6, part)
