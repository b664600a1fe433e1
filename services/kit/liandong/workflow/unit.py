"""One SQL transaction: the open connection and everything that is written to the kit's tables when it ends.

Outputs, timers, sequences and fences are collected and written in few statements for the whole group. `mark` and
`undo` take a failed step's share back out, as the savepoint does for the service's rows.
"""

from collections.abc import Iterable
from copy import copy
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa
from liandong_contracts.base import Record

from liandong.event import Event, Headers
from liandong.workflow import tables
from liandong.workflow.sql import upsert

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO = timedelta(microseconds=1)
Keyed = tuple[str, str]

_SEQUENCE = sa.select(tables.sequence.c.last).where(
    tables.sequence.c.topic == sa.bindparam("topic"), tables.sequence.c.key == sa.bindparam("key")
)
_SEQUENCE_ROW = (tables.sequence, ("topic", "key"), ("topic", "key", "last"))
_FENCE_ROW = (tables.fence, ("topic", "key"), ("topic", "key", "last"))
_SEEN_ROW = (tables.seen, ("event_id",), ("event_id", "at_us"))
_TIMER_ROW = (tables.timer, ("kind", "key"), ("kind", "key", "due_us", "data", "cause"))
_DELETE_TIMER = sa.delete(tables.timer).where(
    tables.timer.c.kind == sa.bindparam("k"), tables.timer.c.key == sa.bindparam("y")
)

_TAKE_PUBLISHED = sa.delete(tables.published).where(tables.published.c.event_id == sa.bindparam("e"))


def micros(at: datetime) -> int:
    """Return microseconds since the epoch."""
    return (at - EPOCH) // _MICRO


def moment(us: int) -> datetime:
    """Return the moment of `us` microseconds since the epoch."""
    return EPOCH + timedelta(microseconds=us)


class Marks(msgspec.Struct):
    """How much of a unit existed when a step began."""

    outputs: int
    emitted: int
    handled: int
    calls: int
    timers: dict[Keyed, dict[str, Any] | None]
    sequences: dict[Keyed, int]
    given: dict[Keyed, int]
    fences: dict[Keyed, int]
    passed: dict[Keyed, int]
    seen: set[str]


class Unit:
    """The transaction of one group of steps."""

    def __init__(self, connection: sa.Connection, now: datetime) -> None:
        self.connection = connection
        self.now = now
        self.outputs: list[dict[str, Any]] = []
        self.emitted: list[Event[Record]] = []
        self.handled: list[Event[Record]] = []
        self.calls: list[dict[str, Any]] = []
        self.dead: list[str] = []
        self.fenced = 0
        self.anything_parked = False
        self.recovering = False  # some outputs may be out already
        self.held: set[Keyed] = set()  # keys whose events have to wait
        self.parked_ids: set[str | None] = set()  # of the events that are parked already
        self.stuck: set[Keyed] = set()  # keys whose first parked event failed again in this transaction
        self.timers: dict[Keyed, dict[str, Any] | None] = {}
        self._sequences: dict[Keyed, int] = {}
        self._given: dict[Keyed, int] = {}
        self._fences: dict[Keyed, int] = {}
        self._passed: dict[Keyed, int] = {}
        self._known: set[str] = set()
        self._seen: set[str] = set()

    def output(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        """Put one Kafka record into the outbox."""
        row = {"topic": topic, "key": key, "value": value, "headers": msgspec.msgpack.encode(headers)}
        self.outputs.append(row)

    def is_out(self, event_id: str) -> bool:
        """Say whether an output was published before the database was restored, and forget it."""
        if not self.recovering:
            return False
        return self.connection.execute(_TAKE_PUBLISHED, {"e": event_id}).rowcount == 1

    def next_sequence(self, topic: str, key: str) -> int:
        """Return the next `ce_sequence` of an own topic's key, beginning with 1."""
        at = (topic, key)
        last = self._sequences.get(at)
        if last is None:
            last = self.connection.scalar(_SEQUENCE, {"topic": topic, "key": key}) or 0
        self._sequences[at] = self._given[at] = last + 1
        return last + 1

    def load_fences(self, keys: Iterable[Keyed], event_ids: Iterable[str]) -> None:
        """Read the fences of a group's events in one go."""
        pairs, ids = sorted(set(keys)), sorted(set(event_ids))
        if pairs:
            t = tables.fence.c
            for topic, key, last in self.connection.execute(
                sa.select(t.topic, t.key, t.last).where(sa.tuple_(t.topic, t.key).in_(pairs))
            ):
                self._fences[topic, key] = last
        if ids:
            rows = self.connection.execute(sa.select(tables.seen.c.event_id).where(tables.seen.c.event_id.in_(ids)))
            self._known.update(rows.scalars())

    def passes(self, event: Event[Record]) -> bool:
        """Say whether an event is new, and remember it: by its sequence, else by its id."""
        if event.sequence is None:
            if event.id in self._known:
                return False
            self._known.add(event.id)
            self._seen.add(event.id)
            return True
        at = (event.topic, event.key)
        if event.sequence <= self._fences.get(at, 0):
            return False
        self._fences[at] = self._passed[at] = event.sequence
        return True

    def mark(self) -> Marks:
        """Note how far the unit got, before a step that may fail."""
        return Marks(
            len(self.outputs), len(self.emitted), len(self.handled), len(self.calls), copy(self.timers),
            copy(self._sequences), copy(self._given), copy(self._fences), copy(self._passed), copy(self._seen),
        )  # fmt: skip

    def undo(self, marks: Marks) -> None:
        """Take out what was added since `marks`."""
        del self.outputs[marks.outputs :], self.emitted[marks.emitted :]
        del self.handled[marks.handled :], self.calls[marks.calls :]
        self.timers, self._sequences, self._given = marks.timers, marks.sequences, marks.given
        self._fences, self._passed = marks.fences, marks.passed
        self._known -= self._seen - marks.seen
        self._seen = marks.seen

    def flush(self) -> None:
        """Write everything collected; the last thing before the commit."""
        run, dialect = self.connection.execute, self.connection.dialect.name
        if self._passed:
            run(upsert(dialect, *_FENCE_ROW), [{"topic": t, "key": k, "last": n} for (t, k), n in self._passed.items()])
        if self._seen:
            at = micros(self.now)
            run(upsert(dialect, *_SEEN_ROW), [{"event_id": event_id, "at_us": at} for event_id in self._seen])
        if self._given:
            run(
                upsert(dialect, *_SEQUENCE_ROW),
                [{"topic": t, "key": k, "last": n} for (t, k), n in self._given.items()],
            )
        gone = [{"k": kind, "y": key} for (kind, key), row in self.timers.items() if row is None]
        if gone:
            run(_DELETE_TIMER, gone)
        armed = [row for row in self.timers.values() if row is not None]
        if armed:
            run(upsert(dialect, *_TIMER_ROW), armed)
        if self.calls:
            run(tables.call.insert(), self.calls)
        if self.outputs:
            run(tables.outbox.insert(), self.outputs)
