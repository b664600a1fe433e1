"""Wires the gateway: registry, intake, SL 651 port, HTTP port. The only place that knows them all."""

import asyncio
import contextlib
import logging

import uvloop
from liandong.edge import Edge, run
from liandong.errors import ConfigError, Unavailable
from liandong.refs import View
from liandong.wire import prepare_patiently
from liandong_contracts import topics
from liandong_contracts.sensing import DeviceReport, DeviceState, ReadingRejected

from sensing_service.gateway.intake import Intake
from sensing_service.gateway.reference import load
from sensing_service.gateway.registrar import Registrar
from sensing_service.gateway.registry import Registry
from sensing_service.gateway.server import bound, http_server
from sensing_service.gateway.stations import Limits, StationServer
from sensing_service.gateway.web import Web
from sensing_service.settings import SensingSettings

log = logging.getLogger(__name__)

_LOOK_S = 0.5
_WRITTEN = (
    (topics.SENSING_REPORT, DeviceReport),
    (topics.SENSING_REJECTED, ReadingRejected),
    (topics.SENSING_DEVICE_STATE, DeviceState),
)


def main() -> int:
    """Run the gateway as this process; return its exit code."""
    settings = SensingSettings()

    async def serve(edge: Edge) -> None:
        await Gateway(edge, settings).run()

    return run("sensing-gateway", "sensing", settings, serve, loop_factory=uvloop.new_event_loop)


class Gateway:
    """The running gateway. After `open` the ports are `sl651_port` and `http_port`."""

    def __init__(self, edge: Edge, settings: SensingSettings) -> None:
        self._edge = edge
        self._settings = settings
        self.registry = Registry()
        self._registrar = Registrar(self.registry, edge.producer, edge.clock)
        intake = Intake(self.registry, edge.producer, edge.clock, edge.tracing, settings.area_code)
        self._stations = StationServer(intake, limits_of(settings))
        self._web = Web(intake, self._registrar, settings.kafka_patience_s)
        self.sl651_port = self.http_port = 0

    async def run(self) -> None:
        """Open, serve until the process is asked to stop, close."""
        view = await self._follow_registry()
        try:
            if self._edge.stopping.is_set():
                return
            await self._load_reference()
            await self._serve()
        finally:
            view.stop()

    async def _follow_registry(self) -> View[DeviceState]:
        """Copy the registry from its topic, and keep following what other writers do."""
        loop = asyncio.get_running_loop()
        wires = [(topic.wire(self._settings.tier, self._settings.world), record) for topic, record in _WRITTEN]
        await asyncio.to_thread(prepare_patiently, self._edge.codec, wires, stopping=self._edge.stopping.is_set)

        def changed(key: str) -> None:
            if view.ready:
                loop.call_soon_threadsafe(self._refresh, view, key)

        view: View[DeviceState] = View(self._settings, topics.SENSING_DEVICE_STATE, self._edge.codec, on_change=changed)
        view.start()
        while not view.ready and not self._edge.stopping.is_set():
            with contextlib.suppress(Unavailable):
                await asyncio.to_thread(view.wait_ready, _LOOK_S)
        for state in view.values():
            self.registry.put(state)
        return view

    def _refresh(self, view: View[DeviceState], key: str) -> None:
        state = view.get(key)
        if state is None:
            self.registry.remove(key)
        else:
            self.registry.put(state)

    async def _load_reference(self) -> None:
        states = load(self._settings.reference_dir)
        wrong = self._registrar.refusals(states)
        if wrong:
            raise ConfigError(f"{self._settings.reference_dir}: {'; '.join(wrong[:5])}")
        changed = await self._registrar.register(states)
        log.info(
            "%d devices in the file, %d of them new or changed; %d known", len(states), changed, len(self.registry)
        )

    async def _serve(self) -> None:
        settings = self._settings
        try:
            self.sl651_port = await self._stations.open(settings.bind_host, settings.sl651_port)
        except OSError as error:
            raise ConfigError(_taken("SL651", settings.bind_host, settings.sl651_port, error)) from error
        try:
            listener = bound(settings.bind_host, settings.http_port)
        except OSError as error:
            await self._stations.close()
            raise ConfigError(_taken("HTTP", settings.bind_host, settings.http_port, error)) from error
        self.http_port = listener.getsockname()[1]
        server = http_server(self._web.app(), settings.frame_s)
        serving = asyncio.create_task(server.serve([listener]))
        self._edge.ready(f"SL 651 on {settings.bind_host}:{self.sl651_port}, HTTP on {self.http_port}")
        stopping = asyncio.create_task(self._edge.stopping.wait())
        try:
            await asyncio.wait([stopping, serving], return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            server.should_exit = True
            await self._stations.close()
            await serving


def limits_of(settings: SensingSettings) -> Limits:
    """Return the protections that the settings ask for."""
    return Limits(
        settings.max_connections,
        settings.max_per_source,
        settings.idle_s,
        settings.frame_s,
        settings.proof_s,
        settings.frames_per_s,
        settings.frames_burst,
    )


def _taken(name: str, host: str, port: int, error: OSError) -> str:
    return f"port {port} on {host} is not free: end what uses it or set LIANDONG_{name}_PORT ({error.strerror})"
