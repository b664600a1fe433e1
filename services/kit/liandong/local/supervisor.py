"""The supervisor process of one stack: owns every other process, restarts what dies, answers on its socket.

Started by `LocalStack`, never by hand. It keeps one thread and imports no Kafka client: it must outlive everything.
"""

import asyncio
import contextlib
import fcntl
import logging
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from liandong.errors import ConfigError, LiandongError
from liandong.local import control
from liandong.local.child import Child
from liandong.local.ledger import Ledger
from liandong.local.messages import (
    GetStatus,
    Hold,
    Release,
    Reply,
    Request,
    StackConfig,
    StackStatus,
    StartServices,
    StartWorld,
    Stop,
    StopWorld,
    WorldConfig,
)
from liandong.local.plan import Planner, service_ports
from liandong.local.spawn import die_with_parent
from liandong.local.spec import ProcessSpec
from liandong.local.table import read_table
from liandong.telemetry.logs import setup_logs

log = logging.getLogger(__name__)

CONFIG_NAME = "stack.json"
LOCK_NAME = "supervisor.lock"
_LONGEST_LOG = 10_000_000
_LOOK_AT_LOGS_S = 10.0
_LOCK_TRIES = 25


class Supervisor:
    """All processes of one home. Real world and worlds are groups of children; "" is the real one."""

    def __init__(self, config: StackConfig) -> None:
        self._config = config
        self._run = Path(config.home) / "run"
        self._ledger = Ledger(self._run / "children.json")
        self._planner = Planner(config, read_table(Path(config.table)))
        self._children: dict[str, Child] = {}
        self._worlds: dict[str, WorldConfig] = {}
        self._change = asyncio.Lock()
        self._stop = asyncio.Event()

    async def serve(self) -> None:
        """Run until told to stop; returns with every child ended."""
        for name in self._ledger.end_leftovers():
            log.warning("%s was left running by a supervisor that was killed: ended", name)
        self._launch(self._planner.infrastructure())
        if self._config.services:
            self._start_world(WorldConfig(name="", ports=service_ports(self._config.ports), env=self._config.env))
        loop = asyncio.get_running_loop()
        for sign in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(sign, self._stop.set)
        server = await control.serve(self._run, self._answer)
        bounding = asyncio.create_task(self._bound_logs())
        await self._stop.wait()
        bounding.cancel()
        async with self._change:
            await self._end_everything()
        server.close()

    def _launch(self, specs: Iterable[ProcessSpec]) -> None:
        for spec in specs:
            child = Child(spec, self._is_ready, self._ledger.note)
            self._children[spec.full_name] = child
            child.launch()

    def _is_ready(self, name: str) -> bool:
        return name in self._children and self._children[name].ready

    def _start_world(self, world: WorldConfig) -> None:
        self._worlds[world.name] = world
        self._launch(self._planner.services(world))

    async def _end(self, children: Iterable[Child]) -> None:
        ending = list(children)
        await asyncio.gather(*(child.stop() for child in ending))
        for child in ending:
            del self._children[child.spec.full_name]

    async def _end_everything(self) -> None:
        """Services first, so that they can commit; then what they lean on."""
        last = ("registry", "kafka")
        await self._end(child for name, child in self._children.items() if name not in last)
        for name in last:
            await self._end([self._children[name]])

    async def _bound_logs(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_AT_LOGS_S)
            for child in self._children.values():
                bound_log(Path(child.spec.log), _LONGEST_LOG)

    async def _answer(self, request: Request) -> Reply:
        try:
            if isinstance(request, GetStatus):
                if request.fresh:
                    await asyncio.gather(*(child.refresh() for child in self._children.values()))
            else:
                async with self._change:
                    await self._carry_out(request)
        except LiandongError as error:
            return Reply(self._status(), str(error))
        return Reply(self._status())

    async def _carry_out(self, request: Request) -> None:
        match request:
            case StartServices(ports, env):
                if "" not in self._worlds:
                    self._start_world(WorldConfig(name="", ports=ports, env=env))
            case StartWorld(world):
                if world.name not in self._worlds:
                    self._start_world(world)
            case StopWorld(name):
                await self._stop_world(name)
            case Hold(name):
                self._named(name).hold()
            case Release(name):
                self._named(name).release()
            case Stop():
                self._stop.set()  # answered first; the caller waits for the lock to be given back

    async def _stop_world(self, name: str) -> None:
        if name not in self._worlds:
            raise ConfigError(f"No world is called {name}; there are: {', '.join(sorted(self._worlds)) or 'none'}")
        del self._worlds[name]
        await self._end([child for child in self._children.values() if child.spec.world == name])

    def _named(self, name: str) -> Child:
        if name not in self._children:
            raise ConfigError(f"No process is called {name}; there are: {', '.join(sorted(self._children))}")
        return self._children[name]

    def _status(self) -> StackStatus:
        # without services the real world still has a broker and a registry, so it is always there
        worlds = {"": WorldConfig(name="", ports={})} | self._worlds
        return StackStatus(
            pid=os.getpid(),
            home=self._config.home,
            services="" in self._worlds,
            processes=[child.status() for child in self._children.values()],
            worlds={name: self._planner.addresses(world) for name, world in worlds.items()},
        )


def bound_log(file: Path, longest: int) -> None:
    """Move the text of a log that has grown too long to `<name>.log.1`; its writer keeps appending to the same file."""
    with contextlib.suppress(OSError):
        if file.stat().st_size > longest:
            shutil.copyfile(file, file.with_suffix(".log.1"))
            os.truncate(file, 0)


@contextlib.contextmanager
def only_one(run: Path) -> Iterator[None]:
    """Hold the home's lock; the kernel frees it whatever ends this process. Raises ConfigError when it is taken."""
    with (run / LOCK_NAME).open("a") as stream:
        for _ in range(_LOCK_TRIES):  # a client that asks whether one runs holds the lock for an instant
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(0.02)
        else:
            raise ConfigError(f"A supervisor already runs for {run.parent}")
        yield


def main(home: Path, owner: int | None) -> int:
    """Supervise one home; with `owner` (a process id), end when that process ends."""
    if owner is not None:
        die_with_parent(owner, signal.SIGTERM)
    setup_logs("supervisor")
    run = home / "run"
    try:
        config = msgspec.json.decode((run / CONFIG_NAME).read_bytes(), type=StackConfig)
        with only_one(run):
            asyncio.run(Supervisor(config).serve())
    except LiandongError as error:
        log.error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None))
