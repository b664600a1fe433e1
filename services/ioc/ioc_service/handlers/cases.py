"""Cases with their clocks, and how many reports came in. A report's words and address are personal and stay out."""

from datetime import datetime
from typing import Any

from liandong.event import Event
from liandong.workflow import Work
from liandong_contracts import topics
from liandong_contracts.dispatch import (
    CaseClockBreached,
    CaseClockWarned,
    CaseClosed,
    CaseOpened,
    ClockKind,
    ReportAttached,
    ReportReceived,
)

from ioc_service.handlers.projection import area_name, row_or, tell
from ioc_service.service import console
from ioc_service.tables import case, report


@console.on(topics.DISPATCH_REPORT, ReportReceived)
def received(event: Event[ReportReceived], work: Work) -> None:
    """Count a report by its channel."""
    said = event.data
    held = work.one(report, channel=said.channel)
    mark = tell(event, work, area_name(work, event.area_code))
    work.upsert(report, ("channel",), **mark, channel=said.channel, total=row_or(held, "total", 0) + 1)


@console.on(topics.DISPATCH_CASE, CaseOpened)
def opened(event: Event[CaseOpened], work: Work) -> None:
    """Show a new case."""
    said = event.data
    work.upsert(
        case,
        ("case_id",),
        **tell(event, work),
        case_id=said.case_id,
        summary=said.summary,
        class_code=said.class_code,
        area_code=said.area_code,
        spot_id=said.spot_id,
        urgency=said.urgency,
        handler=said.handler_person,
        clocks=[{"clock": c.clock, "due_ms": _ms(c.due_at), "state": "calm"} for c in said.clocks],
        reports=len(said.report_ids),
        opened_at=said.opened_at,
        closed_at=None,
    )


@console.on(topics.DISPATCH_CASE, ReportAttached)
def attached(event: Event[ReportAttached], work: Work) -> None:
    """One more report of the same thing."""
    said = event.data
    held = work.one(case, case_id=said.case_id)
    mark = tell(event, work, row_or(held, "summary", said.case_id))
    spot = row_or(held, "spot_id", None) or said.spot_id
    work.update(case, {"case_id": said.case_id}, **mark, reports=said.reports_total, spot_id=spot)


@console.on(topics.DISPATCH_CASE, CaseClockWarned)
def clock_warned(event: Event[CaseClockWarned], work: Work) -> None:
    """A clock comes close."""
    _clock(event, work, event.data.clock, event.data.due_at, "warned")


@console.on(topics.DISPATCH_CASE, CaseClockBreached)
def clock_breached(event: Event[CaseClockBreached], work: Work) -> None:
    """A clock ran out."""
    _clock(event, work, event.data.clock, event.data.due_at, "breached")


@console.on(topics.DISPATCH_CASE, CaseClosed)
def closed(event: Event[CaseClosed], work: Work) -> None:
    """The case is done with."""
    said = event.data
    held = work.one(case, case_id=said.case_id)
    mark = tell(event, work, row_or(held, "summary", said.case_id))
    new = {"reports": said.reports_total, "closed_at": said.closed_at, "outcome": said.outcome, "on_time": said.on_time}
    work.update(case, {"case_id": said.case_id}, **mark, **new)


def _clock(event: Event[Any], work: Work, clock: ClockKind, due_at: datetime, state: str) -> None:
    held = work.one(case, case_id=event.key)
    mark = tell(event, work, row_or(held, "summary", event.key))
    if held is None:
        return
    others = [kept for kept in held.clocks if kept["clock"] != clock]
    clocks = [*others, {"clock": clock, "due_ms": _ms(due_at), "state": state}]
    work.update(case, {"case_id": event.key}, **mark, clocks=clocks)


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
