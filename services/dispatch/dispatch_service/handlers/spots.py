"""Waterlogging spots as flood tells them: a detected spot has a case, a dry and confirmed one closes it."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from liandong.event import Event
from liandong.workflow import Work
from liandong_contracts.common import GeoPoint
from liandong_contracts.dispatch import ReportProperty, Urgency
from liandong_contracts.flood import (
    ConfirmedBy,
    SpotEntry,
    SpotLevel,
    WaterloggingCleared,
    WaterloggingDetected,
    WaterloggingUpdated,
)

from dispatch_service.domain.policy import CLEARED, SAME_TIME, STANDING_WATER
from dispatch_service.handlers import cases
from dispatch_service.handlers.cases import Matter
from dispatch_service.tables import spot

Row = sa.Row[Any]


def catalogued(event: Event[SpotEntry], work: Work) -> None:
    """Keep what a case says about its place."""
    said = event.data
    _keep(work, said.spot_id, said.name, said.kind, said.area_code, said.location)


def detected(event: Event[WaterloggingDetected], work: Work) -> None:
    """Begin the case of the spot unless there is one: of the spot, or of reports that lie there."""
    said = event.data
    _keep(work, said.spot_id, said.name, said.spot_kind, said.area_code, said.location)
    _set_level(work, said.spot_id, said.level)
    if cases.of_spot(work, said.spot_id) is not None:
        _press(work, said.spot_id)
        return
    near = _near(work, said.location, said.at)
    if near is not None:
        cases.adopt(work, near, said.spot_id)
        _press(work, said.spot_id)
        return
    place = work.one(spot, spot_id=said.spot_id)
    matter = Matter(
        class_code=STANDING_WATER.code,
        prop=ReportProperty.OTHER,
        urgency=cases.urgency_of_spot(place),
        area_code=said.area_code,
        spot_id=said.spot_id,
        place_name=said.name,
        place=place if place is not None and place.lon is not None else None,
    )
    cases.begin(work, matter, None)


def updated(event: Event[WaterloggingUpdated], work: Work) -> None:
    """Keep the level; a case whose underpass became impassable becomes urgent."""
    _set_level(work, event.data.spot_id, event.data.level)
    _press(work, event.data.spot_id)


def cleared(event: Event[WaterloggingCleared], work: Work) -> None:
    """Close the case when somebody, or a sensor, has confirmed that the water is gone."""
    said = event.data
    _set_level(work, said.spot_id, SpotLevel.NONE)
    found = cases.of_spot(work, said.spot_id)
    if found is not None and said.confirmed_by is not ConfirmedBy.UNKNOWN:
        cases.close(work, found, CLEARED)


def _keep(work: Work, spot_id: str, name: str, kind: str, area_code: str, location: GeoPoint | None) -> None:
    known = work.one(spot, spot_id=spot_id)
    where = {"lon": location.lon, "lat": location.lat, "datum": location.datum} if location else {}
    level = known.level if known else SpotLevel.NONE
    work.upsert(spot, ("spot_id",), spot_id=spot_id, name=name, kind=kind, area_code=area_code, level=level, **where)


def _set_level(work: Work, spot_id: str, level: SpotLevel) -> None:
    work.update(spot, {"spot_id": spot_id}, level=level)


def _press(work: Work, spot_id: str) -> None:
    found = cases.of_spot(work, spot_id)
    if found is not None and cases.urgency_of_spot(work.one(spot, spot_id=spot_id)) is Urgency.URGENT:
        cases.make_urgent(work, found)


def _near(work: Work, location: GeoPoint | None, at: datetime) -> Row | None:
    if location is None:
        return None
    found = cases.near(work, location, STANDING_WATER.code, at, SAME_TIME, other_spots=False)
    return found[0] if found else None
