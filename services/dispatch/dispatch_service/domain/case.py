"""Cases: OPENING (the handler is being asked for) → OPEN → CLOSED; urgency, clocks, which reports are one matter."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from liandong.pure.geometry import Located, distance_m, same_family
from liandong_contracts.dispatch import ClockKind, ReportProperty, Urgency
from liandong_contracts.flood import SpotKind, SpotLevel

from dispatch_service.domain import policy
from dispatch_service.domain.policy import CaseClass


class CaseState(StrEnum):
    """States of a case; OPENING is not yet told to anybody."""

    OPENING = "OPENING"
    OPEN = "OPEN"
    CLOSED = "CLOSED"


class ClockState(StrEnum):
    """States of a clock."""

    RUNNING = "RUNNING"
    WARNED = "WARNED"
    BREACHED = "BREACHED"
    STOPPED = "STOPPED"


LIVE = (CaseState.OPENING, CaseState.OPEN)
TICKING = (ClockState.RUNNING, ClockState.WARNED)


@dataclass(frozen=True, slots=True)
class ClockTimes:
    """One clock of a case: when it began, warns and runs out."""

    clock: ClockKind
    start_at: datetime
    warn_at: datetime
    due_at: datetime


def clocks_of(
    case_class: CaseClass, urgency: Urgency, prop: ReportProperty, start: datetime, *, handled: bool
) -> tuple[ClockTimes, ...]:
    """Return the clocks that run from `start`: DISPOSE always, DISPATCH until somebody handles the case.

    An urgent case runs in continuous time, a normal one's handling in working hours.
    """
    clocks = []
    if not handled:
        limit = policy.DISPATCH_URGENT if urgency is Urgency.URGENT else policy.DISPATCH_NORMAL
        clocks.append(_continuous(ClockKind.DISPATCH, start, limit))
    if urgency is Urgency.URGENT:
        clocks.append(_continuous(ClockKind.DISPOSE, start, policy.DISPOSE_URGENT))
    else:
        work = timedelta(hours=case_class.dispose_h or policy.DISPOSE_H_BY_PROPERTY.get(prop, policy.DISPOSE_H_ELSE))
        warn, due = (policy.CALENDAR.add(start, part) for part in (work * policy.WARN_AT, work))
        clocks.append(ClockTimes(ClockKind.DISPOSE, start, warn, due))
    return tuple(clocks)


def spot_urgency(kind: SpotKind, level: SpotLevel) -> Urgency:
    """Return URGENT for an underpass that nobody can pass."""
    if kind is SpotKind.UNDERPASS and level in policy.URGENT_LEVELS:
        return Urgency.URGENT
    return Urgency.NORMAL


def closeness(report: Located, case: Located) -> float | None:
    """Return how near a report is to a case: 1 at the same point, 0.5 at the limit, None beyond it or where the two
    positions cannot be compared."""
    try:
        comparable = same_family(report, case)
    except ValueError:
        return None  # a position without a known datum is no position
    if not comparable:
        return None
    metres = distance_m(report, case)
    return 1 - 0.5 * metres / policy.SAME_PLACE_M if metres <= policy.SAME_PLACE_M else None


def handler_area(area_code: str) -> str:
    """Return the area whose clerk handles a case: its street (9 digits) where it has one."""
    return area_code[:9]


def summary_of(case_class: CaseClass, place_name: str) -> str:
    """Return what a case is about, without anybody's identity or words."""
    return f"{place_name or '未登记地点'}：{case_class.name.rpartition('·')[2]}"


def _continuous(clock: ClockKind, start: datetime, limit: timedelta) -> ClockTimes:
    return ClockTimes(clock, start, start + limit * policy.WARN_AT, start + limit)
