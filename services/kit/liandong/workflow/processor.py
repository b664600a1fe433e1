"""Runs groups of steps, each group one SQL transaction. It runs in one thread and knows no consumer and no producer.

A group is first run as it is. When a step raises, everything is rolled back and the group runs again with a savepoint
around each step, so one bad event costs its neighbours nothing but the repetition.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa

from liandong.errors import Fenced, LiandongError, Unavailable
from liandong.workflow import metrics, parked, tables
from liandong.workflow.binding import Binding
from liandong.workflow.inbox import Inbox
from liandong.workflow.model import Commit, Delivery, Partition, TooEarly
from liandong.workflow.sql import Database, is_database_trouble
from liandong.workflow.steps import HANDLER_FAILED, EventStep, ParkedStep, Step, TimerStep
from liandong.workflow.unit import Unit, micros, moment

log = logging.getLogger(__name__)

_NEXT_DUE = sa.select(
    sa.select(sa.func.min(tables.timer.c.due_us)).scalar_subquery(),
    sa.select(sa.func.min(tables.parked.c.due_us)).scalar_subquery(),
)
_DUE = (
    sa.select(tables.timer)
    .where(tables.timer.c.due_us <= sa.bindparam("now"))
    .order_by(tables.timer.c.due_us, tables.timer.c.kind, tables.timer.c.key)
    .limit(sa.bindparam("most"))
)
_RECOVERING = sa.select(sa.exists(sa.select(tables.published.c.event_id)))
_RECENT = 200
_MOST_FAILED = 100


class TooManyFailures(LiandongError):
    """So many handlers failed that the program is at fault, not the events: stop without committing."""


class Processor:
    """The single writer of a service's database."""

    def __init__(self, binding: Binding, database: Database, on_commit: Callable[[Commit], None] | None = None) -> None:
        self.binding = binding
        self.database = database
        self.inbox = Inbox()
        self.next_due: datetime | None = None
        self.before_commit: Callable[[], None] = lambda: None
        self._listeners: list[Callable[[Unit], None]] = []
        self._on_commit = on_commit
        self._parked = True  # only the worker that has a key's partition parks the first of its events
        self._recovering = True
        self._recent: deque[bool] = deque(maxlen=_RECENT)

    def open(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """Take partitions over and return where to seek."""
        with self.database.writer.begin() as connection:
            self._parked = parked.anything_parked(connection)
            return self.inbox.open(connection, partitions)

    def begin(self, partition: Partition, offset: int) -> None:
        """Let a partition that was never read begin at `offset`."""
        with self.database.writer.begin() as connection:
            self.inbox.begin(connection, partition, offset)

    def stamp(self, marks: Mapping[Partition, str]) -> None:
        """Note which cluster and topic positions belong to."""
        with self.database.writer.begin() as connection:
            self.inbox.stamp(connection, marks)

    def start(self) -> None:
        """Learn when the next timer is due; again and again, for replicas and tools set timers too."""
        with self.database.reader.connect() as connection:
            self.next_due = _first_due(connection)
            self._parked = parked.anything_parked(connection)
            self._recovering = bool(connection.scalar(_RECOVERING))

    def after_commit(self, listener: Callable[[Unit], None]) -> None:
        """Call `listener` in the writer thread after every commit."""
        self._listeners.append(listener)

    def timers_due(self) -> bool:
        """Say whether a timer should fire now."""
        return self.next_due is not None and self.next_due <= self.binding.clock.now()

    def process(self, deliveries: Sequence[Delivery], steps: Sequence[Step]) -> dict[Partition, int]:
        """Run what is new of a group, and the timers that are due; return the partitions that have to seek back.

        Raises InboxFenced, Unavailable or the database's error; then nothing has changed and the same call may be
        repeated once the cause is gone.
        """
        accepted = self.inbox.accept(deliveries)
        todo: list[Step] = [*(EventStep(self.binding, delivery) for delivery in accepted.deliveries), *steps]
        if todo or accepted.ends or self.timers_due():
            began = time.monotonic()
            unit, done = self._attempt(todo, accepted.ends) or self._transact(todo, accepted.ends, self._guarded)
            self.inbox.moved(accepted.ends)
            self._committed(unit, done, time.monotonic() - began)
        metrics.EVENTS.labels(self.binding.service, "taken").inc(len(accepted.deliveries))
        metrics.EVENTS.labels(self.binding.service, "repeated").inc(accepted.repeated)
        return accepted.broken

    def _attempt(self, todo: list[Step], ends: dict[Partition, int]) -> tuple[Unit, list[Step]] | None:
        """Run a group without savepoints; None when a step failed."""
        try:
            return self._transact(todo, ends, self._plain)
        except Exception as error:
            if isinstance(error, (Fenced, Unavailable, TooManyFailures)) or is_database_trouble(error):
                raise
            level = logging.DEBUG if isinstance(error, TooEarly) else logging.WARNING
            log.log(level, "a step failed, its group runs again with savepoints: %r", error)
            return None

    def _transact(
        self, todo: list[Step], ends: dict[Partition, int], run: Callable[[Unit, Step], None]
    ) -> tuple[Unit, list[Step]]:
        now = self.binding.clock.now()
        with self.database.writer.begin() as connection:
            self.inbox.advance(connection, ends)
            unit = Unit(connection, now)
            unit.recovering = self._recovering
            events = [step.event for step in todo if isinstance(step, EventStep) and step.event is not None]
            unit.load_fences(
                [(event.topic, event.key) for event in events if event.sequence is not None],
                [event.id for event in events if event.sequence is None],
            )
            if self._parked:
                parked.load(unit, [parked.key_of(step.delivery) for step in todo if isinstance(step, EventStep)])
            due = self._due(unit)
            done = [*todo, *due]
            for step in done:
                run(unit, step)
            self._check_failures(unit, len(done))
            unit.flush()
            if unit.outputs or unit.calls:
                self.database.announce(connection)
            next_due = (
                _first_due(connection)
                if unit.timers or unit.anything_parked or due or self.timers_due()
                else self.next_due
            )
            self.before_commit()
        self._parked = self._parked or unit.anything_parked
        self.next_due = next_due  # only now: a transaction that failed has changed no timer
        return unit, done

    def _due(self, unit: Unit) -> list[Step]:
        if self.next_due is None or self.next_due > unit.now:
            return []
        most = self.binding.settings.workflow_group
        rows = unit.connection.execute(_DUE, {"now": micros(unit.now), "most": most}).all()
        for row in rows:
            late = (unit.now - moment(row.due_us)).total_seconds()
            metrics.TIMER_LATE.labels(self.binding.service).observe(max(0.0, late))
        waited = parked.due(unit, most) if self._parked else []
        return [*(TimerStep(self.binding, row) for row in rows), *(ParkedStep(self.binding, row) for row in waited)]

    @staticmethod
    def _plain(unit: Unit, step: Step) -> None:
        step.run(unit)

    @staticmethod
    def _guarded(unit: Unit, step: Step) -> None:
        marks = unit.mark()
        try:
            with unit.connection.begin_nested():
                step.run(unit)
        except Exception as error:
            if isinstance(error, Unavailable) or is_database_trouble(error):
                raise
            log.info("%r: %r", step, error) if isinstance(error, TooEarly) else log.exception("%r failed", step)
            unit.undo(marks)
            step.fail(unit, error)

    def _check_failures(self, unit: Unit, steps: int) -> None:
        """A few failures are dead letters; when half of the last 200 steps fail, the program is broken."""
        failed = unit.dead.count(HANDLER_FAILED)
        if not failed and not any(self._recent):
            return
        recent = deque(self._recent, maxlen=_RECENT)
        recent.extend([True] * failed)
        recent.extend([False] * (steps - failed))
        if sum(recent) >= _MOST_FAILED:
            raise TooManyFailures(
                f"{sum(recent)} of the last {len(recent)} steps failed; see the log, mend, start again"
            )
        self._recent = recent

    def _committed(self, unit: Unit, done: list[Step], seconds: float) -> None:
        service = self.binding.service
        metrics.GROUPS.labels(service).inc()
        metrics.GROUP_SECONDS.labels(service).observe(seconds)
        metrics.STEPS.labels(service).inc(len(done))
        metrics.FENCED.labels(service).inc(unit.fenced)
        for reason in unit.dead:
            metrics.DEAD_LETTERS.labels(service, reason).inc()
        for listener in self._listeners:
            listener(unit)
        for step in done:
            step.done()
        if self._on_commit is not None and (unit.handled or unit.emitted):
            try:
                self._on_commit(Commit(unit.handled, unit.emitted))
            except Exception:
                log.exception("on_commit failed; the data are safe")


def _first_due(connection: sa.Connection) -> datetime | None:
    """Return when the next timer or parked event is due, or None when there is none."""
    dues = [due for due in connection.execute(_NEXT_DUE).one() if due is not None]
    return moment(min(dues)) if dues else None
