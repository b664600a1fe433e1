"""WorkflowHarness: a workflow service without Kafka. The same engine on SQLite in memory, with a clock moved by hand.

Not simulated: the network, several workers, and the order between topics.
"""

import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import cycle
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa
from google.protobuf import descriptor_pool
from google.protobuf.message import Message
from liandong_contracts.base import Record, Topic
from liandong_contracts.kit import SubjectKey

from liandong import ids
from liandong.clock import ManualClock
from liandong.event import Event, event_from, headers_of
from liandong.privacy.keyring import MemoryKeys
from liandong.privacy.sealed import Clear
from liandong.telemetry.ops import Health
from liandong.telemetry.tracing import Tracing
from liandong.testing.privacy import memory_privacy
from liandong.wire import Codec, LocalIds
from liandong.workflow import tables
from liandong.workflow.api import WorkflowService
from liandong.workflow.clear import ClearStep
from liandong.workflow.migrate import create
from liandong.workflow.model import Commit, Delivery
from liandong.workflow.processor import Processor
from liandong.workflow.settings import WorkflowSettings
from liandong.workflow.sql import Database
from liandong.workflow.sqlite import SqliteDatabase
from liandong.workflow.steps import AnswerStep, CommandStep, Step, message_type
from liandong.workflow.unit import moment

R = TypeVar("R", bound=Record)

START = datetime(2026, 7, 1, 0, 0, tzinfo=UTC)
_MOST_ROUNDS = 10_000


class Crash(BaseException):
    """The simulated death of the process; handlers cannot catch it by accident."""


class PendingCall(msgspec.Struct, frozen=True):
    """A `work.call` that waits for its answer."""

    id: str
    method: str
    request: Message
    then: str
    due: datetime
    data: dict[str, Any]


class DeadLetter(msgspec.Struct, frozen=True):
    """A dead letter: why, and the original bytes."""

    reason: str
    error: str
    key: bytes | None
    value: bytes | None
    headers: dict[str, bytes]


