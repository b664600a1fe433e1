"""Keeps one process running: starts it when what it needs is ready, asks for its health, restarts it when it dies."""

import asyncio
import logging
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from subprocess import Popen

import psutil

from liandong.local.backoff import Backoff
from liandong.local.messages import ProcessStatus, State
from liandong.local.probes import ask
from liandong.local.spawn import ended, ending, start
from liandong.local.spec import ProcessSpec

log = logging.getLogger(__name__)

_ASK_STARTING_S = 0.2
_ASK_READY_S = 5.0
_GATE_S = 0.05


class Child:
    """One supervised process. `is_ready`: may a named process be relied on; `started`: hears every new process id."""

    def __init__(
        self, spec: ProcessSpec, is_ready: Callable[[str], bool], started: Callable[[str, int | None], None]
    ) -> None:
        self.spec = spec
        self._is_ready = is_ready
        self._started = started
        self._backoff = Backoff()
        self._state: State = "waiting"
        self._detail = ""
        self._lag: int | None = None
        self._restarts = 0
        self._since = 0.0
        self._process: Popen[bytes] | None = None
        self._held = False
        self._task: asyncio.Task[None] | None = None

    @property
    def ready(self) -> bool:
        """Whether others may rely on it now."""
        return self._state in ("ready", "done")

    def launch(self) -> None:
        """Begin to supervise."""
        self._task = asyncio.create_task(self._keep_running(), name=self.spec.full_name)
        self._task.add_done_callback(self._tell_failure)

    def _tell_failure(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s is no longer watched", self.spec.full_name, exc_info=error)

    async def stop(self) -> None:
        """End the process for good: SIGTERM, after the spec's patience SIGKILL."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        if self._process is not None:
            await self._end(self._process)
        self._become("stopped")

    async def _end(self, process: "Popen[bytes]") -> None:
        process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(self.spec.stop_s):
                await ended(process)
        except TimeoutError:
            log.warning("%s ignored SIGTERM for %.0f s: killed", self.spec.full_name, self.spec.stop_s)
            process.kill()
            await ended(process)
        self._forget()

    def hold(self) -> None:
        """Kill the process and leave it down until `release`."""
        self._held = True
        if self._process is not None:
            self._process.kill()

    def release(self) -> None:
        """Let a held process start again."""
        self._held = False

    async def _keep_running(self) -> None:
        while True:
            await self._may_start()
            began = time.monotonic()
            code = await self._run_once()
            if code == 0 and self.spec.kind == "once":
                self._become("done")
                return
            wait = self._backoff.after(time.monotonic() - began)
            how = ending(code) if code is not None else self._detail
            log.warning("%s: %s, next start in %.1f s", self.spec.full_name, how, wait)
            self._become("backing-off", how)
            await asyncio.sleep(wait)
            self._restarts += 1

    async def _may_start(self) -> None:
        while self._held or not all(self._is_ready(name) for name in self.spec.needs):
            if self._held:
                self._become("held")
            else:
                self._become("waiting", "for " + ", ".join(n for n in self.spec.needs if not self._is_ready(n)))
            await asyncio.sleep(_GATE_S)

    async def _run_once(self) -> int | None:
        """Run the first command if it is due, then the command itself; return its code, None if it never started."""
        if self.spec.first and not os.path.exists(self.spec.first_done):  # noqa: PTH110, ASYNC240 (one look at a local file)
            code = await self._run(self.spec.first)
            if code != 0:
                return code
        return await self._run(self.spec.command, watch=True)

    async def _run(self, command: tuple[str, ...], *, watch: bool = False) -> int | None:
        try:
            self._process = start(command, self.spec)
        except OSError as error:
            self._detail = f"cannot start {command[0]} ({error.strerror})"
            return None
        self._since = time.monotonic()
        self._become("starting")
        self._started(self.spec.full_name, self._process.pid)
        watcher = asyncio.create_task(self._watch()) if watch and self.spec.probe else None
        try:
            code = await ended(self._process)
        finally:
            if watcher is not None:
                watcher.cancel()
        self._forget()
        return code

    def _forget(self) -> None:
        self._process = None
        self._lag = None
        self._started(self.spec.full_name, None)

    async def _watch(self) -> None:
        while True:
            await self.refresh()
            await asyncio.sleep(_ASK_READY_S if self._state == "ready" else _ASK_STARTING_S)

    async def refresh(self) -> None:
        """Ask the process for its health now."""
        process = self._process
        if self.spec.probe is None or process is None or self._state not in ("starting", "ready", "unready"):
            return
        answer = await ask(self.spec.probe)
        if self._state == "ready" and not answer.ready:
            answer = await ask(self.spec.probe)  # one lost answer on a busy machine is no news
        if self._process is not process:
            return  # it died meanwhile: the answer is about nobody
        self._lag = answer.lag
        if answer.ready:
            self._become("ready", answer.detail)
        else:
            self._become("starting" if self._state == "starting" else "unready", answer.detail)

    def _become(self, state: State, detail: str = "") -> None:
        if state != self._state:
            log.info("%s: %s %s", self.spec.full_name, state, detail)
        self._state, self._detail = state, detail

    def status(self) -> ProcessStatus:
        """Return what is known now."""
        process, memory, cpu = self._process, None, None
        if process is not None:
            with suppress(psutil.Error):
                seen = psutil.Process(process.pid)
                memory, times = seen.memory_info().rss, seen.cpu_times()
                cpu = times.user + times.system
        return ProcessStatus(
            name=self.spec.full_name,
            world=self.spec.world,
            state=self._state,
            detail=self._detail,
            pid=process.pid if process else None,
            uptime_s=time.monotonic() - self._since if process else None,
            restarts=self._restarts,
            deaths=self._backoff.in_a_row,
            lag=self._lag,
            memory=memory,
            cpu_s=cpu,
            address=self.spec.address,
            log=self.spec.log,
        )
