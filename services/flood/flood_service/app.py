"""The only place that wires: handlers to topics and timers, servicers to the process. No rule."""

import logging
import sys
from collections.abc import Callable

from liandong.errors import ConfigError, LiandongError
from liandong.refs import View, publish
from liandong.rpc.server import RpcServer
from liandong.stream import State, StreamService
from liandong.telemetry.logs import setup_logs
from liandong.telemetry.tracing import Tracing
from liandong.wire import Codec, codec_of
from liandong_contracts import topics
from liandong_contracts.dispatch import CaseOpened, ReportAttached
from liandong_contracts.flood import (
    Area,
    AreaEvidence,
    FloodEvidence,
    GaugeTrack,
    Spot,
    SpotEntry,
    WeatherWarningSubmitted,
)
from liandong_contracts.rpc import flood_pb2_grpc as rpc
from liandong_contracts.sensing import DeviceState, ReadingCorrected, ReadingObserved

from flood_service.catalogue import load_spots
from flood_service.commands import CommandServicer
from flood_service.handlers import areas, gauges, spots
from flood_service.packs import load_pack
from flood_service.publisher import BlockingPublisher
from flood_service.queries import QueryServicer
from flood_service.reference import Reference
from flood_service.settings import FloodSettings

log = logging.getLogger(__name__)
_EXIT_CONFIG = 78  # as sysexits.h has it


def build() -> StreamService:
    """Return the service's declarations."""
    return wired()[0]


def wired() -> tuple[StreamService, State[GaugeTrack], State[Spot]]:
    """Return the service's declarations and the states that queries look into."""
    flood = StreamService("flood")
    gauge = flood.state(GaugeTrack, name="gauge")
    spot = flood.state(Spot, name="spot")
    area = flood.state(Area, name="area")
    flood.on(topics.SENSING_READING, ReadingObserved, state=gauge)(gauges.observed)
    flood.on(topics.SENSING_READING, ReadingCorrected, state=gauge)(gauges.corrected)
    flood.on(topics.FLOOD_EVIDENCE, FloodEvidence, state=spot)(spots.judge)
    flood.timer(spot, spots.RECHECK)(spots.recheck)
    flood.rekey(topics.DISPATCH_CASE, CaseOpened)(spots.case_opened)
    flood.rekey(topics.DISPATCH_CASE, ReportAttached)(spots.report_attached)
    flood.on(topics.FLOOD_AREA_EVIDENCE, AreaEvidence, state=area)(areas.weigh)
    flood.on(topics.FLOOD_REQUEST, WeatherWarningSubmitted, state=area)(areas.warn)
    flood.timer(area, areas.RECHECK)(areas.recheck)
    return flood, gauge, spot


def main() -> None:
    """Run the process until it is told to stop."""
    settings = FloodSettings()
    setup_logs("flood", as_json=settings.log_json)
    codec = codec_of(settings)
    try:
        refs = reference(settings, codec)
        publish(settings, codec, topics.FLOOD_SPOT_CATALOGUE, load_spots(settings.reference_dir / "spots.yaml"))
    except LiandongError as error:
        log.error("flood cannot start: %s", error)
        sys.exit(_EXIT_CONFIG if isinstance(error, ConfigError) else 1)
    flood, gauge, spot = wired()
    flood.run(settings, refs=refs, queries=lambda: serve(settings, codec, refs, spot, gauge))


def reference(settings: FloodSettings, codec: Codec) -> Reference:
    """Return the reference data of a process; the engine starts its copies and waits for them."""
    catalogue: View[SpotEntry] = View(
        settings, topics.FLOOD_SPOT_CATALOGUE, codec, on_change=lambda key: refs.spots_changed()
    )
    devices: View[DeviceState] = View(settings, topics.SENSING_DEVICE_STATE, codec)
    refs = Reference(settings.area_code, load_pack(settings.rule_pack), catalogue, devices)
    return refs


def serve(
    settings: FloodSettings, codec: Codec, refs: Reference, spot: State[Spot], gauge: State[GaugeTrack]
) -> Callable[[], None]:
    """Start queries and commands; return what stops them."""
    clock = settings.clock()
    spot_copy, gauge_copy = View(settings, spot, codec), View(settings, gauge, codec)
    publisher = BlockingPublisher(settings, codec, settings.submit_deadline_s)
    tracing = Tracing("flood", settings)
    server = RpcServer(
        settings.grpc_port,
        [
            (rpc.add_FloodQueryServicer_to_server, QueryServicer(refs, spot_copy, gauge_copy, clock)),
            (
                rpc.add_FloodCommandServicer_to_server,
                CommandServicer(publisher.publish, clock, settings.area_code),
            ),
        ],
        tracing,
    )
    spot_copy.start()
    gauge_copy.start()
    server.start()
    server.set_ready(True)
    log.info("gRPC on port %d", server.port)

    def stop() -> None:
        server.stop()
        publisher.stop()
        spot_copy.stop()
        gauge_copy.stop()
        tracing.shutdown()

    return stop
