"""Cases: begin one, open it when its handler is known, join reports, make it urgent, close it. One live case a spot."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from google.protobuf.timestamp_pb2 import Timestamp
from liandong.pure.geometry import Located
from liandong.workflow import Answer, Work
from liandong_contracts import topics
from liandong_contracts.dispatch import (
    AttachBasis,
    CaseClosed,
    CaseOpened,
    Clock,
    ReportAttached,
    ReportProperty,
    Urgency,
)
from liandong_contracts.flood import SpotKind, SpotLevel
from liandong_contracts.rpc import emergency_pb2

from dispatch_service import metrics
from dispatch_service.domain.case import (
    LIVE,
    CaseState,
    clocks_of,
    closeness,
    handler_area,
    spot_urgency,
    summary_of,
)
from dispatch_service.domain.policy import CLASSES, HANDLER_POST, OTHER, CaseClass
from dispatch_service.handlers import clocks
from dispatch_service.settings import DispatchSettings
from dispatch_service.tables import case, report

HANDLER_KNOWN = "handler_known"
WHO_IS_ON_DUTY = "liandong.emergency.v1.EmergencyQuery/WhoIsOnDuty"
_BOX_DEGREES = 0.002  # more than the same-place limit at any latitude of the country; the exact test follows
Row = sa.Row[Any]


@dataclass(frozen=True, slots=True)
class Matter:
    """What a new case is about; `place` has lon, lat and datum, or is None."""

    class_code: str
    prop: ReportProperty
    urgency: Urgency
    area_code: str
    spot_id: str | None
    place_name: str
    place: Any


def of_spot(work: Work, spot_id: str | None) -> Row | None:
    """Return the live case of a spot."""
    if spot_id is None:
        return None
    query = sa.select(case).where(case.c.spot_id == spot_id, case.c.state.in_(LIVE))
    return next(iter(work.all(query)), None)


def near(
    work: Work, place: Located, class_code: str, at: datetime, within: timedelta, *, other_spots: bool
) -> tuple[Row, float] | None:
    """Return the nearest live case of the same class, place and time, and its score.

    Cases that have a spot of their own count only with `other_spots`: the place asked about has none.
    """
    query = sa.select(case).where(
        case.c.state.in_(LIVE),
        case.c.class_code == class_code,
        case.c.lon.between(place.lon - _BOX_DEGREES, place.lon + _BOX_DEGREES),
        case.c.lat.between(place.lat - _BOX_DEGREES, place.lat + _BOX_DEGREES),
        case.c.begun_at.between(at - within, at + within),
    )
    if not other_spots:
        query = query.where(case.c.spot_id.is_(None))
    scored = [(row, score) for row in work.all(query) if (score := closeness(place, row)) is not None]
    return max(scored, key=lambda pair: (pair[1], pair[0].case_id), default=None)


def adopt(work: Work, row: Row, spot_id: str | None) -> Row:
    """Give a case without spot the spot that it turned out to be about; return the case as it is now."""
    if row.spot_id is None and spot_id is not None:
        work.update(case, {"case_id": row.case_id}, spot_id=spot_id)
    return _again(work, row)


def begin(work: Work, matter: Matter, first: Row | None) -> None:
    """Begin a case and ask who handles it; it is told to others once that is known or nobody answered in time."""
    case_id = work.new_id("case", matter.area_code[:6])
    place = matter.place
    work.insert(
        case,
        case_id=case_id,
        state=CaseState.OPENING,
        summary=summary_of(class_of(matter.class_code), matter.place_name),
        class_code=matter.class_code,
        property=matter.prop,
        area_code=matter.area_code,
        spot_id=matter.spot_id,
        urgency=matter.urgency,
        lon=place.lon if place is not None else None,
        lat=place.lat if place is not None else None,
        datum=place.datum if place is not None else None,
        reports_total=1 if first is not None else 0,
        begun_at=first.received_at if first is not None else work.now,
    )
    if first is not None:
        work.update(report, {"report_id": first.report_id}, case_id=case_id)
    metrics.CASES.labels("BEGUN").inc()
    _ask_for_handler(work, case_id, matter.area_code)


def handler_known(answer: Answer[emergency_pb2.WhoIsOnDutyReply], work: Work) -> None:
    """Open a case, with its handler where one is known."""
    metrics.HANDLERS.labels(answer.error or "OK").inc()
    row = work.one(case, case_id=answer.data["case_id"])
    if row is None or row.state != CaseState.OPENING:
        return
    handler = answer.reply.person.person_id or None if answer.reply is not None else None
    _open(work, row, handler)
    if row.outcome is not None:
        close(work, _again(work, row), row.outcome)


def _ask_for_handler(work: Work, case_id: str, area_code: str) -> None:
    settings: DispatchSettings = work.refs
    at = Timestamp()
    at.FromDatetime(work.now)
    asked = emergency_pb2.WhoIsOnDutyRequest(post=HANDLER_POST, area_code=handler_area(area_code), at=at)
    work.call(
        WHO_IS_ON_DUTY,
        asked,
        emergency_pb2.WhoIsOnDutyReply,
        then=HANDLER_KNOWN,
        deadline=settings.duty_deadline,
        data={"case_id": case_id},
    )


def _open(work: Work, row: Row, handler: str | None) -> None:
    urgency = Urgency(row.urgency)
    times = clocks_of(
        class_of(row.class_code), urgency, ReportProperty(row.property), row.begun_at, handled=handler is not None
    )
    clocks.start(work, row.case_id, times)
    work.update(case, {"case_id": row.case_id}, state=CaseState.OPEN, handler_person=handler, opened_at=work.now)
    opened = CaseOpened(
        case_id=row.case_id,
        summary=row.summary,
        report_ids=tuple(each.report_id for each in _reports(work, row.case_id)),
        class_code=row.class_code,
        grid_code=None,
        object_id=None,
        spot_id=row.spot_id,
        urgency=urgency,
        clocks=tuple(Clock(clock=each.clock, due_at=each.due_at) for each in times),
        handler_person=handler,
        area_code=row.area_code,
        opened_at=work.now,
    )
    work.emit(topics.DISPATCH_CASE, opened, area_code=row.area_code)
    metrics.CASES.labels("OPENED").inc()


def attach(work: Work, row: Row, reported: Row, basis: AttachBasis, score: float) -> None:
    """Join a report to a live case; one that is still opening names it in `CaseOpened`."""
    total = row.reports_total + 1
    work.update(report, {"report_id": reported.report_id}, case_id=row.case_id)
    work.update(case, {"case_id": row.case_id}, reports_total=total)
    metrics.REPORTS.labels("ATTACHED").inc()
    if row.state == CaseState.OPEN:
        attached = ReportAttached(
            case_id=row.case_id,
            report_id=reported.report_id,
            basis=basis,
            score=score,
            reports_total=total,
            spot_id=row.spot_id,
            at=work.now,
        )
        work.emit(topics.DISPATCH_CASE, attached, area_code=row.area_code)
    if reported.urgency == Urgency.URGENT:
        make_urgent(work, row)


def make_urgent(work: Work, row: Row) -> None:
    """Run a normal case's clocks as an urgent one's from now; a limit never becomes longer."""
    if row.urgency == Urgency.URGENT:
        return
    work.update(case, {"case_id": row.case_id}, urgency=Urgency.URGENT)
    if row.state == CaseState.OPEN:
        times = clocks_of(
            class_of(row.class_code),
            Urgency.URGENT,
            ReportProperty(row.property),
            work.now,
            handled=row.handler_person is not None,
        )
        clocks.shorten(work, row.case_id, times)


def close(work: Work, row: Row, outcome: str) -> None:
    """Close a case; one that is still opening is opened first, so that nobody sees an end without a beginning."""
    if row.state == CaseState.OPENING:
        work.update(case, {"case_id": row.case_id}, outcome=outcome)
        return
    on_time = clocks.stop(work, row.case_id)
    work.update(case, {"case_id": row.case_id}, state=CaseState.CLOSED, outcome=outcome, closed_at=work.now)
    closed = CaseClosed(
        case_id=row.case_id, outcome=outcome, on_time=on_time, reports_total=row.reports_total, closed_at=work.now
    )
    work.emit(topics.DISPATCH_CASE, closed, area_code=row.area_code)
    metrics.CASES.labels("CLOSED").inc()


def urgency_of_spot(row: Row | None) -> Urgency:
    """Return the urgency of a spot as it is now; NORMAL for one that is not known."""
    return spot_urgency(SpotKind(row.kind), SpotLevel(row.level)) if row is not None else Urgency.NORMAL


def higher(one: str, other: str) -> Urgency:
    """Return URGENT when either is."""
    return Urgency.URGENT if Urgency.URGENT in (one, other) else Urgency.NORMAL


def class_of(code: str) -> CaseClass:
    """Return a class by its code."""
    return next((each for each in CLASSES if each.code == code), OTHER)


def _reports(work: Work, case_id: str) -> list[Row]:
    query = sa.select(report).where(report.c.case_id == case_id).order_by(report.c.received_at, report.c.report_id)
    return list(work.all(query))


def _again(work: Work, row: Row) -> Row:
    now = work.one(case, case_id=row.case_id)
    assert now is not None, f"{row.case_id} is gone"
    return now
