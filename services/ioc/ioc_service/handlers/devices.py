"""Devices that fall silent and come back, and what was refused at the door."""

from liandong.event import Event
from liandong.workflow import Work
from liandong_contracts import topics
from liandong_contracts.sensing import DeviceCameOnline, DeviceWentOffline, ReadingRejected

from ioc_service.handlers.projection import area_name, names_of, row_or, tell
from ioc_service.service import console
from ioc_service.tables import device, refused_device, rejection


@console.on(topics.SENSING_DEVICE, DeviceWentOffline)
def offline(event: Event[DeviceWentOffline], work: Work) -> None:
    """Mark a device as silent."""
    said = event.data
    area_code = names_of(work).device_area(said.device_id) or event.area_code
    work.upsert(
        device,
        ("device_id",),
        **tell(event, work, area_name(work, area_code)),
        device_id=said.device_id,
        online=False,
        scope=said.scope,
        area_code=area_code,
        missed=said.missed_intervals,
        last_seen_at=said.last_seen_at,
    )


@console.on(topics.SENSING_DEVICE, DeviceCameOnline)
def online(event: Event[DeviceCameOnline], work: Work) -> None:
    """Mark a device as back."""
    said = event.data
    area_code = names_of(work).device_area(said.device_id) or event.area_code
    work.upsert(
        device,
        ("device_id",),
        **tell(event, work, area_name(work, area_code)),
        device_id=said.device_id,
        online=True,
        scope=None,
        area_code=area_code,
        missed=0,
        last_seen_at=said.at,
    )


@console.on(topics.SENSING_REJECTED, ReadingRejected)
def rejected(event: Event[ReadingRejected], work: Work) -> None:
    """Count a refusal by its reason, and by its device where that is known; the bytes stay in the topic."""
    said = event.data
    mark = tell(event, work)
    held = work.one(rejection, reason=said.reason)
    total = row_or(held, "total", 0) + 1
    work.upsert(rejection, ("reason",), **mark, reason=said.reason, total=total, last_detail=said.detail[:200])
    if said.device_id:
        before = row_or(work.one(refused_device, device_id=said.device_id), "total", 0)
        work.upsert(refused_device, ("device_id",), **mark, device_id=said.device_id, total=before + 1)
