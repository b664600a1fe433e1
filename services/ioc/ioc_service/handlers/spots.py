"""Waterlogging spots with their recent depths."""

from datetime import datetime

from liandong.event import Event
from liandong.workflow import Work
from liandong_contracts import topics
from liandong_contracts.flood import (
    SpotSource,
    SpotStatus,
    WaterloggingCleared,
    WaterloggingDetected,
    WaterloggingUpdated,
)

from ioc_service.domain.depths import appended
from ioc_service.handlers.projection import tell
from ioc_service.service import console
from ioc_service.tables import spot


@console.on(topics.FLOOD_SPOT, WaterloggingDetected)
def detected(event: Event[WaterloggingDetected], work: Work) -> None:
    """Begin an episode; the depths of the one before are left behind."""
    said = event.data
    work.upsert(
        spot,
        ("spot_id",),
        **tell(event, work),
        spot_id=said.spot_id,
        name=said.name,
        kind=said.spot_kind,
        area_code=said.area_code,
        level=said.level,
        status=SpotStatus.UNKNOWN,
        depth_cm=said.depth_cm,
        recede_cm_per_h=None,
        sources=[said.source],
        sources_total=1,
        gauge_id=said.source_id if said.source is SpotSource.SENSOR else None,
        history=appended([], _ms(said.at), said.depth_cm),
        first_at=said.first_at,
        cleared_at=None,
    )


@console.on(topics.FLOOD_SPOT, WaterloggingUpdated)
def updated(event: Event[WaterloggingUpdated], work: Work) -> None:
    """Take the newest depth, level, status and sources; an update of a spot never seen is only told."""
    said = event.data
    held = work.one(spot, spot_id=said.spot_id)
    mark = tell(event, work, held.name if held else said.spot_id)
    if held is None:
        return
    work.update(
        spot,
        {"spot_id": said.spot_id},
        **mark,
        level=said.level,
        status=said.status,
        depth_cm=said.depth_cm,
        recede_cm_per_h=said.recede_cm_per_h,
        sources=list(said.sources),
        sources_total=said.source_ids_total,
        history=appended(held.history, _ms(said.at), said.depth_cm),
        cleared_at=said.at if said.status is SpotStatus.CLEARED else None,
    )


@console.on(topics.FLOOD_SPOT, WaterloggingCleared)
def cleared(event: Event[WaterloggingCleared], work: Work) -> None:
    """End the episode."""
    said = event.data
    held = work.one(spot, spot_id=said.spot_id)
    mark = tell(event, work, held.name if held else said.spot_id)
    work.update(spot, {"spot_id": said.spot_id}, **mark, status=SpotStatus.CLEARED, cleared_at=said.cleared_at)


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
