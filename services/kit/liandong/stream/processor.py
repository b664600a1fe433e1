"""Processor: runs handlers for one event or timer and works out the effect, all of it or none. It knows no Kafka.

An Effect is complete and encoded before anything is changed, so a handler or a value that fails leaves no trace.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from liandong_contracts.base import Record

from liandong.clock import Clock
from liandong.errors import ConfigError
from liandong.event import Event, headers_of
from liandong.privacy.fields import walk_of
from liandong.privacy.grants import key_topic
from liandong.privacy.sealing import Sealing
from liandong.privacy.service import Privacy
from liandong.stream.api import KEEP, REMEMBERED_IDS, Context, Due, Out, Outcome, State, StreamService
from liandong.stream.causes import Cause, cause_of, cause_of_timer
from liandong.stream.envelope import Cell, Timer, has_mark, mark_of
from liandong.stream.outputs import Node, Output, OutputMaker, sequence_name
from liandong.stream.tables import Codec, Table
from liandong.stream.timers import from_ms, to_ms
from liandong.stream.topology import Plan, Step
from liandong.telemetry.tracing import Tracing, is_recorded, record_now

MAX_RECORD_BYTES = 900_000
RECENT_BYTES = 8 * REMEMBERED_IDS


class Effect:
    """What an event or timer leads to: cells to put and events to produce.

    `fenced`: how many states had seen it; `late`: how many of its values came too late for a window.
    """

    __slots__ = ("changes", "counts", "fenced", "late", "outputs", "sealing")

    def __init__(self) -> None:
        self.changes: list[tuple[Table, str, Cell]] = []
        self.outputs: list[Output] = []
        self.counts: dict[str, int] = {}
        self.fenced = self.late = 0
        self.sealing: Sealing | None = None

    def apply(self) -> None:
        """Put the changed cells; the caller produces the outputs in the same transaction."""
        for table, key, cell in self.changes:
            table.put(key, cell)


def seen_again(cell: Cell, topic: str, event: Event[Any]) -> Cell | None:
    """Do the same as `seen` for an event that a person had replayed: later ones may have been handled before it."""
    draft = seen(cell, "", msgspec.structs.replace(event, sequence=None))
    if draft is not None and event.sequence is not None:
        draft.fences = {**cell.fences, topic: max(event.sequence, cell.fences.get(topic, -1))}
    return draft


def seen(cell: Cell, topic: str, event: Event[Any]) -> Cell | None:
    """Return a copy of the cell that remembers this event; None when the cell has seen it before.

    Known by its sequence where the topic's owner gives one, else by its id.
    """
    sequence = event.sequence
    if sequence is not None:
        if sequence <= cell.fences.get(topic, -1):
            return None
        draft = cell.copy()
        draft.fences = {**cell.fences, topic: sequence}
        return draft
    mark, recent = mark_of(event.id), cell.recent
    if has_mark(recent, mark):
        return None
    draft = cell.copy()
    draft.recent = (recent + mark)[-RECENT_BYTES:]
    return draft


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
        privacy: Privacy | None = None,
    ) -> None:
        self._service = service.name
        self._privacy = privacy
        self._keys = key_topic(service.name)
        self._timers = service.timers
        self._codec = codec
        self._now = clock.now
        self._tracing = tracing
        self._changelogs = changelogs
        self._refs = refs
        self._maker = OutputMaker(service.name, node)

    def on_event(self, plan: Plan, event: Event[Any], tables: Sequence[Table], *, again: bool = False) -> Effect:
        """Run every handler of an event; `again`: by a person's order, after later events of its key maybe.

        Whatever a handler raises passes through; nothing has then been changed.
        """
        effect = Effect()
        if is_recorded(event.traceparent):
            for step in plan.steps:
                with self._tracing.step(step.name, event.traceparent) as span:
                    span.note(ce_id=event.id, topic=event.topic, partition=event.partition, offset=event.offset)
                    self._run(plan, step, event, tables, effect, span.traceparent, again)
        else:
            for step in plan.steps:
                self._run(plan, step, event, tables, effect, event.traceparent, again)
        return effect

    def _run(
        self,
        plan: Plan,
        step: Step,
        event: Event[Any],
        tables: Sequence[Table],
        effect: Effect,
        traceparent: str | None,
        again: bool,
    ) -> None:
        ctx = Context(self._now(), self._refs, event.id, event.time)
        if step.table is None or step.state is None:
            outs = step.call(event, ctx)
            if outs:
                cause = self._chained(cause_of(event, traceparent), ctx)
                self._emit(outs, cause, event.time, effect, None, "")
            return
        table, key = tables[step.table], event.key
        cell = table.get(key)
        draft = (seen_again if again else seen)(cell, plan.topic.name, event)
        if draft is None:
            effect.fenced += 1
            return
        outcome: Outcome[Any] = step.call(event, cell.state, ctx)
        effect.late += outcome.late
        if outcome.emit or outcome.timers:
            cause = self._chained(cause_of(event, traceparent), ctx)
            self._follow(step.state, key, draft, outcome, cause, event.time, effect)
        elif outcome.state is KEEP:
            return  # handled again it would change nothing again: no need to remember it
        self._set_state(step.state, key, draft, outcome.state, effect, event.id)
        effect.changes.append((table, key, draft))

    def on_timer(self, state: State[Any], table: Table, key: str, name: str, due: int) -> Effect:
        """Fire one timer that the table handed out. Whatever the handler raises passes through."""
        effect = Effect()
        cell = table.get(key)
        armed_by = cell.timers[name].cause
        cause = cause_of_timer(armed_by, state.name, name, due)
        at = from_ms(due)
        ctx = Context(self._now(), self._refs, cause.id, at)
        call = self._timers[state.name, name]
        draft = cell.copy()
        draft.timers = {n: t for n, t in cell.timers.items() if n != name}
        with self._tracing.step(f"{self._service} {call.__name__}", cause.traceparent) as span:
            outcome = call(Due(key, name, at), cell.state, ctx)
            if outcome.emit or outcome.timers:
                cause = self._chained(msgspec.structs.replace(cause, traceparent=span.traceparent or None), ctx)
                self._follow(state, key, draft, outcome, cause, at, effect)
            self._set_state(state, key, draft, outcome.state, effect, cause.id)
        effect.changes.append((table, key, draft))
        return effect

    def drop_timer(self, table: Table, key: str, name: str) -> None:
        """Take a timer away whose handler failed, everything else unchanged."""
        draft = table.get(key).copy()
        draft.timers = {n: t for n, t in draft.timers.items() if n != name}
        table.put(key, draft)

    def _chained(self, cause: Cause, ctx: Context) -> Cause:
        """Return the cause with the trace context that outputs carry; a chain without one begins here."""
        chain = cause.traceparent or self._tracing.begin(cause.correlation_id)
        if ctx.chain_recorded:
            chain = record_now(chain)
        return cause if chain is cause.traceparent else msgspec.structs.replace(cause, traceparent=chain)

    def _set_state(self, state: State[Any], key: str, draft: Cell, new: Any, effect: Effect, cause: str) -> None:
        """Write the state that a handler returned into the draft cell."""
        if new is KEEP or new is draft.state:
            return
        if isinstance(new, Record) and walk_of(type(new)) is not None:
            new = self._sealed(new, effect, cause)
        raw = None if new is None else self._codec.encode(self._changelogs[state.name], new)
        if raw is not None and len(raw) > MAX_RECORD_BYTES:
            raise ValueError(f"state {state.name!r} of key {key!r}: {len(raw)} bytes, more than a record may have")
        draft.state, draft.raw = new, raw

    def _sealed(self, record: Record, effect: Effect, cause: str) -> Record:
        """Seal the personal values of a record; a new data key goes out before the event that needs it."""
        if effect.sealing is None:
            if self._privacy is None:
                raise ConfigError(f"{self._service} has no keys for the personal values of {record.FULL_NAME}")
            effect.sealing = self._privacy.sealing(cause, self._now())
        sealed = effect.sealing.seal(record)
        for key in effect.sealing.fresh():
            wire = self._maker.wire(self._keys)
            effect.outputs.append(Output(wire, self._keys.key_of(key).encode(), self._codec.encode(wire, key), []))
        return sealed

    def _follow(
        self,
        state: State[Any],
        key: str,
        draft: Cell,
        outcome: Outcome[Any],
        cause: Cause,
        at: datetime,
        effect: Effect,
    ) -> None:
        """Write the timers and outputs of an outcome into the draft cell and the effect."""
        if outcome.timers:
            draft.timers = self._moved(state, draft.timers, outcome, cause)
        if outcome.emit:
            self._emit(outcome.emit, cause, at, effect, draft, key)

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
        effect: Effect,
        draft: Cell | None,
        state_key: str,
    ) -> None:
        """Encode what a handler emits; sequences are given from the draft cell."""
        sequences = dict(draft.sequences) if draft is not None else None
        for out in outs:
            if walk_of(type(out.record)) is not None:
                out = msgspec.structs.replace(out, record=self._sealed(out.record, effect, cause.id))
            key = out.topic.key_of(out.record)
            sequence = None
            if sequences is not None and (name := sequence_name(out.topic, key, state_key)) is not None:
                sequence = sequences[name] = sequences.get(name, 0) + 1
            full_name = out.record.FULL_NAME
            index = effect.counts.get(full_name, 0)
            effect.counts[full_name] = index + 1
            event = self._maker.event(out, key, cause, at, index, sequence)
            value = self._codec.encode(event.topic, out.record)
            if len(value) > MAX_RECORD_BYTES:
                raise ValueError(f"{full_name} of key {key!r}: {len(value)} bytes, more than a record may have")
            effect.outputs.append(Output(event.topic, key.encode(), value, headers_of(event)))
        if draft is not None and sequences is not None:
            draft.sequences = sequences
