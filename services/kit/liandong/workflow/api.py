"""WorkflowService: declare what a service does with events, timers, commands and answers; then run it.

The object holds declarations only. `run` (or a test's harness) binds it to a database, a clock and Kafka.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Protocol, TypeVar, get_type_hints

import sqlalchemy as sa
from google.protobuf.message import Message
from liandong_contracts.base import Record, Topic

from liandong.clock import Clock
from liandong.errors import ConfigError
from liandong.event import Event
from liandong.privacy.sealed import Clear
from liandong.privacy.service import Privacy
from liandong.rpc.context import current_traceparent
from liandong.rpc.server import Servicer
from liandong.telemetry.ops import Health
from liandong.telemetry.tracing import Tracing
from liandong.wire import Codec
from liandong.workflow.binding import Binding, CommandRoute, EventRoute
from liandong.workflow.clear import ClearStep
from liandong.workflow.model import Answer, Command, Commit, Timer
from liandong.workflow.settings import WorkflowSettings
from liandong.workflow.steps import CommandRefused
from liandong.workflow.work import Work

R = TypeVar("R", bound=Record)
M = TypeVar("M", bound=Message)
P = TypeVar("P", bound=Message)

EventHandler = Callable[[Event[R], Work], None]
TimerHandler = Callable[[Timer, Work], None]
CommandHandler = Callable[[Command[M], Work], P]
AnswerHandler = Callable[[Answer[M], Work], None]


class Runtime(Protocol):
    """What stands behind a bound service: a process, or a test's harness."""

    def submit(self, request: Message, actor: str | None, traceparent: str | None) -> Future[Message]:
        """Queue a command."""
        ...

    def read(self, query: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
        """Query what is committed."""
        ...

    def audited(self, step: ClearStep) -> Future[None]:
        """Queue the audit record of a clear read."""
        ...

    def open(self, value: str) -> Clear:
        """Open a sealed value whose audit record is committed."""
        ...

    def health(self) -> Health:
        """Say whether events are being taken in, and how many wait."""
        ...


class WorkflowService:
    """The declarations of one service.

    `tables` are its own SQL tables; `migrations` is the folder whose `versions` hold their revisions (see
    `liandong migration`). Without it the tables are created once and never changed.
    """

    def __init__(self, name: str, *, tables: sa.MetaData | None = None, migrations: Path | None = None) -> None:
        self.name = name
        self.tables = tables if tables is not None else sa.MetaData()
        self.migrations = migrations
        self._events: list[EventRoute] = []
        self._timers: dict[str, TimerHandler] = {}
        self._commands: dict[str, CommandRoute] = {}
        self._answers: dict[str, Any] = {}
        self._runtime: Runtime | None = None

    # ---- declarations

    def on(
        self, topic: Topic, record: type[R], *, tier: str | None = None
    ) -> Callable[[EventHandler[R]], EventHandler[R]]:
        """Handle the events of one record type of a topic; `tier` names another tier's topic (default: own)."""
        if record not in topic.records:
            raise ConfigError(f"{self.name}: {record.__name__} is not a record of {topic.name}")
        if any((r.topic.name, r.record, r.tier) == (topic.name, record, tier) for r in self._events):
            raise ConfigError(f"{self.name}: two handlers for {record.__name__} of {topic.name}")

        def declare(handler: EventHandler[R]) -> EventHandler[R]:
            self._events.append(EventRoute(topic, record, _plain(handler), tier))
            return handler

        return declare

    def timer(self, kind: str) -> Callable[[TimerHandler], TimerHandler]:
        """Handle the timers of a kind."""

        def declare(handler: TimerHandler) -> TimerHandler:
            self._timers[_free(kind, self._timers, self.name)] = _plain(handler)
            return handler

        return declare

    def command(self, request: type[M]) -> Callable[[CommandHandler[M, P]], CommandHandler[M, P]]:
        """Handle a request message, which must have a `request_id`; the reply type is read from the annotation."""
        name = request.DESCRIPTOR.full_name
        if "request_id" not in request.DESCRIPTOR.fields_by_name:
            raise ConfigError(f"{name} has no request_id: a command needs an idempotency key")

        def declare(handler: CommandHandler[M, P]) -> CommandHandler[M, P]:
            reply = get_type_hints(handler).get("return")
            if not (isinstance(reply, type) and issubclass(reply, Message)):
                raise ConfigError(f"{self.name}: annotate the reply message of the handler of {name}")
            self._commands[_free(name, self._commands, self.name)] = CommandRoute(_plain(handler), reply)
            return handler

        return declare

    def answer(self, name: str) -> Callable[[AnswerHandler[M]], AnswerHandler[M]]:
        """Handle what comes of the calls made with `then=name`: a reply, an error, or a time-out."""

        def declare(handler: AnswerHandler[M]) -> AnswerHandler[M]:
            self._answers[_free(name, self._answers, self.name)] = _plain(handler)
            return handler

        return declare

    # ---- use, once bound

    def submit(self, request: Message, *, actor: str | None = None, traceparent: str | None = None) -> Future[Message]:
        """Queue a command and return the future of its reply; it resolves after the commit.

        Raises CommandRefused at once when the request has no id or nobody handles it.
        """
        name = request.DESCRIPTOR.full_name
        if name not in self._commands:
            raise CommandRefused(f"{self.name} does not handle {name}")
        if not getattr(request, "request_id", ""):
            raise CommandRefused(f"{name} needs a request_id, so that a repeated request acts once")
        return self._bound().submit(request, actor, traceparent or current_traceparent())

    def execute(
        self, request: Message, *, actor: str | None = None, traceparent: str | None = None, timeout_s: float = 10.0
    ) -> Any:
        """Run a command and return its reply; for threads, such as those of a gRPC server.

        Raises TimeoutError when the reply does not come in time; the command may still be carried out, and the same
        request sent again gets its reply.
        """
        return self.submit(request, actor=actor, traceparent=traceparent).result(timeout_s)

    async def execute_async(
        self, request: Message, *, actor: str | None = None, traceparent: str | None = None, timeout_s: float = 10.0
    ) -> Any:
        """Run a command from a coroutine and return its reply."""
        future = self.submit(request, actor=actor, traceparent=traceparent)
        return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(future)), timeout_s)

    def read(self, query: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
        """Return the rows of a query on committed data; safe from any thread."""
        return self._bound().read(query)

    def clear(
        self,
        *values: str,
        purpose: str,
        actor: str,
        about: str = "",
        case_id: str | None = None,
        timeout_s: float = 10.0,
    ) -> list[Clear]:
        """Return sealed values in the clear, for queries; each is opened only once its audit record is committed.

        `about` is where they are (table and row), `case_id` the case that justifies it. What was erased, altered or
        moved is the mask. Raises PermissionError when no topic's file grants it, ValueError without purpose or actor,
        TimeoutError when nothing was committed.
        """
        runtime = self._bound()
        step = ClearStep(values, purpose=purpose, actor=actor, about=about, case_id=case_id)
        runtime.audited(step).result(timeout_s)
        return [runtime.open(value) for value in values]

    def health(self) -> Health:
        """Say whether events are being taken in, and how many wait; for pages that show how fresh they are."""
        return Health(False, "not running") if self._runtime is None else self._runtime.health()

    def run(
        self,
        settings: WorkflowSettings,
        *,
        refs: Any = None,
        grpc: Sequence[Servicer] = (),
        tasks: Sequence[Callable[[], Awaitable[None]]] = (),
        on_commit: Callable[[Commit], None] | None = None,
    ) -> None:
        """Run the service until SIGTERM; a failure that needs a restart ends the process with status 1.

        `tasks` are coroutine functions that run beside it, `on_commit` is called in the writer thread and must be
        quick.
        """
        from liandong.workflow.run import run_service  # only a running service needs Kafka clients

        run_service(self, settings, refs=refs, servicers=grpc, tasks=tasks, on_commit=on_commit)

    # ---- binding

    def bind(
        self,
        settings: WorkflowSettings,
        *,
        clock: Clock,
        codec: Codec,
        tracing: Tracing,
        refs: Any = None,
        privacy: Privacy | None = None,
    ) -> Binding:
        """Return the declarations joined with what they run on."""
        return Binding(
            service=self.name,
            settings=settings,
            clock=clock,
            codec=codec,
            tracing=tracing,
            refs=refs,
            events={
                (r.topic.wire(r.tier or settings.tier, settings.world), r.record.FULL_NAME): r for r in self._events
            },
            timers=self._timers,
            commands=self._commands,
            answers=self._answers,
            privacy=privacy,
        )

    def attach(self, runtime: Runtime | None) -> None:
        """Send commands and reads to this runtime from now on."""
        self._runtime = runtime

    @property
    def records(self) -> set[type[Record]]:
        """The record types that this service handles."""
        return {route.record for route in self._events}

    def _bound(self) -> Runtime:
        if self._runtime is None:
            raise ConfigError(f"{self.name} is not running")
        return self._runtime


def _free(name: str, taken: dict[str, Any], service: str) -> str:
    if name in taken:
        raise ConfigError(f"{service}: two handlers for {name}")
    return name


def _plain(handler: Callable[..., Any]) -> Callable[..., Any]:
    if asyncio.iscoroutinefunction(handler):
        raise ConfigError(f"{handler.__name__}: a workflow handler is a plain def; it must not wait in the transaction")
    return handler
