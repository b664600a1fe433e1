"""Work: everything that a handler may do. All of it happens in one SQL transaction, or not at all.

A handler must not reach outside: no sleeping, no remote call, no clock and no chance of its own, for it may run again.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from functools import cache
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa
from google.protobuf.message import Message
from liandong_contracts import topics
from liandong_contracts.base import Record, Topic

from liandong import ids
from liandong.event import Event, headers_of
from liandong.privacy.audit import viewed
from liandong.privacy.fields import walk_of
from liandong.privacy.grants import key_topic
from liandong.privacy.sealed import Clear, Sealed
from liandong.privacy.sealing import Sealing
from liandong.workflow.binding import Binding
from liandong.workflow.model import Cause
from liandong.workflow.sql import upsert
from liandong.workflow.unit import Unit, micros

R = TypeVar("R", bound=Record)
_SEQUENCED = ("fact", "state")
_MIN_CALL_S = 1.0  # real seconds: other services do not answer faster because the world's clock does


class Work:
    """The unit of work of one handler call."""

    def __init__(self, binding: Binding, unit: Unit, cause: Cause, step: str, stack: ExitStack) -> None:
        self._binding = binding
        self._unit = unit
        self._cause = cause
        self._step = step
        self._stack = stack
        self._counts: Counter[str] = Counter()
        self._sealing: Sealing | None = None
        self.conn: sa.Connection = unit.connection
        self.now: datetime = unit.now
        self.refs: Any = binding.refs
        self.traceparent: str = cause.traceparent

    # ---- rows

    def one(self, table: sa.Table, **equals: object) -> sa.Row[Any] | None:
        """Return the row whose columns equal these values, or None; an error when there are several."""
        names, nulls, bound = _split(equals)
        return self.conn.execute(_select(table, names, nulls), bound).one_or_none()

    def all(self, query: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
        """Return the rows of a query."""
        return self.conn.execute(query).all()

    def insert(self, table: sa.Table, **values: object) -> None:
        """Add a row."""
        self.conn.execute(sa.insert(table), values)

    def upsert(self, table: sa.Table, keys: Sequence[str], **values: object) -> None:
        """Add a row, or replace the given columns of the row with the same keys."""
        self.conn.execute(upsert(self.conn.dialect.name, table, tuple(keys), tuple(values)), values)

    def update(self, table: sa.Table, where: Mapping[str, object], **values: object) -> int:
        """Change the rows whose columns equal `where`; return how many."""
        names, nulls, bound = _split(where)
        new = {f"v_{name}": value for name, value in values.items()}
        return self.conn.execute(_update(table, names, nulls, tuple(values)), bound | new).rowcount

    def delete(self, table: sa.Table, **equals: object) -> int:
        """Remove the rows whose columns equal these values; return how many."""
        names, nulls, bound = _split(equals)
        return self.conn.execute(_delete(table, names, nulls), bound).rowcount

    # ---- effects

    def emit(
        self,
        topic: Topic,
        record: R,
        *,
        time: datetime | None = None,
        area_code: str | None = None,
        traceparent: str | None = None,
    ) -> Event[R]:
        """Publish an event after the commit, exactly once and in order; return it, its personal values sealed.

        `time` is when it happened (default: now). Raises ValueError for a topic that is not this service's to write.
        """
        self._binding.may_write(topic, record)
        if walk_of(type(record)) is not None:
            record = self._sealed(record)
        return self._publish(topic, record, time, area_code, traceparent)

    def _publish(
        self, topic: Topic, record: R, time: datetime | None, area_code: str | None, traceparent: str | None
    ) -> Event[R]:
        name, cause, settings = record.FULL_NAME, self._cause, self._binding.settings
        wire = self._binding.wire(topic)
        key = topic.key_of(record)
        event_id = ids.event_id(cause.id, name, self._count(name))
        out = self._unit.is_out(event_id)  # then it has its number already
        event: Event[R] = Event(
            data=record,
            id=event_id,
            type=name,
            source=f"/{settings.area_code}/{self._binding.service}",
            time=time or self.now,
            key=key,
            sequence=self._unit.next_sequence(wire, key) if topic.kind in _SEQUENCED and not out else None,
            area_code=area_code or cause.area_code or settings.area_code,
            correlation_id=cause.correlation_id,
            causation_id=cause.event_id,
            mode=cause.mode,
            drill_id=cause.drill_id,
            actor=cause.actor,
            traceparent=traceparent or self.traceparent or None,
            topic=wire,
        )
        if not out:
            self._unit.output(wire, key.encode(), self._binding.codec.encode(wire, record), headers_of(event))
            self._unit.emitted.append(event)
        return event

    def clear(self, *values: str, purpose: str, actor: str, about: str = "", case_id: str | None = None) -> list[Clear]:
        """Return sealed values in the clear, with an audit record in the same transaction.

        `about` is where they are (topic and event id, table and row), `case_id` the case that justifies it. A value
        that was erased, altered or moved is the mask. Raises PermissionError when no topic's file grants it, ValueError
        without purpose or actor.
        """
        self.audit(values, purpose=purpose, actor=actor, about=about, case_id=case_id)
        return [self._binding.personal.open(value) for value in values]

    def audit(
        self, values: Sequence[str], *, purpose: str, actor: str, about: str = "", case_id: str | None = None
    ) -> None:
        """Put on record that these sealed values are about to be read; parameters and errors are those of `clear`."""
        granted: list[Sealed] = [each for value in values if (each := self._binding.personal.granted(value))]
        for record in viewed(granted, purpose=purpose, actor=actor, about=about, case_id=case_id, at=self.now):
            self._publish(topics.PLATFORM_AUDIT_REQUEST, record, None, None, None)  # who has the grant may say so

    def after(
        self,
        kind: str,
        key: str,
        *,
        at: datetime | None = None,
        delay: timedelta | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> datetime:
        """Set the timer (kind, key) to fire at a moment or after a delay; one that is set already is moved.

        Returns the moment. `data` must be JSON values.
        """
        if (at is None) == (delay is None):
            raise ValueError("a timer needs either a moment (at=) or a delay (delay=)")
        if kind not in self._binding.timers:
            raise ValueError(f"{self._binding.service} has no timer of kind {kind!r}")
        due = at if at is not None else self.now + (delay or timedelta())
        cause = self._derived(f"timer/{kind}/{key}")
        row = {"kind": kind, "key": key, "due_us": micros(due), "data": dict(data or {}), "cause": _packed(cause)}
        self._unit.timers[kind, key] = row
        return due

    def cancel(self, kind: str, key: str) -> None:
        """Take the timer (kind, key) back; nothing happens when it is not set."""
        self._unit.timers[kind, key] = None

    def call(
        self,
        method: str,
        request: Message,
        reply_type: type[Message],
        *,
        then: str,
        deadline: timedelta,
        data: Mapping[str, Any] | None = None,
    ) -> str:
        """Ask another service after the commit; the answer handler `then` gets the reply or the error, exactly once.

        `method` is "package.Service/Method". `deadline` runs on the world's clock but is at least a second of real
        time. Returns the call's id, which the other service sees as metadata `request-id`.
        """
        if then not in self._binding.answers:
            raise ValueError(f"{self._binding.service} has no answer handler {then!r}")
        cause = self._derived(f"call/{method}")
        row = {
            "id": cause.id,
            "method": method,
            "request": request.SerializeToString(deterministic=True),
            "reply_type": reply_type.DESCRIPTOR.full_name,
            "then": then,
            "due_us": micros(self.now + self._at_least(deadline)),
            "data": dict(data or {}),
            "cause": _packed(cause),
        }
        self._unit.calls.append(row)
        return cause.id

    # ---- identity and trace

    def new_id(self, kind: str, area6: str) -> str:
        """Return a new aggregate id, `<area6>-<kind>-<yyyymmdd>-<8 base32>`, the same when the handler runs again."""
        index = self._count(f"id/{kind}")
        return ids.aggregate_id(area6, kind, self.now, f"{self._cause.id}/{index}" if index else self._cause.id)

    def continue_trace(self, traceparent: str | None, *, correlation_id: str | None = None) -> None:
        """Go on in another chain: outputs from here on belong to the trace (and correlation) of a stored decision."""
        if traceparent:
            step = self._stack.enter_context(self._binding.tracing.step(self._step, traceparent, "internal"))
            self.traceparent = step.traceparent
        if correlation_id:
            self._cause = msgspec.structs.replace(self._cause, correlation_id=correlation_id)

    @property
    def correlation_id(self) -> str:
        """The id of the chain's first event, to be stored in rows that outlive this handler."""
        return self._cause.correlation_id

    @property
    def step_traceparent(self) -> str:
        """The trace context that outputs carry, to be stored in rows that outlive this handler."""
        return self.traceparent

    def _sealed(self, record: R) -> R:
        """Seal the personal values of a record; a new data key goes out before the event that needs it."""
        binding = self._binding
        if self._sealing is None:
            self._sealing = binding.personal.sealing(self._cause.id, self.now)
        sealed, keys = self._sealing.seal(record), key_topic(binding.service)
        for key in self._sealing.fresh():
            wire = binding.key_topic
            self._unit.output(wire, keys.key_of(key).encode(), binding.codec.encode(wire, key), [])
        return sealed

    def _derived(self, what: str) -> Cause:
        identity = ids.event_id(self._cause.id, what, self._count(what))
        return msgspec.structs.replace(self._cause, id=identity, traceparent=self.traceparent, actor=None)

    def _count(self, what: str) -> int:
        self._counts[what] += 1
        return self._counts[what] - 1

    def _at_least(self, deadline: timedelta) -> timedelta:
        real = self._binding.clock.seconds_until(self._binding.clock.now() + deadline)
        return deadline * (_MIN_CALL_S / real) if 0 < real < _MIN_CALL_S else deadline


