"""Processor: runs handlers for one event or timer and works out the effect, all of it or none. It knows no Kafka.

An Effect is complete and encoded before anything is changed, so a handler or a value that fails leaves no trace.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from liandong_contracts.base import Record

from liandong.clock import Clock
from liandong.event import Event, headers_of
from liandong.stream.api import KEEP, REMEMBERED_IDS, Context, Due, Out, Outcome, State, StreamService
from liandong.stream.causes import Cause, cause_of, cause_of_timer
from liandong.stream.envelope import Cell, Timer, has_mark, mark_of
from liandong.stream.outputs import Node, Output, OutputMaker, sequence_name
from liandong.stream.tables import Table
from liandong.stream.timers import from_ms, to_ms
from liandong.stream.topology import Plan, Step
from liandong.telemetry.tracing import Tracing, is_recorded, record_now

MAX_RECORD_BYTES = 900_000
_RECENT_BYTES = 8 * REMEMBERED_IDS


class Codec(Protocol):
    """Records to framed bytes and back."""

    def encode(self, topic: str, record: Record) -> bytes:
        """Return the framed bytes of a record for a topic (name on the wire)."""
        ...

    def decode(self, value: bytes) -> Record:
        """Return the record of framed bytes. Raises DecodeError or Unavailable."""
        ...


class Effect:
    """What an event or timer leads to: cells to put and events to produce. `fenced`: how many states had seen it."""

    __slots__ = ("changes", "counts", "fenced", "outputs")

    def __init__(self) -> None:
        self.changes: list[tuple[Table, str, Cell]] = []
        self.outputs: list[Output] = []
        self.counts: dict[str, int] = {}
        self.fenced = 0

    def apply(self) -> None:
        """Put the changed cells; the caller produces the outputs in the same transaction."""
        for table, key, cell in self.changes:
            table.put(key, cell)


def is_fenced(cell: Cell, topic: str, event: Event[Any]) -> bool:
    """Say whether the cell has seen this event: by sequence where the topic's owner gives one, else by id."""
    if event.sequence is not None:
        return event.sequence <= cell.fences.get(topic, -1)
    return bool(cell.recent) and has_mark(cell.recent, mark_of(event.id))


def mark_seen(cell: Cell, topic: str, event: Event[Any]) -> None:
    """Remember in the (copied) cell that this event was handled."""
    if event.sequence is not None:
        cell.fences = {**cell.fences, topic: event.sequence}
    else:
        cell.recent = (cell.recent + mark_of(event.id))[-_RECENT_BYTES:]


