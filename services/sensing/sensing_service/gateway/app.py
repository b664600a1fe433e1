"""Wires the gateway: registry, intake, device ports, HTTP port. The only place that knows them all."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from functools import partial

import uvloop
from liandong.edge import Edge, run
from liandong.errors import ConfigError, Unavailable
from liandong.refs import View
from liandong.wire import prepare_patiently
from liandong_contracts import topics
from liandong_contracts.sensing import DeviceAlarmReported, DeviceReport, DeviceState, ReadingRejected

from sensing_service.gateway.dialects import Dialect, Gb26875, Hj212, Options, Sl651, Szy206
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
    (topics.SENSING_DEVICE_ALARM, DeviceAlarmReported),
    (topics.SENSING_DEVICE_STATE, DeviceState),
)


def main() -> int:
    """Run the gateway as this process; return its exit code."""
    settings = SensingSettings()

    async def serve(edge: Edge) -> None:
        await Gateway(edge, settings).run()

    return run("sensing-gateway", "sensing", settings, serve, loop_factory=uvloop.new_event_loop)


class Gateway:
    """The running gateway. Once it serves, `ports` holds the device ports by protocol; `http_port` is the other."""

    def __init__(self, edge: Edge, settings: SensingSettings) -> None:
        self._edge = edge
        self._settings = settings
        self.registry = Registry()
        self._registrar = Registrar(self.registry, edge.producer, edge.clock)
        intake = Intake(self.registry, edge.producer, edge.clock, edge.tracing, settings.area_code)
        self._servers = servers_of(settings, intake)
        self._web = Web(intake, self._registrar, settings.kafka_patience_s)
        self.ports: dict[str, int] = {}
        self.http_port = 0

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
        await self._listen()
        try:
            listener = bound(settings.bind_host, settings.http_port)
        except OSError as error:
            await self._hang_up()
            raise ConfigError(_taken("HTTP", settings.bind_host, settings.http_port, error)) from error
        self.http_port = listener.getsockname()[1]
        server = http_server(self._web.app(), settings.frame_s)
        serving = asyncio.create_task(server.serve([listener]))
        opened = ", ".join(f"{name} on {port}" for name, port in self.ports.items())
        self._edge.ready(f"{settings.bind_host}: {opened}, HTTP on {self.http_port}")
        stopping = asyncio.create_task(self._edge.stopping.wait())
        try:
            await asyncio.wait([stopping, serving], return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            server.should_exit = True
            await self._hang_up()
            await serving

    async def _listen(self) -> None:
        """Open every device port that is set."""
        host = self._settings.bind_host
        for name, port, server in self._servers:
            try:
                self.ports[name] = await server.open(host, port)
            except OSError as error:
                await self._hang_up()
                raise ConfigError(_taken(name, host, port, error)) from error

    async def _hang_up(self) -> None:
        for _, _, server in self._servers:
            await server.close()


def servers_of(settings: SensingSettings, intake: Intake) -> list[tuple[str, int, StationServer]]:
    """Return name, port and server of each device protocol whose port is set; ConfigError for wrong options."""
    speakers: list[tuple[str, int | None, Callable[[Options], Dialect], Options]] = [
        ("SL651", settings.sl651_port, Sl651, Options(settings.sl651_tolerate, settings.sl651_password)),
        ("HJ212", settings.hj212_port, Hj212, Options(settings.hj212_tolerate, settings.hj212_password)),
        ("SZY206", settings.szy206_port, Szy206, Options(settings.szy206_tolerate)),
        ("GB26875", settings.gb26875_port, Gb26875, Options(settings.gb26875_tolerate)),
    ]
    allow = [network.strip() for network in settings.allow_from.split(",") if network.strip()]
    servers = []
    for name, port, dialect, options in speakers:
        try:
            dialect(options)  # wrong tolerances are found now, not at the first connection
            server = StationServer(intake, limits_of(settings), partial(dialect, options), allow)
        except ValueError as error:
            raise ConfigError(f"{name}: {error}: see LIANDONG_{name}_TOLERATE and LIANDONG_ALLOW_FROM") from error
        if port is not None:
            servers.append((name, port, server))
    return servers


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
