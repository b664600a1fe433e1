"""Wires the judge: registry copy, stream service, gRPC queries. The only place that knows them all."""

import logging
from collections.abc import Callable

from liandong.refs import View
from liandong.rpc.server import RpcServer
from liandong.telemetry.tracing import Tracing
from liandong.wire import Codec, codec_of
from liandong_contracts import topics
from liandong_contracts.rpc import sensing_pb2_grpc as rpc
from liandong_contracts.sensing import DeviceState

from sensing_service.handlers.judge import sensing, tracks
from sensing_service.queries import QueryServicer
from sensing_service.refs import Refs
from sensing_service.settings import SensingSettings

log = logging.getLogger(__name__)


def main() -> int:
    """Run the judge until it is told to stop; it ends the process itself when it cannot go on."""
    settings = SensingSettings()
    codec = codec_of(settings)
    devices: View[DeviceState] = View(
        settings, topics.SENSING_DEVICE_STATE, codec, on_change=lambda key: refs.devices_changed()
    )
    refs = Refs(devices)
    sensing.run(settings, refs=refs, queries=lambda: serve(settings, codec, refs))
    return 0


def serve(settings: SensingSettings, codec: Codec, refs: Refs) -> Callable[[], None]:
    """Start the gRPC queries; return what stops them."""
    copy = View(settings, tracks, codec)
    copy.start()
    tracing = Tracing("sensing", settings)
    servicer = QueryServicer(refs, copy, settings.clock())
    server = RpcServer(settings.grpc_port, [(rpc.add_SensingQueryServicer_to_server, servicer)], tracing)
    server.start()
    server.set_ready(True)
    log.info("gRPC on port %d", server.port)

    def stop() -> None:
        server.stop()
        copy.stop()
        tracing.shutdown()

    return stop
