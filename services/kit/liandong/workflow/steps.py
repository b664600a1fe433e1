"""The kinds of step: event, parked event, timer, command, answer. Each begins with the check that makes it happen once.

A step runs inside a `Unit`; `fail` writes what is left of one whose handler raised; `done` tells the waiting caller
after the commit.
"""

import json
from concurrent.futures import Future, InvalidStateError
from contextlib import ExitStack
from datetime import timedelta
from typing import Any, Protocol

import msgspec
import sqlalchemy as sa
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.message import Message
from liandong_contracts.base import Record

from liandong import ids
from liandong.errors import DecodeError
from liandong.event import Event, Headers, event_from
from liandong.privacy.scrub import scrubbed
from liandong.telemetry.tracing import Kind
from liandong.workflow import parked, tables
from liandong.workflow.binding import Binding, EventRoute
from liandong.workflow.model import Answer, Cause, Command, Delivery, Timer, TooEarly
from liandong.workflow.unit import Unit, micros, moment
from liandong.workflow.work import Work

HANDLER_FAILED = "HANDLER_FAILED"
decode_cause = msgspec.msgpack.Decoder(Cause).decode


class Step(Protocol):
    """One thing to do in a transaction."""

    def run(self, unit: Unit) -> None:
        """Do it; whatever is raised undoes it."""
        ...

    def fail(self, unit: Unit, error: Exception) -> None:
        """Write the dead letter of a step that raised `error`, if it has one."""
        ...

    def done(self) -> None:
        """Take note that the transaction is committed."""
        ...


class CommandRefused(ValueError):
    """A command that cannot be handled at all: no request id, or an id that belongs to another command."""


def handle(binding: Binding, unit: Unit, cause: Cause, name: str, kind: Kind, handler: Any, subject: Any) -> Any:
    """Call a handler with its subject and a fresh `Work`, inside a span when the chain is recorded.

    A cause without trace context begins a chain.
    """
    with ExitStack() as stack:
        if cause.traceparent:
            attributes = {"liandong.cause": cause.event_id}
            step = stack.enter_context(binding.tracing.step(name, cause.traceparent, kind, attributes))
        else:
            step = stack.enter_context(binding.tracing.root(name, cause.id, kind))
        cause = msgspec.structs.replace(cause, traceparent=step.traceparent)
        return handler(subject, Work(binding, unit, cause, name, stack))


class EventStep:
    """One record from Kafka."""

    def __init__(self, binding: Binding, delivery: Delivery) -> None:
        self._binding = binding
        self.delivery = delivery
        self.event: Event[Record] | None = None
        self.error: DecodeError | None = None
        self._route: EventRoute | None = None
        self._read(delivery)

    def _read(self, delivery: Delivery) -> None:
        """Decode outside the transaction; a type without handler is not decoded at all."""
        if delivery.value is None:
            return  # the end of a key on a compacted topic
        kind = next((value for name, value in delivery.headers if name == "ce_type"), b"").decode("utf-8", "replace")
        self._route = self._binding.events.get((delivery.topic, kind))
        if self._route is None and kind:
            return
        try:
            record = self._binding.codec.decode(delivery.value)
            self.event = event_from(
                record,
                delivery.headers,
                topic=delivery.topic,
                partition=delivery.partition,
                offset=delivery.offset,
                timestamp_ms=delivery.timestamp_ms,
            )
            if self._route is not None and not isinstance(record, self._route.record):
                raise DecodeError("BAD_ENVELOPE", f"ce_type {kind} but the value is {record.FULL_NAME}")
        except DecodeError as error:
            self.error = error

    def __repr__(self) -> str:
        return f"event {self.delivery.topic}/{self.delivery.partition}@{self.delivery.offset}"

    def run(self, unit: Unit) -> None:
        """Hand the event to its handler unless the fence has seen it or its key is held up."""
        if self.error is None and (self.event is None or self._route is None):
            return
        event_id = None if self.event is None else self.event.id
        if event_id is not None and event_id in unit.parked_ids:
            unit.fenced += 1
        elif parked.key_of(self.delivery) in unit.held:
            parked.park(unit, self.delivery, event_id, parked.WAITING, "", blocks=True)
        elif self.error is not None:
            self._dead(unit, self.error.reason, self.error)
            self._keep(unit, self.error.reason, self.error)
        elif self.event is not None and not unit.passes(self.event):
            unit.fenced += 1
        else:
            self._handle(unit)

    def _handle(self, unit: Unit) -> None:
        event, route = self.event, self._route
        if event is None or route is None:
            return
        cause = Cause(
            id=event.id,
            event_id=event.id,
            correlation_id=event.correlation_id or event.id,
            traceparent=event.traceparent or "",
            area_code=event.area_code,
            mode=event.mode,
            drill_id=event.drill_id,
        )
        name = f"{self._binding.service} {event.type.rpartition('.')[2]}"
        handle(self._binding, unit, cause, name, "consumer", route.run, event)
        unit.handled.append(event)

    def fail(self, unit: Unit, error: Exception) -> None:
        """Park an event that came too early; send any other to the dead letters and keep it for a decision."""
        if isinstance(error, TooEarly):
            event_id = None if self.event is None else self.event.id
            parked.park(unit, self.delivery, event_id, parked.TOO_EARLY, str(error), blocks=True, due=True)
        else:
            self._dead(unit, HANDLER_FAILED, error)
            self._keep(unit, HANDLER_FAILED, error)

    def _keep(self, unit: Unit, reason: str, error: Exception) -> None:
        event_id = None if self.event is None else self.event.id
        blocks = self.delivery.topic in self._binding.parking
        parked.park(unit, self.delivery, event_id, reason, f"{type(error).__name__}: {error}", blocks=blocks)

    def _dead(self, unit: Unit, reason: str, error: Exception) -> None:
        d = self.delivery
        headers: Headers = [
            *d.headers,
            *dead_letter_headers(self._binding, unit, reason, error),
            ("dl_topic", d.topic.encode()),
            ("dl_partition", str(d.partition).encode()),
            ("dl_offset", str(d.offset).encode()),
        ]
        if not unit.is_out(f"{d.topic}/{d.partition}@{d.offset}"):
            unit.output(self._binding.dead_letters, d.key, d.value, headers)

    def done(self) -> None:
        """Nobody waits for an event."""