class WorkflowHarness:
    """Drives one service by hand. `published` is what other services would read, in order.

    duplicates: every event and every command arrives twice, events at a new offset, as after a replay.
    crashes: the process dies around every commit, in turn right before and right after it.
    database: an empty one to work on instead of SQLite in memory.
    """

    def __init__(
        self,
        service: WorkflowService,
        *,
        refs: Any = None,
        now: datetime = START,
        settings: WorkflowSettings | None = None,
        on_commit: Callable[[Commit], None] | None = None,
        duplicates: bool = False,
        crashes: bool = False,
        database: Database | None = None,
    ) -> None:
        self.service = service
        self.settings = settings or WorkflowSettings(trace_ratio=0, data_dir=Path(tempfile.gettempdir()))
        self.clock = ManualClock(now)
        self.codec = _codec()
        self.keys = MemoryKeys()
        self._privacy = memory_privacy(service.name, self.keys)
        self.database = database or SqliteDatabase(None)
        create(self.database, service.tables)
        self.published: list[Event[Record]] = []
        self.dead_letters: list[DeadLetter] = []
        self._on_commit = on_commit
        self._tracing = Tracing(service.name, self.settings)
        self._refs = refs
        self._ends: Counter[tuple[str, int]] = Counter()
        self._sequences: Counter[tuple[str, str]] = Counter()
        self._count = 0
        self._read = 0
        self._last: Delivery | None = None
        self._fakes: dict[str, Callable[[Any], Message]] = {}
        self._crash: str | None = None
        self._duplicates = duplicates
        self._fates = cycle(("before", "after")) if crashes else None
        self._start()
        service.attach(self)

    # ---- input

    def put(
        self,
        topic: Topic,
        record: Record,
        *,
        event_id: str | None = None,
        sequence: int | None = None,
        time: datetime | None = None,
        area_code: str | None = None,
        correlation_id: str | None = None,
        traceparent: str | None = None,
        actor: str | None = None,
    ) -> list[Event[Record]]:
        """Deliver an event as its owner would have published it; return what the service published for it.

        Facts and states get the next sequence of their key unless one is given.
        """
        wire, key = topic.wire(self.settings.tier, self.settings.world), topic.key_of(record)
        if sequence is None and topic.kind in ("fact", "state"):
            sequence = self._sequences[wire, key] + 1
        if sequence is not None:
            self._sequences[wire, key] = max(sequence, self._sequences[wire, key])
        self._count += 1
        sealing = self._privacy.sealing(f"{wire}/{key}/{self._count}", self.clock.now())
        record = sealing.seal(record)
        for fresh in sealing.fresh():
            self.keys.add(fresh)
        event: Event[Record] = Event(
            data=record,
            id=event_id or ids.event_id(f"harness/{wire}", record.FULL_NAME, self._count),
            type=record.FULL_NAME,
            source=f"/{self.settings.area_code}/{topic.owner}",
            time=time or self.clock.now(),
            key=key,
            sequence=sequence,
            area_code=area_code,
            correlation_id=correlation_id,
            traceparent=traceparent,
            actor=actor,
        )
        return self.put_raw(wire, key.encode(), self.codec.encode(wire, record), headers_of(event))

    def put_raw(
        self, topic: str, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]], partition: int = 0
    ) -> list[Event[Record]]:
        """Deliver any bytes."""
        before = len(self.published)
        for _ in range(2 if self._duplicates else 1):
            offset = self._ends[topic, partition]
            self._ends[topic, partition] += 1
            stamp = int(self.clock.now().timestamp() * 1000)
            self._last = Delivery(topic, partition, offset, offset, key, value, headers, stamp)
            self._run([self._last], [])
        return self.published[before:]

    def redeliver(self, *, new_offset: bool = False) -> list[Event[Record]]:
        """Deliver the last event again, at its old offset or (a replay, a link reset) at a new one."""
        if self._last is None:
            raise LookupError("nothing was delivered yet")
        last = self._last
        if new_offset:
            return self.put_raw(last.topic, last.key, last.value, last.headers, last.partition)
        return self._run([last], [])

    def execute(self, request: Message, *, actor: str | None = None, traceparent: str | None = None) -> Any:
        """Run a command and return its reply."""
        return self.service.execute(request, actor=actor, traceparent=traceparent)

    def advance(self, delta: timedelta = timedelta(), *, to: datetime | None = None) -> list[Event[Record]]:
        """Let time pass; timers and time-outs of calls fire one after another, each at its own moment."""
        until = to if to is not None else self.clock.now() + delta
        before = len(self.published)
        for _ in range(_MOST_ROUNDS):
            due = self._next_moment()
            if due is None or due > until:
                break
            self.clock.set(max(due, self.clock.now()))
            self._expire_calls()
            self._run([], [])
        else:
            raise RuntimeError(f"still not quiet after {_MOST_ROUNDS} timers: does one set itself without delay?")
        self.clock.set(max(until, self.clock.now()))
        return self.published[before:]

    def answer(self, method: str, fake: Callable[[Any], Message]) -> None:
        """Answer calls of "package.Service/Method" with `fake(request)`; an exception becomes the error UNAVAILABLE."""
        self._fakes[method] = fake
        self._answer_calls()

    # ---- output

    @property
    def calls(self) -> list[PendingCall]:
        """The calls that wait for an answer."""
        rows = self.database.read(sa.select(tables.call).order_by(tables.call.c.due_us))
        return [PendingCall(r.id, r.method, _request_of(r), r.then, moment(r.due_us), r.data) for r in rows]

    @property
    def timers(self) -> list[tuple[str, str, datetime]]:
        """The open timers as (kind, key, due), soonest first."""
        rows = self.database.read(sa.select(tables.timer).order_by(tables.timer.c.due_us))
        return [(r.kind, r.key, moment(r.due_us)) for r in rows]

    def of(self, record: type[R]) -> list[Event[R]]:
        """Return the published events of one record type."""
        return [event for event in self.published if isinstance(event.data, record)]  # type: ignore[misc]

    def rows(self, table: sa.Table) -> Sequence[sa.Row[Any]]:
        """Return all rows of a table."""
        return self.database.read(sa.select(table))

    def durable(self) -> dict[str, list[Any]]:
        """Return everything that would survive a restart, for comparison: the service's rows, timers and sequences."""
        rows = {
            table.name: sorted(map(tuple, self.rows(table)), key=repr) for table in self.service.tables.sorted_tables
        }
        sequences = sorted(map(tuple, self.rows(tables.sequence)))
        return rows | {"timers": list(self.timers), "sequences": sequences}

    # ---- failure

    def crash_before_commit(self) -> None:
        """Let the process die right before its next commit; the harness restarts it and delivers again."""
        self._crash = "before"

    def crash_after_commit(self) -> None:
        """Let the process die right after its next commit, before anybody heard of it; then as above."""
        self._crash = "after"

    def restart(self) -> None:
        """Start the service anew on the same database, as after kill -9."""
        self._start()

    # ---- the runtime that the service sees

    def submit(self, request: Message, actor: str | None, traceparent: str | None) -> Future[Message]:
        """Queue a command (see `liandong.workflow.api.Runtime`); here it runs at once."""
        for _ in range(2 if self._duplicates else 1):
            step = CommandStep(self._binding, request, actor, traceparent)
            self._run([], [step])
        return step.future

    def read(self, query: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
        """Query what is committed."""
        return self.database.read(query)

    def audited(self, step: ClearStep) -> Future[None]:
        """Put a clear read on record; here at once."""
        self._run([], [step.bound(self._binding)])
        return step.future

    def open(self, value: str) -> Clear:
        """Open a sealed value whose audit record is committed."""
        return self._privacy.open(value)

    def health(self) -> Health:
        """Say that all is well."""
        return Health(True, "", 0)

    # ---- inside

    def _start(self) -> None:
        self._binding = self.service.bind(
            self.settings,
            clock=self.clock,
            codec=self.codec,
            tracing=self._tracing,
            refs=self._refs,
            privacy=self._privacy,
        )
        self._processor = Processor(self._binding, self.database, self._on_commit)
        self._processor.start()
        self._processor.open(self._ends)

    def _run(self, deliveries: list[Delivery], steps: list[Step]) -> list[Event[Record]]:
        before = len(self.published)
        self._once(deliveries, steps)
        self._collect()
        self._answer_calls()
        return self.published[before:]

    def _once(self, deliveries: list[Delivery], steps: list[Step], *, again: bool = False) -> None:
        fresh = {(d.topic, d.partition) for d in deliveries} - set(self._processor.inbox.positions)
        if fresh:
            self._processor.open(fresh)
        crash, self._crash = self._crash, None
        if crash is None and self._fates is not None and not again:
            crash = next(self._fates)
        try:
            if crash == "before":
                self._processor.before_commit = _die
            if crash == "after":
                self._processor.after_commit(lambda _unit: _die())
            self._processor.process(deliveries, steps)
        except Crash:
            self.restart()
            self._once(deliveries, steps, again=True)

    def _collect(self) -> None:
        outbox = tables.outbox
        for row in self.database.read(sa.select(outbox).where(outbox.c.id > self._read).order_by(outbox.c.id)):
            self._read = row.id
            headers = msgspec.msgpack.decode(row.headers, type=list[tuple[str, bytes]])
            if row.topic == self._binding.dead_letters:
                raw = dict(headers)
                reason, error = raw["dl_reason"].decode(), raw["dl_error"].decode()
                self.dead_letters.append(DeadLetter(reason, error, row.key, row.value, raw))
                continue
            record = self.codec.decode(row.value)
            if isinstance(record, SubjectKey):
                self.keys.add(record)
            else:
                stamp = int(self.clock.now().timestamp() * 1000)
                self.published.append(event_from(record, headers, topic=row.topic, timestamp_ms=stamp))

    def _answer_calls(self) -> None:
        for call in self.calls:
            if call.method not in self._fakes:
                continue
            try:
                reply, error = self._fakes[call.method](call.request).SerializeToString(), None
            except Exception:
                reply, error = None, "UNAVAILABLE"
            self._run([], [AnswerStep(self._binding, call.id, reply, error)])

    def _expire_calls(self) -> None:
        for call in self.calls:
            if call.due <= self.clock.now():
                self._run([], [AnswerStep(self._binding, call.id, None, "DEADLINE_EXCEEDED")])

    def _next_moment(self) -> datetime | None:
        moments = [due for due in (self._processor.next_due, *(call.due for call in self.calls)) if due is not None]
        return min(moments, default=None)


@cache
def _codec() -> Codec:
    """Return the codec of all harnesses; reading every schema takes a while."""
    return Codec(LocalIds())


def _die() -> None:
    raise Crash


def _request_of(row: sa.Row[Any]) -> Message:
    """Rebuild the request of a stored call; its type is the input type of the declared method."""
    service, _, method = row.method.partition("/")
    found = descriptor_pool.Default().FindServiceByName(service)
    return message_type(found.methods_by_name[method].input_type.full_name).FromString(row.request)
