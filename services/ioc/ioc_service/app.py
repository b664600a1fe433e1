"""Wires the console: projections by the workflow engine, the page beside it, channels to those it asks and commands."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from liandong.clock import Clock
from liandong.errors import ConfigError
from liandong.refs import View
from liandong.rpc.client import Clients
from liandong.telemetry.tracing import Tracing
from liandong.wire import codec_of
from liandong_contracts import topics
from liandong_contracts.sensing import DeviceState, DeviceStatus

import ioc_service.handlers  # noqa: F401 - handlers declare themselves on the service
from ioc_service import reference
from ioc_service.domain.names import DeviceCard, Names
from ioc_service.peers import AbsentEmergency, Emergency, GrpcEmergency, GrpcSensing
from ioc_service.service import console
from ioc_service.settings import ConsoleSettings
from ioc_service.view.state import State
from ioc_service.web.commands import Commands
from ioc_service.web.hub import Hub
from ioc_service.web.latest import keep_asking
from ioc_service.web.pages import Parts, page_app
from ioc_service.web.server import PageServer

Task = Callable[[], Awaitable[None]]


def run(settings: ConsoleSettings) -> None:
    """Run the console until SIGTERM."""
    devices: View[DeviceState] = View(settings, topics.SENSING_DEVICE_STATE, codec_of(settings))
    devices.start()
    names = with_registry(reference.load(settings.reference_dir), devices)
    tracing = Tracing(console.name, settings)
    clients = Clients(settings, tracing)
    clock = settings.clock()
    state = State(console.read, names)
    hub = Hub(state, clock.now, settings.sse_clients)
    emergency = _emergency(clients)
    server = _server(settings, clock, state, hub, emergency)
    tasks: list[Task] = [server.run_until_stopped]
    if "sensing" in settings.peers:
        tasks.append(lambda: keep_asking(console.read, names, GrpcSensing(clients), hub))
    console.run(settings, refs=names, tasks=tasks, on_commit=lambda _commit: hub.changed())


def _server(settings: ConsoleSettings, clock: Clock, state: State, hub: Hub, emergency: Emergency) -> PageServer:
    commands = Commands(console.read, emergency, state.names, settings.area_code)
    parts = Parts(settings, clock, state, hub, commands, console.health)
    return PageServer(page_app(parts), settings.http_host, settings.http_port, hub.close)


def _emergency(clients: Clients) -> Emergency:
    try:
        return GrpcEmergency(clients)
    except ConfigError:
        return AbsentEmergency()


def with_registry(names: Names, devices: View[DeviceState]) -> Names:
    """Return the names with devices looked up in the registry's local copy first."""
    of_files = names.card

    def card(device_id: str) -> DeviceCard | None:
        held = devices.get(device_id)
        return DeviceCard(held.name, held.area_code) if held is not None else of_files(device_id)

    def total() -> int | None:
        counted = sum(held.status is not DeviceStatus.RETIRED for held in devices.values())
        return counted or names.device_total()

    return replace(names, card=card, device_total=total)