class ParkedStep(EventStep):
    """One parked event whose turn has come."""

    def __init__(self, binding: Binding, row: sa.Row[Any]) -> None:
        super().__init__(binding, parked.delivery_of(row))
        self._row = row

    def run(self, unit: Unit) -> None:
        """Handle it and take it off the table, unless the one before it is stuck again."""
        if (self._row.topic, self._row.key) in unit.stuck:
            return
        if self.error is not None:
            self.fail(unit, self.error)
            return
        if not parked.settled(unit.connection, self._row, micros(unit.now)):
            return  # another worker or a person was faster
        if self.event is not None and (unit.passes(self.event) or not self._row.blocks):
            self._handle(unit)  # what does not block lets later sequences pass: its own is behind the fence by now

    def fail(self, unit: Unit, error: Exception) -> None:
        """Try it later, or keep it for a decision."""
        unit.stuck.add((self._row.topic, self._row.key))
        since = unit.now - moment(self._row.since_us)
        if isinstance(error, TooEarly) and since < timedelta(hours=self._binding.settings.workflow_early_h):
            parked.again(unit, self._row, str(error))
            return
        reason = parked.TOO_EARLY if isinstance(error, TooEarly) else HANDLER_FAILED
        if self._row.reason in (parked.WAITING, parked.TOO_EARLY):
            self._dead(unit, reason, error)  # once: a replay that fails again is the same dead letter
        blocks = self.delivery.topic in self._binding.parking
        parked.stay(unit, self._row, reason, f"{type(error).__name__}: {error}", blocks=blocks)


class TimerStep:
    """One due timer, as read in this transaction."""

    def __init__(self, binding: Binding, row: sa.Row[Any]) -> None:
        self._binding = binding
        self._row = row
        self.timer = Timer(row.kind, row.key, moment(row.due_us), row.data)

    def __repr__(self) -> str:
        return f"timer {self.timer.kind} of {self.timer.key}"

    def run(self, unit: Unit) -> None:
        """Fire it, unless an earlier step of this transaction cancelled or moved it."""
        at = (self.timer.kind, self.timer.key)
        if at in unit.timers:
            return
        unit.timers[at] = None
        name = f"{self._binding.service} timer {self.timer.kind}"
        handler = self._binding.timers.get(self.timer.kind)
        if handler is None:
            raise LookupError(f"no handler for timers of kind {self.timer.kind!r}")
        handle(self._binding, unit, decode_cause(self._row.cause), name, "internal", handler, self.timer)

    def fail(self, unit: Unit, error: Exception) -> None:
        """Remove the timer and leave a dead letter with its data."""
        unit.timers[self.timer.kind, self.timer.key] = None
        body = {
            "kind": self.timer.kind,
            "key": self.timer.key,
            "due": self.timer.due.isoformat(),
            "data": self.timer.data,
        }
        headers = [
            *dead_letter_headers(self._binding, unit, HANDLER_FAILED, error),
            ("dl_timer", self.timer.kind.encode()),
        ]
        unit.output(self._binding.dead_letters, self.timer.key.encode(), json.dumps(body).encode(), headers)

    def done(self) -> None:
        """Nobody waits for a timer."""


