"""A workflow service as a process: puts the parts together, watches them, and stops them in order.

Whatever cannot be mended from inside (a dead consumer, a fenced relay, a writer that failed) ends the process with
status 1, so that the supervisor starts it again from what is committed.
"""

import asyncio
import contextlib
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from datetime import timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
from google.protobuf.message import Message

from liandong.errors import ConfigError, Unavailable
from liandong.privacy.sealed import Clear
from liandong.refs.subject_keys import privacy_of
from liandong.rpc.client import Clients
from liandong.rpc.server import RpcServer, Servicer
from liandong.stream.admin import Admin
from liandong.stream.positions import marks_of
from liandong.telemetry.logs import setup_logs
from liandong.telemetry.ops import Health, OpsServer
from liandong.telemetry.tracing import Tracing
from liandong.wire import Codec, codec_of
from liandong.workflow import outbox
from liandong.workflow.api import WorkflowService
from liandong.workflow.calls import Caller
from liandong.workflow.clear import ClearStep
from liandong.workflow.migrate import migrate
from liandong.workflow.model import Commit, Partition
from liandong.workflow.opening import open_database
from liandong.workflow.prepare import prepared
from liandong.workflow.processor import Processor
from liandong.workflow.relay import Relay
from liandong.workflow.settings import WorkflowSettings
from liandong.workflow.sources.base import Feed, Source, Stalls
from liandong.workflow.steps import CommandStep
from liandong.workflow.unit import Unit, micros
from liandong.workflow.writer import Writer

log = logging.getLogger(__name__)

Task = Callable[[], Awaitable[None]]
_WATCH_S = 0.25
_STOP_S = 5.0
_ADMIN_S = 20.0


def run_service(
    service: WorkflowService,
    settings: WorkflowSettings,
    *,
    refs: Any,
    servicers: Sequence[Servicer],
    tasks: Sequence[Task],
    on_commit: Callable[[Commit], None] | None,
) -> None:
    """Run until SIGTERM (see `WorkflowService.run`)."""
    setup_logs(service.name, as_json=settings.log_json)
    try:
        process = Process(service, settings, codec_of(settings), refs, servicers, on_commit)
        status = asyncio.run(process.main(tasks))
    except ConfigError as error:
        log.error("%s cannot start: %s", service.name, error)
        status = 1
    except Exception:
        log.exception("%s fails", service.name)
        status = 1
    logging.shutdown()
    sys.stderr.flush()
    os._exit(status)  # threads of client libraries must not keep a stopped process alive


