"""gRPC queries, answered from local copies of compacted topics, every figure with its age. Nothing is changed here."""

from datetime import datetime
from typing import Any

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from liandong.clock import Clock
from liandong.errors import Unavailable
from liandong.pure.geometry import Point
from liandong_contracts.common import GeoPoint
from liandong_contracts.flood import GaugeTrack, Spot, SpotLevel, SpotStatus
from liandong_contracts.rpc import flood_pb2 as pb
from liandong_contracts.rpc import flood_pb2_grpc as rpc

from flood_service import metrics
from flood_service.domain.place import SpotFacts, facts_of, match
from flood_service.reference import Copy, Reference


class QueryServicer(rpc.FloodQueryServicer):
    """FloodQuery."""

    def __init__(self, refs: Reference, spots: Copy[Spot], gauges: Copy[GaugeTrack], clock: Clock) -> None:
        self._refs = refs
        self._spots = spots
        self._gauges = gauges
        self._clock = clock

    def MatchSpot(self, request: pb.MatchSpotRequest, context: grpc.ServicerContext) -> pb.MatchSpotReply:  # noqa: N802
        """Return the spot of a place; ValueError (INVALID_ARGUMENT) for a place without a datum or off the globe."""
        point = Point(request.point.lon, request.point.lat, request.point.datum)
        if not (-180 <= point.lon <= 180 and -90 <= point.lat <= 90):
            raise ValueError(f"no place on earth: lon {point.lon}, lat {point.lat}")
        found = match(point, self._refs.entries(), self._refs.area6)
        metrics.MATCHES.labels(str(found.catalogued).lower()).inc()
        return pb.MatchSpotReply(
            spot_id=found.spot_id, name=found.name, distance_m=found.distance_m, catalogued=found.catalogued
        )

    def GetSpots(self, request: pb.GetSpotsRequest, context: grpc.ServicerContext) -> pb.GetSpotsReply:  # noqa: N802
        """Return the spots of an area: all catalogued ones, and others where water was seen."""
        _require(self._spots)
        now = self._clock.now()
        states = {spot.spot_id: spot for spot in self._spots.values()}
        ids = sorted({entry.spot_id for entry in self._refs.entries()} | states.keys())
        facts = (facts_of(spot_id, self._refs.entry(spot_id)) for spot_id in ids)
        views = (_view(one, states.get(one.spot_id), now) for one in facts)
        return pb.GetSpotsReply(spots=[view for view in views if view.area_code.startswith(request.area_code)])

    def GetRain(self, request: pb.GetRainRequest, context: grpc.ServicerContext) -> pb.GetRainReply:  # noqa: N802
        """Return the rain of a station as last published; LookupError (NOT_FOUND) when it never reported rain."""
        _require(self._gauges)
        track = self._gauges.get(request.station_id)
        if track is None or not track.windows:
            raise LookupError(f"no rain is known of station {request.station_id}")
        newest = max(mark.end for mark in track.windows)
        return pb.GetRainReply(
            station_id=request.station_id,
            windows=[
                pb.RainView(
                    window=mark.window,
                    window_end=_stamp(mark.end),
                    mm=mark.mm,
                    completeness=mark.completeness,
                    provisional=mark.completeness < 1,
                    revision=mark.revision,
                )
                for mark in track.windows
            ],
            age_s=_age(newest, self._clock.now()),
        )


def _require(copy: Copy[Any]) -> None:
    """Refuse to answer from half a copy: what is missing there would look like dry ground."""
    if not copy.ready:
        raise Unavailable("flood has just started and is still reading its own state; ask again in a moment")


def _view(facts: SpotFacts, spot: Spot | None, now: datetime) -> pb.SpotView:
    view = pb.SpotView(
        spot_id=facts.spot_id,
        name=facts.name,
        area_code=facts.area_code,
        level=SpotLevel.NONE,
        status=SpotStatus.UNKNOWN,
        location=_point(facts.location),
    )
    if spot is not None:
        view.level = spot.level
        view.status = spot.status
        view.at.FromDatetime(spot.at)
        view.age_s = _age(spot.at, now)
        view.source_ids_total = spot.source_ids_total
        if spot.depth_cm is not None:
            view.depth_cm = spot.depth_cm
    return view


def _point(location: GeoPoint | None) -> pb.Point | None:
    return None if location is None else pb.Point(lon=location.lon, lat=location.lat, datum=location.datum)


def _age(at: datetime, now: datetime) -> int:
    return max(0, int((now - at).total_seconds()))


def _stamp(at: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(at)
    return stamp