class CommandStep:
    """One request; its reply is stored under the request id, so the same request gets the same reply."""

    def __init__(self, binding: Binding, request: Message, actor: str | None, traceparent: str | None) -> None:
        self._binding = binding
        self._request = request
        self._actor = actor
        self._traceparent = traceparent
        self._reply: Message | None = None
        self.future: Future[Message] = Future()
        self.error: Exception | None = None

    def __repr__(self) -> str:
        return f"command {self._request.DESCRIPTOR.full_name}"

    def run(self, unit: Unit) -> None:
        """Return the stored reply, or handle the request and store the reply."""
        self.error = None
        name = self._request.DESCRIPTOR.full_name
        request_id: str = self._request.request_id  # type: ignore[attr-defined]
        route = self._binding.commands[name]
        stored = unit.connection.execute(
            sa.select(tables.command).where(tables.command.c.request_id == request_id)
        ).one_or_none()
        if stored is not None:
            if stored.name != name:
                raise CommandRefused(f"request id {request_id} belongs to {stored.name}")
            self._reply = route.reply.FromString(stored.reply)
            return
        reply = self._handle(unit, route.run, name, request_id)
        values = {"request_id": request_id, "name": name, "reply": reply.SerializeToString(), "at_us": micros(unit.now)}
        unit.connection.execute(tables.command.insert(), values)
        self._reply = reply

    def _handle(self, unit: Unit, handler: Any, name: str, request_id: str) -> Message:
        identity = ids.event_id(request_id, name, 0)
        cause = Cause(identity, identity, identity, self._traceparent or "", actor=self._actor)
        command = Command(self._request, self._actor)
        step = f"{self._binding.service} {name.rpartition('.')[2]}"
        reply: Message = handle(self._binding, unit, cause, step, "internal", handler, command)
        return reply

    def fail(self, unit: Unit, error: Exception) -> None:
        """Keep the error for the caller; nothing is stored, so the request may be sent again."""
        self.error = error

    def done(self) -> None:
        """Answer the caller."""
        if self.error is not None:
            settle(self.future, error=self.error)
        else:
            settle(self.future, self._reply)


class AnswerStep:
    """What came of a `work.call`; its row in the calls table makes it happen once."""

    def __init__(self, binding: Binding, call_id: str, reply: bytes | None, error: str | None) -> None:
        self._binding = binding
        self.call_id = call_id
        self._reply = reply
        self._error = error
        self.future: Future[None] = Future()

    def __repr__(self) -> str:
        return f"answer to call {self.call_id}"

    def run(self, unit: Unit) -> None:
        """Hand the answer to its handler, unless the call has been answered before."""
        where = tables.call.c.id == self.call_id
        row = unit.connection.execute(sa.select(tables.call).where(where)).one_or_none()
        if row is None:
            return
        unit.connection.execute(sa.delete(tables.call).where(where))
        reply = None if self._reply is None else message_type(row.reply_type).FromString(self._reply)
        answer: Answer[Message] = Answer(row.method, reply, self._error, row.data)
        name = f"{self._binding.service} answer {row.then}"
        handler = self._binding.answers[row.then]
        handle(self._binding, unit, decode_cause(row.cause), name, "internal", handler, answer)

    def fail(self, unit: Unit, error: Exception) -> None:
        """Remove the call and leave a dead letter with the reply's bytes."""
        unit.connection.execute(sa.delete(tables.call).where(tables.call.c.id == self.call_id))
        headers = [*dead_letter_headers(self._binding, unit, HANDLER_FAILED, error), ("dl_call", self.call_id.encode())]
        unit.output(self._binding.dead_letters, self.call_id.encode(), self._reply, headers)

    def done(self) -> None:
        """Tell the caller thread that the answer is on record."""
        settle(self.future, None)


def settle(future: Future[Any], result: object = None, *, error: BaseException | None = None) -> None:
    """Resolve a future whose waiter may have gone away."""
    try:
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)
    except InvalidStateError:
        return  # cancelled by its waiter


def message_type(full_name: str) -> type[Message]:
    """Return the class of a protobuf message whose module is loaded."""
    descriptor = descriptor_pool.Default().FindMessageTypeByName(full_name)
    return message_factory.GetMessageClass(descriptor)


def dead_letter_headers(binding: Binding, unit: Unit, reason: str, error: Exception) -> Headers:
    """Return the headers that say why something became a dead letter, and count it in the unit."""
    unit.dead.append(reason)
    detail = scrubbed(f"{type(error).__name__}: {error}")[:500]
    return [("dl_reason", reason.encode()), ("dl_error", detail.encode()), ("dl_service", binding.service.encode())]