class Process:
    """The parts of a running service."""

    def __init__(
        self,
        service: WorkflowService,
        settings: WorkflowSettings,
        codec: Codec,
        refs: Any,
        servicers: Sequence[Servicer],
        on_commit: Callable[[Commit], None] | None,
    ) -> None:
        self.settings = settings
        self.tracing = Tracing(service.name, settings)
        self.database = open_database(settings, service.name)
        migrate(self.database, service.tables, service.migrations)
        clock = settings.clock()
        personal = privacy_of(service.name, settings, codec)
        self.keys = personal.keys if personal else None
        self.binding = service.bind(
            settings, clock=clock, codec=codec, tracing=self.tracing, refs=refs, privacy=personal
        )
        self.processor = Processor(self.binding, self.database, on_commit)
        self.writer = Writer(self.processor, self._reseek)
        self.relay = Relay(self.binding, self.database, self._clean)
        self.clients = Clients(settings, self.tracing)
        self.caller = Caller(self.binding, self.database, self.writer, self.clients, lambda: self.relay.standing_by)
        self.processor.after_commit(self._wake)
        self.rpc = RpcServer(settings.grpc_port, list(servicers), self.tracing)
        self.ops = OpsServer(settings.ops_port, self.health)
        self.source: Source | None = None
        self.feed: Feed | None = None
        self._stalls: Stalls | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._detail = "starting"
        self._halted = False
        service.attach(self)

    # ---- the runtime that the service sees

    def submit(self, request: Message, actor: str | None, traceparent: str | None) -> Future[Message]:
        """Queue a command."""
        step = CommandStep(self.binding, request, actor, traceparent)
        self.writer.submit(step)
        return step.future

    def read(self, query: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
        """Query what is committed."""
        return self.database.read(query)

    def audited(self, step: ClearStep) -> Future[None]:
        """Queue the audit record of a clear read."""
        self.writer.submit(step.bound(self.binding))
        return step.future

    def open(self, value: str) -> Clear:
        """Open a sealed value whose audit record is committed."""
        return self.binding.personal.open(value)

    def health(self) -> Health:
        """Say whether events are being taken in, and how many wait."""
        if self._detail or self.writer.trouble:
            return Health(False, self._detail or self.writer.trouble)
        if not (self.relay.leading or self.relay.standing_by):
            return Health(False, "the relay waits for Kafka")
        if self.source is None or self.feed is None:
            return Health(True, "", 0)
        if not self.feed.assigned_once:
            return Health(False, "waiting for partitions")
        return Health(True, "", self.source.backlog())

    # ---- life

    async def main(self, tasks: Sequence[Task]) -> int:
        """Start, watch, stop; return the exit status."""
        self._loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, stop.set)
        self.ops.start()
        log.info("operations on port %d, gRPC on port %d", self.ops.port, self.rpc.port)
        beside = [asyncio.ensure_future(task()) for task in tasks]
        starting = asyncio.create_task(self._start())
        stopped = asyncio.create_task(stop.wait())
        reason = None
        while not stop.is_set() and reason is None:
            await asyncio.wait([stopped], timeout=_WATCH_S)
            reason = self._failure([starting, *beside])
            self._seek_stalled()
        if reason is not None:
            log.error("%s ends: %s", self.binding.service, reason)
        watchdog = threading.Timer(_STOP_S, os._exit, [1 if reason else 0])
        watchdog.daemon = True
        watchdog.start()
        await self._stop([starting, *beside])
        return 1 if reason else 0

    async def _start(self) -> None:
        await prepared(self.binding, self._note)
        if self.keys is not None:
            self.keys.start()
        self.relay.start()
        threading.Thread(target=self._listen, name="listen", daemon=True).start()
        self._detail = "waiting for the relay to take over"
        await asyncio.to_thread(self.relay.led.wait)  # nothing is written before the database is known to be right
        self.processor.start()
        self.writer.start()
        self.caller.start()
        self.rpc.start()
        if self.binding.subscribed:
            self._detail = "joining the consumer group"
            admin = Admin(self.settings, _ADMIN_S)
            self.feed = Feed(self.writer, partial(marks_of, admin))
            group = self.settings.scoped(self.binding.service)
            self.source = _source(self.settings, group, self.binding.subscribed, self.feed)
            await self.source.start()
            self._stalls = Stalls(self.feed, self.source)
        self._detail = ""
        self.rpc.set_ready(True)

    def _failure(self, tasks: Sequence["asyncio.Future[None]"]) -> str | None:
        if self.writer.failure is not None:
            return f"the writer failed: {self.writer.failure}"
        if self.relay.failure is not None:
            return str(self.relay.failure)
        for task in tasks:
            if task.done() and not task.cancelled() and task.exception() is not None:
                return f"a task failed: {task.exception()!r}"
        return None if self.source is None else self.source.failed()

    async def _stop(self, tasks: Sequence["asyncio.Future[None]"]) -> None:
        """Stop taking in, finish what is being done, publish what is committed."""
        self._detail = "stopping"
        self._halted = True
        self.rpc.set_ready(False)
        for task in tasks:
            task.cancel()
        if self.source is not None:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(self.source.stop(), 1.5)
        await asyncio.to_thread(self.rpc.stop, 0.5)
        self.caller.stop()
        self.writer.stop()
        await asyncio.to_thread(_join, self.writer, 1.0)
        self.relay.stop(1.0)
        await asyncio.to_thread(_join, self.relay, 1.5)
        self.clients.close()
        if self.keys is not None:
            await asyncio.to_thread(self.keys.stop)
        self.tracing.shutdown()
        self.database.close()
        self.ops.stop()

    # ---- wiring

    def _wake(self, unit: Unit) -> None:
        if unit.outputs:
            self.relay.wake()
        if unit.calls:
            self.caller.wake()

    def _listen(self) -> None:
        def heard() -> None:
            self.relay.wake()
            self.caller.wake()

        self.database.listen(heard, lambda: self._halted)

    def _clean(self, mark: int) -> None:
        """Called by the relay now and then; the deletion itself runs in the writer thread."""
        keep = timedelta(hours=self.settings.workflow_keep_h)
        since = micros(self.binding.clock.now() - keep)
        with contextlib.suppress(Unavailable):  # stopping: then the next start cleans
            self.writer.call(lambda: outbox.clean(self.database, mark, remembered_since_us=since))

    def _reseek(self, partition: Partition, position: int) -> None:
        if self.source is not None and self._loop is not None:
            source, loop = self.source, self._loop
            asyncio.run_coroutine_threadsafe(source.reseek(partition, position), loop)

    def _seek_stalled(self) -> None:
        for partition in [] if self._stalls is None else self._stalls.look(time.monotonic()):
            with contextlib.suppress(Unavailable):  # the writer has failed, which ends the process
                self.writer.call(partial(self.writer.seek, partition))

    def _note(self, detail: str) -> None:
        self._detail = detail


def _join(thread: threading.Thread, seconds: float) -> None:
    if thread.is_alive():
        thread.join(seconds)


def _source(settings: WorkflowSettings, group: str, topics: list[str], feed: Feed) -> Source:
    """Make the configured source; its client library is imported only now."""
    if settings.workflow_source == "faust":
        from liandong.workflow.sources.faust import FaustSource

        return FaustSource(settings, group, topics, feed)
    from liandong.workflow.sources.aiokafka import AioKafkaSource

    return AioKafkaSource(settings, group, topics, feed)
