"""StreamHarness: a StreamService in memory, on a clock that the test moves. Same handlers, envelopes and ids, no Kafka.

One partition, one event at a time; every effect passes through bytes and headers as in production.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast

import msgspec
from liandong_contracts.base import Record, Topic

from liandong import wire
from liandong.clock import ManualClock
from liandong.contracts import known_records
from liandong.errors import DecodeError
from liandong.event import Event, event_from, headers_of
from liandong.ids import event_id
from liandong.settings import Settings
from liandong.stream.api import State, StreamService
from liandong.stream.outputs import Node, Output
from liandong.stream.processor import Effect, Processor
from liandong.stream.tables import Change, Codec, Table
from liandong.stream.timers import from_ms, to_ms
from liandong.stream.topology import Plan, topology_of
from liandong.telemetry.tracing import Tracing

R = TypeVar("R", bound=Record)
S = TypeVar("S", bound=Record)

START = datetime(2031, 7, 20, 12, 0, tzinfo=UTC)


class MemoryCodec:
    """Frames hand-made records without schemas; values are checked against the record's types.

    Processes that share a topic must be given the same `types` in the same order.
    """

    def __init__(self, types: Sequence[type[Record]] = ()) -> None:
        self._types: list[type[Record]] = list(types)

    def encode(self, topic: str, record: Record) -> bytes:
        """Return framed bytes of a record."""
        kind = type(record)
        if kind not in self._types:
            self._types.append(kind)
        value = b"\0" + self._types.index(kind).to_bytes(4, "big") + msgspec.msgpack.encode(record)
        self.decode(value)
        return value

    def decode(self, value: bytes) -> Record:
        """Return the record of framed bytes."""
        kind = self.type_of(value)
        try:
            return msgspec.msgpack.decode(value[5:], type=kind)
        except msgspec.MsgspecError as error:
            raise DecodeError("UNDECODABLE", str(error)) from error

    def type_of(self, value: bytes) -> type[Record]:
        """Return the record type of framed bytes."""
        number = int.from_bytes(value[1:5], "big")
        if len(value) < 5 or value[0] != 0 or number >= len(self._types):
            raise DecodeError("BAD_FRAMING", f"{len(value)} bytes are no framed record")
        return self._types[number]


def _codec_for(service: StreamService) -> Codec:
    """Return Avro for generated records, plain frames for hand-made ones."""
    records = [state.record for state in service.states] + [handler.record for handler in service.handlers]
    return (
        wire.Codec(wire.LocalIds())
        if all(known_records().get(kind.FULL_NAME) is kind for kind in records)
        else MemoryCodec()
    )


class DictStore:
    """Committed envelopes in a dictionary."""

    def __init__(self) -> None:
        self._cells: dict[bytes, bytes] = {}

    def get(self, key: bytes) -> bytes | None:
        """Return the packed envelope of a key."""
        return self._cells.get(key)

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """Return all keys and packed envelopes."""
        return iter(list(self._cells.items()))

    def apply(self, changes: list[Change]) -> None:
        """Write the changes of one transaction."""
        for key, value in changes:
            if value is None:
                self._cells.pop(key, None)
            else:
                self._cells[key] = value


class Failure(msgspec.Struct, frozen=True):
    """What a dead letter would hold: the cause (an event, or a timer's name) and the error."""

    cause: Event[Any] | str
    error: Exception


class StreamHarness:
    """Runs one service. `published` holds every event it emitted, in order.

    strict: a handler's exception fails the test; otherwise it is kept in `failures` and nothing else changes.
    duplicates: every event arrives twice; `redone` lists those that changed a state again, which is a mistake.
    restarts: after every event the service starts anew from its changelogs.
    """

    def __init__(
        self,
        service: StreamService,
        *,
        refs: Any = None,
        now: datetime = START,
        settings: Settings | None = None,
        codec: Codec | None = None,
        strict: bool = True,
        duplicates: bool = False,
        restarts: bool = False,
    ) -> None:
        self.settings = settings or Settings(world="test")
        self.clock = ManualClock(now)
        self.published: list[Event[Any]] = []
        self.failures: list[Failure] = []
        self.redone: list[Event[Any]] = []
        self.fenced = 0
        self._service = service
        self._codec: Codec = codec or _codec_for(service)
        self._strict, self._duplicates, self._restarts = strict, duplicates, restarts
        self._topology = topology_of(service)
        self._stores = {state.name: DictStore() for state in service.states}
        self._tables: dict[str, Table] = {}
        self._inputs: list[Event[Any]] = []
        node = Node(self.settings.tier, self.settings.world, self.settings.area_code)
        changelogs = {state.name: state.wire(self.settings) for state in service.states}
        tracing = Tracing(service.name, self.settings)
        self._processor = Processor(
            service, self._codec, node, self.clock, tracing, changelogs, refs if refs is not None else service.refs
        )
        groups = self._topology.groups
        self._topics = {topic.wire(node.tier, node.world): topic for group in groups for topic in group.topics}
        self.restart()

    def restart(self) -> None:
        """Start anew from what is durable: every state passes through its bytes, timers are rebuilt."""
        for state in self._service.states:
            timed = any(known == state.name for known, _ in self._service.timers)
            table = Table(self._stores[state.name], self._codec, state.wire(self.settings), timed=timed)
            table.activate()
            self._tables[state.name] = table

    @property
    def now(self) -> datetime:
        """Return the time of the harness."""
        return self.clock.now()

    def put(
        self,
        topic: Topic,
        record: Record,
        *,
        time: datetime | None = None,
        sequence: int | None = None,
        id: str | None = None,
        area_code: str | None = None,
        traceparent: str | None = None,
        correlation_id: str | None = None,
    ) -> list[Event[Any]]:
        """Deliver one event and return what the service published because of it, feedback and due timers included.

        `time` is when it happened (default: now); without `id` it gets one of its own.
        """
        event: Event[Any] = Event(
            data=record,
            id=id or event_id("harness", record.FULL_NAME, len(self._inputs)),
            type=record.FULL_NAME,
            source="/test/harness",
            time=time or self.now,
            key=topic.key_of(record),
            sequence=sequence,
            area_code=area_code,
            traceparent=traceparent,
            correlation_id=correlation_id,
            topic=topic.wire(self.settings.tier, self.settings.world),
        )
        self._inputs.append(event)
        before = len(self.published)
        self._deliver(event)
        return self.published[before:]

    def redeliver(self, count: int | None = None) -> list[Event[Any]]:
        """Deliver the last `count` inputs (default: all) again, unchanged, and return what was published."""
        before = len(self.published)
        for event in self._inputs[-count:] if count else list(self._inputs):
            self._deliver(event)
        return self.published[before:]

    def advance(self, to: datetime | timedelta) -> list[Event[Any]]:
        """Move the clock to a time, or by a span, firing each timer at its time; return what was published."""
        end = self.now + to if isinstance(to, timedelta) else to
        before = len(self.published)
        while (due := self._next_due()) is not None and due <= end:
            self.clock.set(max(self.now, due))
            self._fire_due()
        self.clock.set(max(self.now, end))
        return self.published[before:]

    def of(self, record: type[R]) -> list[Event[R]]:
        """Return the published events of one record type."""
        return [cast("Event[R]", event) for event in self.published if isinstance(event.data, record)]

    def state(self, state: State[S], key: str) -> S | None:
        """Return the present state of a key."""
        return cast("S | None", self._tables[state.name].get(key).state)

    def states(self, state: State[S]) -> dict[str, S]:
        """Return every key that has a state."""
        keys = [key.decode() for key, _ in self._stores[state.name].items()]
        found = {key: self.state(state, key) for key in keys}
        return {key: record for key, record in found.items() if record is not None}

    def timers(self, state: State[Any], key: str) -> dict[str, datetime]:
        """Return the armed timers of a key and when they are due."""
        return {name: from_ms(timer.due) for name, timer in self._tables[state.name].get(key).timers.items()}

    def durable(self) -> dict[str, dict[bytes, bytes]]:
        """Return every changelog's content by state name: what a restart would find."""
        return {name: dict(store.items()) for name, store in self._stores.items()}

    def _deliver(self, event: Event[Any]) -> None:
        queue = deque([event])
        while queue:
            event = queue.popleft()
            queue.extend(self._handle(event))
            if self._duplicates:
                queue.extend(self._handle(event, again=True))
            if self._restarts:
                self.restart()
        self._fire_due()

    def _plan(self, event: Event[Any]) -> Plan | None:
        topic = self._topics.get(event.topic)
        return self._topology.plans[topic.name].get(event.data.FULL_NAME) if topic else None

    def _handle(self, event: Event[Any], *, again: bool = False) -> list[Event[Any]]:
        plan = self._plan(event)
        if plan is None:
            return []
        event = self._through_wire(event.topic, self._codec.encode(event.topic, event.data), headers_of(event))
        group = self._topology.groups[self._topology.group_of(plan.topic.name)]
        tables = [self._tables[state.name] for state in group.states]
        back = self._settle(event, lambda: self._processor.on_event(plan, event, tables), None)
        if again and any(table.touched for table in tables):
            self.redone.append(event)
        self._commit()
        return back

    def _settle(
        self, cause: Event[Any] | str, work: Callable[[], Effect], drop: Callable[[], None] | None
    ) -> list[Event[Any]]:
        """Apply an effect and return the outputs that the service itself consumes."""
        outputs: list[Output] = []
        try:
            effect = work()
            effect.apply()
            outputs = effect.outputs
            self.fenced += effect.fenced
        except Exception as error:
            if self._strict:
                raise
            self.failures.append(Failure(cause, error))
            if drop:
                drop()
        events = [self._through_wire(output.topic, output.value, output.headers) for output in outputs]
        self.published.extend(events)
        return [event for event in events if self._plan(event)]

    def _commit(self) -> None:
        for name, table in self._tables.items():
            self._stores[name].apply(table.changes())
            table.committed()

    def _through_wire(self, topic: str, value: bytes, headers: list[tuple[str, bytes]]) -> Event[Any]:
        at = int(self.now.timestamp() * 1000)
        return event_from(self._codec.decode(value), headers, topic=topic, partition=0, offset=0, timestamp_ms=at)

    def _next_due(self) -> datetime | None:
        dues = [due for table in self._tables.values() if (due := table.schedule.next_due()) is not None]
        return from_ms(min(dues)) if dues else None

    def _fire_due(self) -> None:
        fired = True
        while fired:
            fired = False
            for state in self._service.states:
                due = self._tables[state.name].pop_due(to_ms(self.now))
                if due is not None:
                    fired = True
                    self._fire(state, *due)

    def _fire(self, state: State[Any], key: str, name: str, due: int) -> None:
        table = self._tables[state.name]
        back = self._settle(
            f"{state.name} {key} {name}",
            lambda: self._processor.on_timer(state, table, key, name, due),
            lambda: self._processor.drop_timer(table, key, name),
        )
        self._commit()
        for event in back:
            self._deliver(event)
        if self._restarts:
            self.restart()
