"""Clocks of a case: warn at a share of the time, say when it has run out, stop at the end."""

from collections.abc import Iterable

import sqlalchemy as sa
from liandong.workflow import Timer, Work
from liandong_contracts import topics
from liandong_contracts.dispatch import CaseClockBreached, CaseClockWarned, ClockKind

from dispatch_service import metrics
from dispatch_service.domain.case import TICKING, ClockState, ClockTimes
from dispatch_service.domain.policy import WARN_AT
from dispatch_service.tables import clock

WARN_TIMER = "case-clock-warn"
DUE_TIMER = "case-clock-due"


def start(work: Work, case_id: str, times: Iterable[ClockTimes]) -> None:
    """Start the clocks of a case; one whose time is over already is said at once."""
    for each in times:
        work.upsert(
            clock,
            ("case_id", "clock"),
            case_id=case_id,
            clock=each.clock,
            state=ClockState.RUNNING,
            start_at=each.start_at,
            due_at=each.due_at,
        )
        data = {"case_id": case_id, "clock": each.clock}
        work.after(WARN_TIMER, _key(case_id, each.clock), at=each.warn_at, data=data)
        work.after(DUE_TIMER, _key(case_id, each.clock), at=each.due_at, data=data)


def shorten(work: Work, case_id: str, times: Iterable[ClockTimes]) -> None:
    """Start those clocks anew that would otherwise run out later."""
    for each in times:
        row = work.one(clock, case_id=case_id, clock=each.clock)
        if row is not None and row.state in TICKING and each.due_at < row.due_at:
            start(work, case_id, [each])


def stop(work: Work, case_id: str) -> bool:
    """Stop every clock of a case; return whether none was breached."""
    on_time = True
    for row in work.all(sa.select(clock).where(clock.c.case_id == case_id)):
        if row.state in TICKING:
            work.update(clock, {"case_id": case_id, "clock": row.clock}, state=ClockState.STOPPED)
            work.cancel(WARN_TIMER, _key(case_id, row.clock))
            work.cancel(DUE_TIMER, _key(case_id, row.clock))
        on_time = on_time and row.state != ClockState.BREACHED
    return on_time


def warn(timer: Timer, work: Work) -> None:
    """Say that most of a clock's time is used."""
    row = work.one(clock, case_id=timer.data["case_id"], clock=timer.data["clock"])
    if row is None or row.state != ClockState.RUNNING:
        return
    work.update(clock, {"case_id": row.case_id, "clock": row.clock}, state=ClockState.WARNED)
    metrics.CLOCKS.labels(row.clock, "WARNED").inc()
    kind = ClockKind(row.clock)
    said = CaseClockWarned(case_id=row.case_id, clock=kind, due_at=row.due_at, used_pct=round(WARN_AT * 100))
    work.emit(topics.DISPATCH_CASE, said)


def breach(timer: Timer, work: Work) -> None:
    """Say that a clock has run out."""
    row = work.one(clock, case_id=timer.data["case_id"], clock=timer.data["clock"])
    if row is None or row.state not in TICKING:
        return
    work.update(clock, {"case_id": row.case_id, "clock": row.clock}, state=ClockState.BREACHED)
    metrics.CLOCKS.labels(row.clock, "BREACHED").inc()
    said = CaseClockBreached(
        case_id=row.case_id,
        clock=ClockKind(row.clock),
        due_at=row.due_at,
        responsible_dept=None,
        overdue_s=int((work.now - row.due_at).total_seconds()),
    )
    work.emit(topics.DISPATCH_CASE, said)


def _key(case_id: str, kind: str) -> str:
    return f"{case_id}+{kind}"
