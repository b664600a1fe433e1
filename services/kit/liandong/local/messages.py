"""What the supervisor is told and what it answers: plain data that travels as one line of JSON over its socket."""

from typing import Literal

import msgspec

from liandong.local.ports import Ports

State = Literal["waiting", "starting", "ready", "unready", "backing-off", "held", "stopped", "done"]


class StackConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a supervisor starts from; paths absolute, `python` the interpreter of its processes."""

    project: str
    home: str
    lib: str
    table: str
    python: str
    ports: Ports
    services: bool = True
    env: dict[str, str] = {}


class WorldConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A set of the service processes: those that have ports here. An empty clock file means the machine's clock."""

    name: str
    ports: Ports
    env: dict[str, str] = {}
    clock_file: str = ""


class ProcessStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One process now. `deaths` in a row without a healthy run between; memory in bytes, processor time in seconds."""

    name: str
    world: str
    state: State
    detail: str = ""
    pid: int | None = None
    uptime_s: float | None = None
    restarts: int = 0
    deaths: int = 0
    lag: int | None = None
    memory: int | None = None
    cpu_s: float | None = None
    address: str = ""
    log: str = ""


class Addresses(msgspec.Struct, frozen=True, kw_only=True):
    """How to reach one world: `ports` by process and name, `peers` gRPC by service."""

    world: str
    bootstrap: str
    registry_url: str
    data_dir: str
    ports: Ports
    peers: dict[str, str]
    console: str = ""

    def address(self, process: str, port: str) -> str:
        """Return `host:port` of one named port."""
        return f"127.0.0.1:{self.ports[process][port]}"


class StackStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The whole stack now."""

    pid: int
    home: str
    services: bool
    processes: list[ProcessStatus]
    worlds: dict[str, Addresses]

    def of(self, world: str) -> list[ProcessStatus]:
        """Return the processes of one world ("" is the real one, with broker and registry)."""
        return [process for process in self.processes if process.world == world]

    def named(self, name: str) -> ProcessStatus | None:
        """Return the process with this full name, if there is one."""
        return next((process for process in self.processes if process.name == name), None)


class GetStatus(msgspec.Struct, frozen=True, tag="status"):
    """Ask for the state; `fresh` asks every process for its health first."""

    fresh: bool = False


class StartServices(msgspec.Struct, frozen=True, tag="services"):
    """Start the real world's services, unless they run."""

    ports: Ports
    env: dict[str, str] = {}


class StartWorld(msgspec.Struct, frozen=True, tag="world-up"):
    """Start a world, unless it runs."""

    world: WorldConfig


class StopWorld(msgspec.Struct, frozen=True, tag="world-down"):
    """Stop a world's processes; its topics and data stay."""

    name: str


class Hold(msgspec.Struct, frozen=True, tag="hold"):
    """Kill a process (SIGKILL) and leave it down."""

    name: str


class Release(msgspec.Struct, frozen=True, tag="release"):
    """Start a held process again."""

    name: str


class Stop(msgspec.Struct, frozen=True, tag="stop"):
    """Stop everything, then the supervisor itself."""


Request = GetStatus | StartServices | StartWorld | StopWorld | Hold | Release | Stop


class Reply(msgspec.Struct, frozen=True):
    """`error` is one sentence; a status comes with every answer."""

    status: StackStatus
    error: str = ""
