"""SensingQuery over gRPC, answered from a local copy of the judge's state; every value with its age."""

from collections.abc import Iterable
from typing import Protocol

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from liandong.clock import Clock
from liandong.errors import Unavailable
from liandong_contracts.rpc import sensing_pb2 as pb
from liandong_contracts.rpc import sensing_pb2_grpc as rpc
from liandong_contracts.sensing import DeviceTrack, MetricTrack

from sensing_service.refs import Refs

MAX_DEVICES = 1_000


class Tracks(Protocol):
    """A copy of the judge's state."""

    @property
    def ready(self) -> bool:
        """Say whether the copy is complete."""
        ...

    def get(self, key: str) -> DeviceTrack | None:
        """Return one device's track."""
        ...


class QueryServicer(rpc.SensingQueryServicer):
    """Newest values of devices."""

    def __init__(self, refs: Refs, tracks: Tracks, clock: Clock) -> None:
        self._refs = refs
        self._tracks = tracks
        self._clock = clock

    def GetLatest(self, request: pb.GetLatestRequest, context: grpc.ServicerContext) -> pb.GetLatestReply:  # noqa: N802
        """Return the newest value of each metric asked for. Raises ValueError for too many devices or none named."""
        if not self._tracks.ready:
            raise Unavailable("the copy of the newest values is not complete yet")
        if not request.device_ids and not request.object_id:
            raise ValueError("name device_ids or an object_id")
        if len(request.device_ids) > MAX_DEVICES:
            raise ValueError(f"{len(request.device_ids)} devices; ask for at most {MAX_DEVICES}")
        wanted = frozenset(request.metrics)
        return pb.GetLatestReply(values=self._values(self._devices(request), wanted))

    def _devices(self, request: pb.GetLatestRequest) -> Iterable[str]:
        if request.device_ids:
            return dict.fromkeys(request.device_ids)
        return self._refs.watching(request.object_id)

    def _values(self, devices: Iterable[str], wanted: frozenset[str]) -> Iterable[pb.LatestValue]:
        for device_id in devices:
            track = self._tracks.get(device_id)
            for one in track.metrics if track else ():
                if not wanted or one.metric in wanted:
                    yield self._value(device_id, one)

    def _value(self, device_id: str, one: MetricTrack) -> pb.LatestValue:
        observed_at = Timestamp()
        observed_at.FromDatetime(one.observed_at)
        return pb.LatestValue(
            device_id=device_id,
            metric=one.metric,
            value=one.value,
            unit=one.unit,
            observed_at=observed_at,
            age_s=max(0, int((self._clock.now() - one.observed_at).total_seconds())),
            quality=one.quality.value,
        )