def _packed(cause: Cause) -> bytes:
    return msgspec.msgpack.encode(cause)


@cache
def _select(table: sa.Table, names: tuple[str, ...], nulls: tuple[str, ...]) -> sa.Select[Any]:
    return sa.select(table).where(*_matches(table, names, nulls))


@cache
def _update(table: sa.Table, names: tuple[str, ...], nulls: tuple[str, ...], values: tuple[str, ...]) -> sa.Update:
    new: dict[str, sa.BindParameter[Any]] = {name: sa.bindparam(f"v_{name}") for name in values}
    return sa.update(table).where(*_matches(table, names, nulls)).values(new)


@cache
def _delete(table: sa.Table, names: tuple[str, ...], nulls: tuple[str, ...]) -> sa.Delete:
    return sa.delete(table).where(*_matches(table, names, nulls))


def _matches(table: sa.Table, names: tuple[str, ...], nulls: tuple[str, ...]) -> list[sa.ColumnElement[bool]]:
    equal = [table.c[name] == sa.bindparam(f"w_{name}") for name in names]
    return equal + [table.c[name].is_(None) for name in nulls]


def _split(where: Mapping[str, object]) -> tuple[tuple[str, ...], tuple[str, ...], dict[str, object]]:
    """Return the names compared with a value, the names that must be NULL, and the values to bind."""
    names = tuple(name for name, value in where.items() if value is not None)
    nulls = tuple(name for name, value in where.items() if value is None)
    return names, nulls, {f"w_{name}": where[name] for name in names}
