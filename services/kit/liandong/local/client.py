"""LocalStack: start, ask and stop a stack from Python. The command line, tests and benchmarks all go through it."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from liandong.errors import ConfigError, Unavailable
from liandong.local import artifacts, control, ports
from liandong.local.layout import Layout, layout_of
from liandong.local.messages import (
    Addresses,
    GetStatus,
    Hold,
    ProcessStatus,
    Release,
    Request,
    StackConfig,
    StackStatus,
    StartServices,
    StartWorld,
    Stop,
    StopWorld,
    WorldConfig,
)
from liandong.local.plan import service_ports
from liandong.local.settings import LocalSettings
from liandong.local.supervisor import CONFIG_NAME, LOCK_NAME
from liandong.local.table import INFRASTRUCTURE, read_table
from liandong.settings import Settings

Progress = Callable[[StackStatus], None]

_POLL_S = 0.1
_HOPELESS_DEATHS = 4


class LocalStack:
    """One stack: a home folder and the supervisor that owns it. Every method may be called from any process.

    `port_base` gives the real world fixed ports; None picks free ones. With `tethered` the stack ends with the process
    that started it, however that ends.
    """

    def __init__(
        self,
        home: Path | None = None,
        port_base: int | None = None,
        *,
        lib: Path | None = None,
        table: Path | None = None,
        settings: LocalSettings | None = None,
        tethered: bool = False,
    ) -> None:
        self.layout: Layout = layout_of(settings or LocalSettings(), home=home, lib=lib, table=table)
        self._port_base = port_base
        self._tethered = tethered
        self._daemon: subprocess.Popen[bytes] | None = None  # only in the process that started it

    # -- the stack -----------------------------------------------------------------------------------------------

    def up(
        self,
        services: bool = True,
        *,
        env: Mapping[str, str] | None = None,
        progress: Progress | None = None,
        patience_s: float = 180.0,
    ) -> Addresses:
        """Start what does not run yet and wait until all of it is ready; return the real world's addresses.

        Raises ConfigError (a port in use, a jar missing, a wrong table) or Unavailable (something does not start).
        """
        self.layout.run.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.layout.run / "start.lock").open("w") as only_one:  # two `make up` at once start one stack
            fcntl.flock(only_one, fcntl.LOCK_EX)
            if self.is_running():
                self._join(services, dict(env or {}))
            else:
                self._start(services, dict(env or {}))
        return self._wait_ready("", progress, patience_s)

    def down(self, patience_s: float = 60.0) -> bool:
        """Stop everything that this stack started; data stays. Returns False when nothing was running."""
        if not self.is_running():
            return False
        with suppress(Unavailable):
            self._call(Stop())
        limit = time.monotonic() + patience_s
        while self.is_running():
            if time.monotonic() > limit:
                raise Unavailable(f"The supervisor did not stop within {patience_s:.0f} s: see {self.layout.logs}")
            time.sleep(_POLL_S)
        if self._daemon is not None:
            self._daemon.wait()
        return True

    def is_running(self) -> bool:
        """Say whether a supervisor holds this home."""
        try:
            with (self.layout.run / LOCK_NAME).open("a") as stream:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def status(self, *, fresh: bool = True) -> StackStatus:
        """Return every process's state; `fresh` asks each for its health first. Raises Unavailable when stopped."""
        return self._call(GetStatus(fresh))

    # -- one process ---------------------------------------------------------------------------------------------

    def kill(self, name: str) -> int:
        """Send SIGKILL to a process that this stack started and return its id; the supervisor starts it again."""
        pid = self.process(name).pid
        if pid is None:
            raise Unavailable(f"{name} does not run at this moment")
        os.kill(pid, signal.SIGKILL)
        return pid

    def hold(self, name: str) -> None:
        """Send SIGKILL to a process and keep it down until `release`."""
        self._call(Hold(name))

    def release(self, name: str) -> None:
        """Start a held process again; does not wait."""
        self._call(Release(name))

    def process(self, name: str) -> ProcessStatus:
        """Return one process's state. Raises ConfigError when none has this name."""
        status = self.status(fresh=False)
        found = status.named(name)
        if found is None:
            known = ", ".join(process.name for process in status.processes)
            raise ConfigError(f"No process is called {name}; there are: {known}")
        return found

    def wait_ready(self, name: str, *, after_pid: int | None = None, patience_s: float = 60.0) -> ProcessStatus:
        """Wait until a process is ready (and no longer the one with `after_pid`). Raises Unavailable."""
        limit = time.monotonic() + patience_s
        while True:
            state = self.process(name)
            if state.state in ("ready", "done") and state.pid != after_pid:
                return state
            if time.monotonic() > limit:
                raise Unavailable(f"{name} is not ready after {patience_s:.0f} s: {state.state} {state.detail}")
            time.sleep(_POLL_S)

    # -- worlds --------------------------------------------------------------------------------------------------

    def world(
        self,
        name: str,
        env: Mapping[str, str] | None = None,
        clock: Path | None = None,
        *,
        only: Iterable[str] | None = None,
        progress: Progress | None = None,
        patience_s: float = 120.0,
    ) -> Addresses:
        """Start a second set of the service processes in a world of their own and wait until they are ready.

        `only` starts some of them. A world that runs already stays as it is. Raises as `up` does.
        """
        if not name or not name.replace("-", "").isalnum() or name != name.lower():
            raise ConfigError(f"A world's name is made of small letters, digits and '-', not {name!r}")
        running = self.status(fresh=False)
        if name not in running.worlds:
            taken = [
                port for world in running.worlds.values() for named in world.ports.values() for port in named.values()
            ]
            plan = ports.of_services(read_table(self.layout.table), ports.FreePorts(taken), only)
            clock_file = str(clock.resolve()) if clock else ""
            self._call(StartWorld(WorldConfig(name=name, ports=plan, env=dict(env or {}), clock_file=clock_file)))
        return self._wait_ready(name, progress, patience_s)

    def world_down(self, name: str, *, delete: bool = False) -> None:
        """Stop a world's processes; with `delete` also remove its topics, groups, subjects and data."""
        status = self.status(fresh=False)
        if name in status.worlds or not delete:
            self._call(StopWorld(name))
        if delete:
            from liandong.local.prepare import remove_world

            remove_world(self.settings(name, status))
            shutil.rmtree(self.layout.data_of_world(name), ignore_errors=True)

    def addresses(self, world: str = "") -> Addresses:
        """Return how to reach a running world. Raises ConfigError when it does not run."""
        worlds = self.status(fresh=False).worlds
        if world not in worlds:
            raise ConfigError(
                f"No world is called {world}; there are: {', '.join(sorted(w for w in worlds if w)) or 'none'}"
            )
        return worlds[world]

    def settings(self, world: str = "", status: StackStatus | None = None) -> Settings:
        """Return settings with which a client in this process belongs to a world."""
        seen = status or self.status(fresh=False)
        at = seen.worlds.get(world) or seen.worlds[""]
        return Settings(world=world, bootstrap=at.bootstrap, registry_url=at.registry_url, peers=at.peers)

    # -- inside --------------------------------------------------------------------------------------------------

    def _call(self, request: Request) -> StackStatus:
        reply = control.call(self.layout.run, request)
        if reply.error:
            raise ConfigError(reply.error)
        return reply.status

    def _plan(self, services: bool) -> ports.Ports:
        table = read_table(self.layout.table)
        if self._port_base is None:
            choose = ports.FreePorts()
            return ports.infrastructure(choose) | (ports.of_services(table, choose) if services else {})
        plan = ports.fixed(self._port_base, table, services=services)
        ports.require_free(plan)
        return plan

    def _start(self, services: bool, env: dict[str, str]) -> None:
        artifacts.require(artifacts.read_lock(self.layout.lock), self.layout.lib)
        config = StackConfig(
            project=str(self.layout.project),
            home=str(self.layout.home),
            lib=str(self.layout.lib),
            table=str(self.layout.table),
            python=sys.executable,
            ports=self._plan(services),
            services=services,
            env=env,
        )
        self.layout.logs.mkdir(parents=True, exist_ok=True)
        (self.layout.run / CONFIG_NAME).write_bytes(msgspec.json.encode(config))
        with (self.layout.logs / "supervisor.log").open("ab") as out:
            owner = [str(os.getpid())] if self._tethered else []
            self._daemon = subprocess.Popen(
                [sys.executable, "-m", "liandong.local.supervisor", str(self.layout.home), *owner],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                cwd=self.layout.project,
                start_new_session=True,
            )
        self._wait_daemon(self._daemon)

    def _wait_daemon(self, daemon: "subprocess.Popen[bytes]", patience_s: float = 20.0) -> None:
        limit = time.monotonic() + patience_s
        while True:
            with suppress(Unavailable):
                self.status(fresh=False)
                return
            if daemon.poll() is not None or time.monotonic() > limit:
                log = self.layout.logs / "supervisor.log"
                raise Unavailable(f"The supervisor does not start ({last_line(log)}): see {log}")
            time.sleep(_POLL_S / 2)

    def _join(self, services: bool, env: dict[str, str]) -> None:
        """Add what is missing to a stack that runs already."""
        status = self.status(fresh=False)
        broker = int(status.worlds[""].bootstrap.rpartition(":")[2])
        wanted = (self._port_base or 0) + INFRASTRUCTURE["kafka"]["broker"]
        if self._port_base is not None and broker != wanted:
            raise ConfigError(
                f"This stack already runs with other ports (Kafka on {broker}, not {wanted}): run `make down` first"
            )
        if services and not status.services:
            if self._port_base is None:
                plan = ports.of_services(read_table(self.layout.table), ports.FreePorts())
            else:
                plan = service_ports(ports.fixed(self._port_base, read_table(self.layout.table)))
                ports.require_free(plan)
            self._call(StartServices(plan, env))

    def _wait_ready(self, world: str, progress: Progress | None, patience_s: float) -> Addresses:
        limit = time.monotonic() + patience_s
        while True:
            status = self.status(fresh=False)
            if progress is not None:
                progress(status)
            waiting = [process for process in status.of(world) if process.state not in ("ready", "done", "held")]
            if not waiting:
                return status.worlds[world]
            for process in waiting:
                if process.deaths >= _HOPELESS_DEATHS and process.state == "backing-off":
                    raise Unavailable(_why(process, f"died {process.deaths} times in a row, {process.detail}"))
            if time.monotonic() > limit:
                raise Unavailable(_why(waiting[0], f"is not ready after {patience_s:.0f} s, {waiting[0].detail}"))
            time.sleep(_POLL_S)


def _why(process: ProcessStatus, what: str) -> str:
    return f"{process.name} {what.rstrip(', ')}; its last line: {last_line(Path(process.log))!r}; see {process.log}"


def last_line(log: Path) -> str:
    """Return the last line of a log that says something, shortened."""
    with suppress(OSError):
        lines = [
            line for line in log.read_text(encoding="utf-8", errors="replace")[-4000:].splitlines() if line.strip()
        ]
        if lines:
            return lines[-1].strip()[:200]
    return ""
