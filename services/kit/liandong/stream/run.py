"""Run: a stream service as a process: logs, health, signals, and a clear end. The engine itself is in `engine`."""

import gc
import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from liandong.errors import LiandongError
from liandong.refs import View, start_views
from liandong.settings import Settings
from liandong.stream.api import StreamService
from liandong.stream.build import WireCodec, build_engine
from liandong.stream.engine import Engine
from liandong.stream.tuning import Tuning
from liandong.telemetry.logs import setup_logs
from liandong.telemetry.ops import Health, OpsServer
from liandong.telemetry.tracing import Tracing
from liandong.wire import codec_of

log = logging.getLogger(__name__)

Stop = Callable[[], None]
Queries = Callable[[], Stop]

EXIT_FAILED = 3
_STOP_WITHIN_S = 4.5
_POLL_S = 0.05
_WATCH_S = 0.5


class Process:
    """One running service. `start_queries` starts gRPC servers and returns what stops them."""

    def __init__(self, service: StreamService, settings: Settings, refs: Any, start_queries: Queries | None) -> None:
        self._service = service
        self._settings = settings
        self._refs = refs if refs is not None else service.refs
        self._start_queries = start_queries
        self._stop = threading.Event()
        self._health: Callable[[], Health] = lambda: Health(False, "starting")
        self._ops = OpsServer(settings.ops_port, self.health)

    def health(self) -> Health:
        """Return the present health (from any thread)."""
        return self._health()

    def run(self, codec: WireCodec | None, tuning: Tuning | None) -> None:
        """Run until a signal says stop. Raises LiandongError when the process cannot go on."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        self._ops.start()
        log.info("health and metrics on port %d", self._ops.port)
        tracing = Tracing(self._service.name, self._settings)
        codec = codec or codec_of(self._settings)
        stops: list[Stop] = [tracing.shutdown]
        try:
            self._wait_for(start_views(self._refs))
            engine = build_engine(self._service, self._settings, codec, refs=self._refs, tuning=tuning, tracing=tracing)
            if self._start_queries is not None:
                stops.append(self._start_queries())
            gc.collect()
            gc.freeze()
            gc.set_threshold(50_000, 20, 20)
            self._health = engine.health
            threading.Thread(target=_watch, args=(engine,), name="watchdog", daemon=True).start()
            engine.run(self._stop)
        finally:
            for stop in reversed(stops):
                stop()

    def _wait_for(self, views: list[View[Any]]) -> None:
        """Handlers may use reference data only when it is complete."""
        self._health = lambda: Health(False, "waiting for reference data: " + ", ".join(_waiting(views)))
        while _waiting(views) and not self._stop.is_set():
            self._stop.wait(_POLL_S)

    def _on_signal(self, number: int, frame: object) -> None:
        log.info("signal %d: finishing the batch and leaving", number)
        self._stop.set()
        last = threading.Timer(_STOP_WITHIN_S, os._exit, (EXIT_FAILED,))  # should a commit hang, the restart aborts it
        last.daemon = True
        last.start()


def _watch(engine: Engine) -> None:
    """End the process when the Kafka client hangs in a call: a new one fences it and starts from what was committed."""
    while not engine.is_hung:
        time.sleep(_WATCH_S)
    log.error("a call of the Kafka client does not come back; this process ends and is started again")
    _end()


def _waiting(views: list[View[Any]]) -> list[str]:
    return [view.topic for view in views if not view.ready]


def run_service(
    service: StreamService,
    settings: Settings,
    *,
    refs: Any = None,
    queries: Queries | None = None,
    codec: WireCodec | None = None,
    tuning: Tuning | None = None,
) -> None:
    """Run a service as this process; returns after a graceful stop, ends the process when it cannot go on."""
    setup_logs(service.name, as_json=settings.log_json)
    try:
        Process(service, settings, refs, queries).run(codec, tuning)
    except LiandongError as error:
        log.error("%s stops: %s", service.name, error)
        _end()
    except Exception:
        log.exception("%s stops", service.name)
        _end()
    log.info("stopped")


def _end() -> None:
    """Leave at once: a client with a fatal error cannot be taken down in order."""
    logging.shutdown()
    os._exit(EXIT_FAILED)
