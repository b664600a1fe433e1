"""Runs an edge process: logs, operations endpoint, signals, producer. What it does there is the service's business."""

import asyncio
import gc
import logging
import signal
from collections.abc import Awaitable, Callable
from typing import Any

from liandong.edge.producer import EdgeProducer
from liandong.errors import ConfigError, LiandongError
from liandong.settings import Settings
from liandong.telemetry.logs import setup_logs
from liandong.telemetry.ops import Health, OpsServer
from liandong.telemetry.tracing import Tracing
from liandong.wire import Codec, codec_of

log = logging.getLogger(__name__)

LoopFactory = Callable[[], asyncio.AbstractEventLoop]


class Edge:
    """What a running edge process gives to its service. `stopping` is set when the process is asked to end."""

    def __init__(self, name: str, service: str, settings: Settings) -> None:
        self.name = name
        self.settings = settings
        self.clock = settings.clock()
        self.tracing = Tracing(name, settings)
        self.codec: Codec = codec_of(settings)
        self.producer = EdgeProducer(settings, self.codec, service)
        self.stopping = asyncio.Event()
        self._ready: str | None = None

    def ready(self, detail: str) -> None:
        """Say that the service is open, and where."""
        self._ready = detail
        gc.collect()
        gc.freeze()  # what lives from here on is short-lived: look at it seldom
        gc.set_threshold(50_000, 20, 20)
        log.info("%s ready: %s", self.name, detail)

    def health(self) -> Health:
        """Return the answer of /health: open, and Kafka acknowledging."""
        waiting = self.producer.waiting
        if self._ready is None:
            return Health(False, "starting")
        if not self.producer.healthy:
            return Health(False, f"Kafka has not acknowledged for {self.producer.oldest_wait_s():.0f} s", waiting)
        return Health(True, self._ready, waiting)


Serve = Callable[[Edge], Awaitable[None]]
_CLOSE_S = 4.0


def run(name: str, service: str, settings: Settings, serve: Serve, *, loop_factory: LoopFactory | None = None) -> int:
    """Run one edge process until it is asked to stop; return its exit code.

    `name` is the process (sensing-gateway), `service` the owner of the topics it writes (sensing). A configuration that
    cannot work ends with one sentence and 78, as sysexits.h has it; anything unexpected with 1.
    """
    setup_logs(name, as_json=settings.log_json)
    try:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(_run(name, service, settings, serve))
    except ConfigError as error:
        log.error("%s cannot start: %s", name, error)
        return 78
    except (LiandongError, OSError) as error:
        log.error("%s ends: %s", name, error)
        return 1
    except Exception:
        log.exception("%s ends because of a defect", name)
        return 1
    return 0


async def _run(name: str, service: str, settings: Settings, serve: Serve) -> None:
    edge = Edge(name, service, settings)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, edge.stopping.set)
    try:
        ops = OpsServer(settings.ops_port, edge.health)
    except OSError as error:
        raise ConfigError(f"port {settings.ops_port} for /health is taken: set LIANDONG_OPS_PORT ({error})") from error
    ops.start()
    try:
        await _until_stopped(edge, asyncio.ensure_future(serve(edge)))
    finally:
        await edge.producer.close()
        ops.stop()
        edge.tracing.shutdown()


async def _until_stopped(edge: Edge, serving: asyncio.Future[Any]) -> None:
    """Wait for the service; once asked to stop it has some seconds to close, then it is cut off."""
    stopping: asyncio.Future[Any] = asyncio.ensure_future(edge.stopping.wait())
    await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not serving.done():
        log.info("%s was asked to stop", edge.name)
        await asyncio.wait([serving], timeout=_CLOSE_S)
    if not serving.done():
        serving.cancel()
        await asyncio.wait([serving])
    if not serving.cancelled():
        serving.result()
