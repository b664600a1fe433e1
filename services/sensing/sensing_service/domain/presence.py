"""Is a device there? Silent for some report intervals: offline; its next frame brings it back. Pure.

Old recordings (back-fill) say nothing about presence: they neither wake a device nor start a watch over its silence.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from liandong.pure.records import changed
from liandong_contracts.sensing import (
    DeviceCameOnline,
    DeviceState,
    DeviceStatus,
    DeviceTrack,
    DeviceWentOffline,
    Measurement,
    OfflineScope,
)

from sensing_service.domain import policy

OFFLINE = "offline"  # name of the timer


class Seen(NamedTuple):
    """After a frame: the track, the event if the device is back, and when its silence is to be looked at."""

    track: DeviceTrack
    event: DeviceCameOnline | None
    watch: datetime | None


class Looked(NamedTuple):
    """After a timer: the track, the event if the device is gone, and when to look again."""

    track: DeviceTrack
    event: DeviceWentOffline | None
    watch: datetime | None


def interval_of(device: DeviceState | None) -> timedelta:
    """Return the report interval; zero for an unknown device."""
    return timedelta(seconds=device.report_interval_s if device else 0)


def is_live(measurements: Sequence[Measurement], received_at: datetime) -> bool:
    """Say whether a report speaks of today: a heartbeat, or a value that is not mere history."""
    if not measurements:
        return True
    return any(received_at - one.observed_at <= policy.HISTORY_AFTER for one in measurements)


def seen(
    track: DeviceTrack, device: DeviceState | None, measurements: Sequence[Measurement], received_at: datetime
) -> Seen:
    """Note a frame of the device."""
    if not is_live(measurements, received_at):
        return Seen(track, None, None)
    event = None
    if track.offline_since is not None:
        last = track.last_seen_at or track.offline_since
        backlog_until = received_at - interval_of(device)
        event = DeviceCameOnline(
            device_id=track.device_id,
            offline_s=int((received_at - last).total_seconds()),
            backlog_readings=sum(last < one.observed_at < backlog_until for one in measurements),
            at=received_at,
        )
    newest = max(received_at, track.last_seen_at or received_at)
    watch = None
    if not track.watched and device is not None and device.status is not DeviceStatus.RETIRED:
        watch = newest + interval_of(device) * policy.MISSED_INTERVALS
    moved = changed(track, last_seen_at=newest, offline_since=None, watched=track.watched or watch is not None)
    return Seen(moved, event, watch)


def looked(track: DeviceTrack, device: DeviceState | None, due: datetime, now: datetime) -> Looked:
    """Decide about a device whose timer was due at `due`.

    A timer that fires much later means that this service was away, and perhaps the frames are still on their way: the
    device gets one more interval.
    """
    if device is None or device.status is DeviceStatus.RETIRED or track.last_seen_at is None:
        return Looked(changed(track, watched=False), None, None)
    interval = interval_of(device)
    silent_at = track.last_seen_at + interval * policy.MISSED_INTERVALS
    if silent_at > due:
        return Looked(track, None, silent_at)
    if device.status is DeviceStatus.MAINTENANCE:
        return Looked(track, None, now + interval * policy.MISSED_INTERVALS)
    if now - due > policy.AWAY_AFTER:
        return Looked(track, None, now + interval)
    event = DeviceWentOffline(
        device_id=track.device_id,
        last_seen_at=track.last_seen_at,
        missed_intervals=int((due - track.last_seen_at) / interval),
        scope=OfflineScope.DEVICE,
    )
    return Looked(changed(track, offline_since=due, watched=False), event, None)
