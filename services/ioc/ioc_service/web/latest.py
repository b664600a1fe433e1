"""Keeps asking sensing for the newest depth at open spots while pages are open. Shown beside the facts, not stored."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Protocol

import grpc
import sqlalchemy as sa
from liandong_contracts.rpc import sensing_pb2

from ioc_service.domain.depths import appended, trend
from ioc_service.domain.labels import number
from ioc_service.domain.names import Names
from ioc_service.peers import status_of
from ioc_service.tables import spot
from ioc_service.view.state import Read
from ioc_service.web.hub import Hub

log = logging.getLogger(__name__)

EVERY_S = 5.0
IDLE_S = 0.5
UNREACHED_S = 15.0
Course = Sequence[Sequence[float]]
_TO_CM = {"cm": 1.0, "m": 100.0, "mm": 0.1}


class Sensing(Protocol):
    """What the console needs of sensing."""

    def latest(self, device_ids: Sequence[str]) -> sensing_pb2.GetLatestReply:
        """Return the newest values of some devices. Raises grpc.RpcError."""
        ...


def courses(read: Read, names: Names) -> dict[str, Course]:
    """Return the recent depths of each open spot, by the devices that measure it."""
    columns = (spot.c.spot_id, spot.c.gauge_id, spot.c.history)
    found: dict[str, Course] = {}
    for row in read(sa.select(*columns).where(spot.c.cleared_at.is_(None))):
        for gauge in names.gauges.get(row.spot_id) or (row.gauge_id,):
            if gauge:
                found[gauge] = row.history
    return found


def depths_of(reply: sensing_pb2.GetLatestReply, known: Mapping[str, Course]) -> list[dict[str, object]]:
    """Return the depths among the values, in cm, newest of each device, with the trend that they make."""
    newest: dict[str, sensing_pb2.LatestValue] = {}
    for value in reply.values:
        if not value.HasField("value") or value.unit not in _TO_CM:
            continue
        kept = newest.get(value.device_id)
        if kept is None or value.age_s < kept.age_s:
            newest[value.device_id] = value
    return [_shown(value, known.get(device, ())) for device, value in newest.items()]


def _shown(value: sensing_pb2.LatestValue, course: Course) -> dict[str, object]:
    depth, at = value.value * _TO_CM[value.unit], value.observed_at.ToMilliseconds()
    return {
        "device_id": value.device_id,
        "value": number(depth),
        "at": at,
        "quality": value.quality,
        "trend": trend(appended(course, at, depth)),
    }


async def keep_asking(read: Read, names: Names, sensing: Sensing, hub: Hub) -> None:
    """Ask until cancelled; when sensing cannot be reached its values leave the page at once."""
    shown: list[dict[str, object]] = []
    while not hub.closed:
        if not hub.pages:
            await asyncio.sleep(IDLE_S)
            continue
        pause = EVERY_S
        found: list[dict[str, object]] = []
        try:
            known = await asyncio.to_thread(courses, read, names)
            found = depths_of(await asyncio.to_thread(sensing.latest, sorted(known)), known) if known else []
        except grpc.RpcError as error:
            log.info("newest depths: sensing says %s", status_of(error).name)
            pause = UNREACHED_S
        if found != shown:
            shown = found
            hub.publish_latest(found)
        await asyncio.sleep(pause)
