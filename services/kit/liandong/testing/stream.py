"""StreamHarness: a StreamService in memory, on a clock that the test moves. Same handlers, envelopes and ids, no Kafka.

One partition, one event at a time; every effect passes through bytes and headers as in production.
"""

from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast

import msgspec
from liandong_contracts.base import Record, Topic
from liandong_contracts.kit import HeldHeader, HeldRecord, SubjectKey

from liandong import wire
from liandong.clock import ManualClock
from liandong.contracts import known_records
from liandong.event import Event, event_from, headers_of
from liandong.ids import event_id
from liandong.privacy.keyring import MemoryKeys
from liandong.settings import Settings
from liandong.stream.api import State, StreamService
from liandong.stream.deadletters import HANDLER_FAILED
from liandong.stream.held import HeldMessage, Lot, Place, place_of
from liandong.stream.letters import letters_wire
from liandong.stream.outputs import Node, Output
from liandong.stream.processor import Effect, Processor
from liandong.stream.tables import Codec, Table
from liandong.stream.timers import from_ms, to_ms
from liandong.stream.topology import Plan, topology_of
from liandong.telemetry.tracing import Tracing
from liandong.testing.memory import DictStore, MemoryCodec
from liandong.testing.privacy import memory_privacy

R = TypeVar("R", bound=Record)
S = TypeVar("S", bound=Record)

START = datetime(2031, 7, 20, 12, 0, tzinfo=UTC)


def _codec_for(service: StreamService) -> Codec:
    """Return Avro for generated records, plain frames for hand-made ones."""
    records = [state.record for state in service.states] + [handler.record for handler in service.handlers]
    return (
        wire.Codec(wire.LocalIds())
        if all(known_records().get(kind.FULL_NAME) is kind for kind in records)
        else MemoryCodec()
    )


class Failure(msgspec.Struct, frozen=True):
    """What a dead letter would hold: the cause (an event, or a timer's name) and the error."""

    cause: Event[Any] | str
    error: Exception


def _held(event: Event[Any], value: bytes, offset: int, at: datetime) -> HeldRecord:
    """Return an event as the message that it is on the wire."""
    headers = tuple(HeldHeader(name=name, value=text) for name, text in headers_of(event))
    return HeldRecord(
        topic=event.topic,
        partition=0,
        offset=offset,
        timestamp=at,
        key=event.key.encode(),
        value=value,
        headers=headers,
    )


class StreamHarness:
    """Runs one service. `published` holds every event it emitted, in order.

    strict: a handler's exception fails the test; otherwise it is kept in `failures` and the event among `letters`.
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
        self.keys = MemoryKeys()
        self._strict, self._duplicates, self._restarts = strict, duplicates, restarts
        self._topology = topology_of(service)
        self._stores = {state.name: DictStore() for state in service.states}
        self._tables: dict[str, Table] = {}
        self._letters: dict[bytes, bytes] = {}
        self._offset = 0
        self._inputs: list[Event[Any]] = []
        node = Node(self.settings.tier, self.settings.world, self.settings.area_code)
        changelogs = {state.name: state.wire(self.settings) for state in service.states}
        tracing = Tracing(service.name, self.settings)
        self._processor = Processor(
            service,
            self._codec,
            node,
            self.clock,
            tracing,
            changelogs,
            refs if refs is not None else service.refs,
            memory_privacy(service.name, self.keys),
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
        parking = frozenset(wire for wire, topic in self._topics.items() if topic.park)
        held = [cast("HeldRecord", self._codec.decode(value)) for value in self._letters.values()]
        self._lot = Lot(held, self._codec, letters_wire(self.settings, self._service.name), parking)

    @property
    def letters(self) -> list[Place]:
        """Return the places (topic on the wire, partition, offset) of the open dead letters, oldest first."""
        return [place_of(letter) for letter in self._lot.letters]

    @property
    def waiting(self) -> int:
        """Return how many events wait behind a dead letter of their key."""
        return self._lot.waiting

    def replay(self, place: Place) -> list[Event[Any]]:
        """Have an open dead letter handled again, then what waited behind it; return what was published."""
        letter = self._lot.letter(place)
        before = len(self.published)
        if letter is not None:
            self._take_held(letter, ordered=True)
            self._drain()
        return self.published[before:]

    def skip(self, place: Place) -> list[Event[Any]]:
        """Give an open dead letter up, then handle what waited behind it; return what was published."""
        before = len(self.published)
        if self._lot.letter(place) is not None:
            self._lot.release(place)
            self._commit()
            self._drain()
        return self.published[before:]

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
        self._offset += 1
        record = _held(event, self._codec.encode(event.topic, event.data), self._offset, self.now)
        if self._lot.holds(event.topic, record.key):
            self._lot.park(HeldMessage(record))
            self._commit()
            return []
        return self._take(record, plan, again=again)

    def _take(self, record: HeldRecord, plan: Plan, *, again: bool = False, ordered: bool = False) -> list[Event[Any]]:
        """Handle one message; `ordered`: a replay by a person's order. Returns what the service itself consumes."""
        message = HeldMessage(record)
        event = self._through_wire(record.topic, record.value or b"", message.headers())
        group = self._topology.groups[self._topology.group_of(plan.topic.name)]
        tables = [self._tables[state.name] for state in group.states]
        failed = len(self.failures)
        back = self._settle(
            event,
            lambda: self._processor.on_event(plan, event, tables, again=ordered),
            lambda: self._lot.bury(message, HANDLER_FAILED),
        )
        if len(self.failures) == failed:
            self._lot.release(place_of(record))
        if again and any(table.touched for table in tables):
            self.redone.append(event)
        self._commit()
        return back

    def _take_held(self, record: HeldRecord, *, ordered: bool) -> None:
        plans = self._topology.plans[self._topics[record.topic].name]
        plan = plans[self._codec.decode(record.value or b"").FULL_NAME]
        for event in self._take(record, plan, ordered=ordered):
            self._deliver(event)

    def _drain(self) -> None:
        while free := self._lot.next_free(1):
            self._take_held(free[0], ordered=False)

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
        events = [self._through_wire(o.topic, o.value, o.headers) for o in outputs if not self._take_key(o)]
        self.published.extend(events)
        return [event for event in events if self._plan(event)]

    def _take_key(self, output: Output) -> bool:
        """Keep a data key; say whether the output was one."""
        record = None if output.headers else self._codec.decode(output.value)
        if isinstance(record, SubjectKey):
            self.keys.add(record)
        return record is not None

    def _commit(self) -> None:
        for name, table in self._tables.items():
            self._stores[name].apply(table.changes())
            table.committed()
        for key, value in self._lot.changes():
            if value is None:
                self._letters.pop(key, None)
            else:
                self._letters[key] = value
        self._lot.committed()

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
