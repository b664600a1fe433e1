"""Alarms on readings: raised, repeated, cleared."""

from liandong.event import Event
from liandong.workflow import Work
from liandong_contracts import topics
from liandong_contracts.sensing import AlarmCleared, AlarmRaised, AlarmUpdated

from ioc_service.handlers.projection import names_of, tell
from ioc_service.handlers.projection import stamp as numbered
from ioc_service.service import console
from ioc_service.tables import alarm


@console.on(topics.SENSING_ALARM, AlarmRaised)
def raised(event: Event[AlarmRaised], work: Work) -> None:
    """Open the episode; a new episode of a key replaces the one before."""
    said = event.data
    work.upsert(
        alarm,
        ("alarm_key",),
        **tell(event, work),
        alarm_key=said.alarm_key,
        alarm_id=said.alarm_id,
        device_id=said.device_id,
        area_code=names_of(work).device_area(said.device_id) or event.area_code,
        severity=said.severity,
        metric=said.metric,
        unit=said.unit,
        value=said.value,
        threshold=said.threshold,
        repeats=1,
        first_at=said.first_at,
        cleared_at=None,
    )


@console.on(topics.SENSING_ALARM, AlarmUpdated)
def updated(event: Event[AlarmUpdated], work: Work) -> None:
    """Take the newest value, severity and count of an open episode; only a change of severity is worth a line."""
    said = event.data
    held = work.one(alarm, alarm_key=said.alarm_key)
    if held is not None and held.severity == said.severity:
        stamp = numbered(event, work)
    else:
        stamp = tell(event, work, names_of(work).device(held.device_id) if held else said.alarm_key)
    if held is not None and held.alarm_id == said.alarm_id:
        new = {"severity": said.severity, "repeats": said.repeat_count, "value": said.value}
        work.update(alarm, {"alarm_key": said.alarm_key}, **stamp, **new)


@console.on(topics.SENSING_ALARM, AlarmCleared)
def cleared(event: Event[AlarmCleared], work: Work) -> None:
    """End the episode."""
    said = event.data
    held = work.one(alarm, alarm_key=said.alarm_key)
    stamp = tell(event, work, names_of(work).device(held.device_id) if held else said.alarm_key)
    if held is not None and held.alarm_id == said.alarm_id:
        work.update(alarm, {"alarm_key": said.alarm_key}, **stamp, cleared_at=said.cleared_at)