class Processor:
    """Handles the events and timers of one service."""

    def __init__(
        self,
        service: StreamService,
        codec: Codec,
        node: Node,
        clock: Clock,
        tracing: Tracing,
        changelogs: dict[str, str],
        refs: Any = None,
    ) -> None:
        self._service = service.name
        self._timers = service.timers
        self._codec = codec
        self._clock = clock
        self._tracing = tracing
        self._changelogs = changelogs
        self._refs = refs
        self._maker = OutputMaker(service.name, node)

    def on_event(self, plan: Plan, event: Event[Any], tables: Sequence[Table]) -> Effect:
        """Run every handler of an event. Whatever a handler raises passes through; nothing has then been changed."""
        effect = Effect()
        if is_recorded(event.traceparent):
            for step in plan.steps:
                with self._tracing.step(step.name, event.traceparent) as span:
                    span.note(ce_id=event.id, topic=event.topic, partition=event.partition, offset=event.offset)
                    self._run(plan, step, event, tables, effect, span.traceparent)
        else:
            for step in plan.steps:
                self._run(plan, step, event, tables, effect, event.traceparent)
        return effect

    def _run(
        self,
        plan: Plan,
        step: Step,
        event: Event[Any],
        tables: Sequence[Table],
        effect: Effect,
        traceparent: str | None,
    ) -> None:
        ctx = Context(self._clock.now(), self._refs, event.id, event.time)
        if step.table is None or step.state is None:
            outs = step.call(event, ctx)
            if outs:
                traceparent = self._chain(ctx, traceparent, event.correlation_id or event.id)
                self._emit(outs, cause_of(event), event.time, traceparent, effect, None, "")
            return
        table, key, topic = tables[step.table], event.key, plan.topic.name
        cell = table.get(key)
        if is_fenced(cell, topic, event):
            effect.fenced += 1
            return
        outcome: Outcome[Any] = step.call(event, cell.state, ctx)
        if outcome.state is KEEP and not outcome.emit and not outcome.timers:
            return  # handled again it would change nothing again: no need to remember it
        draft = cell.copy()
        mark_seen(draft, topic, event)
        traceparent = self._chain(ctx, traceparent, event.correlation_id or event.id)
        self._settle(step.state, key, draft, outcome, cause_of(event), event.time, traceparent, effect)
        effect.changes.append((table, key, draft))

    def on_timer(self, state: State[Any], table: Table, key: str, name: str, due: int) -> Effect:
        """Fire one timer that the table handed out. Whatever the handler raises passes through."""
        effect = Effect()
        cell = table.get(key)
        armed_by = cell.timers[name].cause
        cause = cause_of_timer(armed_by, state.name, name, due)
        at = from_ms(due)
        ctx = Context(self._clock.now(), self._refs, cause.id, at)
        call = self._timers[state.name, name]
        draft = cell.copy()
        draft.timers = {n: t for n, t in cell.timers.items() if n != name}
        with self._tracing.step(f"{self._service} {call.__name__}", cause.traceparent) as span:
            outcome = call(Due(key, name, at), cell.state, ctx)
            traceparent = self._chain(ctx, span.traceparent or None, cause.correlation_id)
            self._settle(state, key, draft, outcome, cause, at, traceparent, effect)
        effect.changes.append((table, key, draft))
        return effect

    def drop_timer(self, table: Table, key: str, name: str) -> None:
        """Take a timer away whose handler failed, everything else unchanged."""
        draft = table.get(key).copy()
        draft.timers = {n: t for n, t in draft.timers.items() if n != name}
        table.put(key, draft)

    def _chain(self, ctx: Context, traceparent: str | None, root: str) -> str:
        """Return the trace context that outputs carry; a chain without one begins here."""
        chain = traceparent or self._tracing.begin(root)
        return record_now(chain) if ctx.chain_recorded else chain

    def _settle(
        self,
        state: State[Any],
        key: str,
        draft: Cell,
        outcome: Outcome[Any],
        cause: Cause,
        at: datetime,
        traceparent: str,
        effect: Effect,
    ) -> None:
        """Write an outcome into the draft cell and the effect."""
        new = outcome.state
        if new is not KEEP and new is not draft.state:
            draft.state = new
            draft.raw = None if new is None else self._codec.encode(self._changelogs[state.name], new)
        if outcome.timers:
            carried = Cause(
                cause.id,
                cause.event_id,
                cause.correlation_id,
                cause.area_code,
                traceparent,
                cause.mode,
                cause.drill_id,
                cause.replay_id,
            )
            draft.timers = self._moved(state, draft.timers, outcome, carried)
        if outcome.emit:
            self._emit(outcome.emit, cause, at, traceparent, effect, draft, key)
        if draft.raw is not None and len(draft.raw) > MAX_RECORD_BYTES:
            raise ValueError(
                f"state {state.name!r} of key {key!r}: {len(draft.raw)} bytes, more than a record may have"
            )

    def _moved(
        self, state: State[Any], timers: dict[str, Timer], outcome: Outcome[Any], cause: Cause
    ) -> dict[str, Timer]:
        timers = dict(timers)
        for name, at in outcome.timers.items():
            if (state.name, name) not in self._timers:
                raise ValueError(f"no handler is registered for timer {name!r} of state {state.name!r}")
            if at is None:
                timers.pop(name, None)
                continue
            due = to_ms(at)
            known = timers.get(name)
            if known is None or known.due != due:
                timers[name] = Timer(due, cause)
        return timers

    def _emit(
        self,
        outs: Sequence[Out],
        cause: Cause,
        at: datetime,
        traceparent: str,
        effect: Effect,
        draft: Cell | None,
        state_key: str,
    ) -> None:
        """Encode what a handler emits; sequences are given from the draft cell."""
        sequences = dict(draft.sequences) if draft is not None else None
        for out in outs:
            key = out.topic.key_of(out.record)
            sequence = None
            if sequences is not None and (name := sequence_name(out.topic, key, state_key)) is not None:
                sequence = sequences[name] = sequences.get(name, 0) + 1
            full_name = out.record.FULL_NAME
            index = effect.counts.get(full_name, 0)
            effect.counts[full_name] = index + 1
            event = self._maker.event(out, key, cause, at, traceparent, index, sequence)
            value = self._codec.encode(event.topic, out.record)
            if len(value) > MAX_RECORD_BYTES:
                raise ValueError(f"{full_name} of key {key!r}: {len(value)} bytes, more than a record may have")
            effect.outputs.append(Output(event.topic, key.encode(), value, headers_of(event)))
        if draft is not None and sequences is not None:
            draft.sequences = sequences
