"""gRPC queries: read-only answers from committed rows. Nothing here changes anything."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import grpc
import sqlalchemy as sa
from google.protobuf.timestamp_pb2 import Timestamp
from liandong.workflow import WorkflowService
from liandong_contracts.rpc import dispatch_pb2 as pb
from liandong_contracts.rpc import dispatch_pb2_grpc as rpc

from dispatch_service.domain.case import CaseState
from dispatch_service.tables import case, clock, report

Row = sa.Row[Any]
_DEFAULT, _MOST = 100, 1000
_PERSONAL = ("text", "address_text", "reporter_name", "reporter_phone")


class QueryServicer(rpc.DispatchQueryServicer):
    """DispatchQuery; a case that is still opening is not shown yet."""

    def __init__(self, service: WorkflowService) -> None:
        self._service = service

    def GetCase(self, request: pb.GetCaseRequest, context: grpc.ServicerContext) -> pb.CaseView:  # noqa: N802
        """Return one case; LookupError becomes NOT_FOUND."""
        found = self._service.read(_shown().where(case.c.case_id == request.case_id))
        if not found:
            raise LookupError(f"no case {request.case_id}")
        return self._views(found)[0]

    def SearchCases(self, request: pb.SearchCasesRequest, context: grpc.ServicerContext) -> pb.SearchCasesReply:  # noqa: N802
        """Return cases by state and spot, the newest first."""
        query = _shown()
        if request.state:
            query = query.where(case.c.state == request.state)
        if request.spot_id:
            query = query.where(case.c.spot_id == request.spot_id)
        total = self._service.read(sa.select(sa.func.count()).select_from(query.subquery()))[0][0]
        most = min(request.limit or _DEFAULT, _MOST)
        found = self._service.read(query.order_by(case.c.opened_at.desc(), case.c.case_id).limit(most))
        return pb.SearchCasesReply(cases=self._views(found), total=total)

    def GetReport(self, request: pb.GetReportRequest, context: grpc.ServicerContext) -> pb.ReportView:  # noqa: N802
        """Return one report, masked; with a purpose in the clear, once that is on record."""
        found = self._service.read(sa.select(report).where(report.c.report_id == request.report_id))
        if not found:
            raise LookupError(f"no report {request.report_id}")
        row = found[0]
        personal = {name: getattr(row, name) or "" for name in _PERSONAL}
        if request.purpose:
            clear = self._service.clear(
                *personal.values(),
                purpose=request.purpose,
                actor=request.actor,
                about=f"report {row.report_id}",
                case_id=row.case_id,
            )
            personal = {name: value.reveal() for name, value in zip(personal, clear, strict=True)}
        return pb.ReportView(
            report_id=row.report_id,
            case_id=row.case_id or "",
            channel=row.channel,
            occurred_at=_stamp(row.occurred_at),
            **personal,
        )

    def _views(self, found: Sequence[Row]) -> list[pb.CaseView]:
        ids = [row.case_id for row in found]
        reports = self._service.read(
            sa.select(report.c.case_id, report.c.report_id)
            .where(report.c.case_id.in_(ids))
            .order_by(report.c.received_at, report.c.report_id)
        )
        clocks = self._service.read(sa.select(clock).where(clock.c.case_id.in_(ids)).order_by(clock.c.due_at))
        by_case = _grouped(reports), _grouped(clocks)
        return [_view(row, by_case[0][row.case_id], by_case[1][row.case_id]) for row in found]


def _shown() -> sa.Select[Any]:
    return sa.select(case).where(case.c.state != CaseState.OPENING)


def _grouped(rows: Iterable[Row]) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.case_id].append(row)
    return groups


def _view(row: Row, reports: list[Row], clocks: list[Row]) -> pb.CaseView:
    return pb.CaseView(
        case_id=row.case_id,
        summary=row.summary,
        state=row.state,
        class_code=row.class_code,
        area_code=row.area_code,
        spot_id=row.spot_id or "",
        urgency=row.urgency,
        report_ids=[each.report_id for each in reports],
        reports_total=row.reports_total,
        clocks=[pb.ClockView(clock=each.clock, due_at=_stamp(each.due_at), state=each.state) for each in clocks],
        handler_person=row.handler_person or "",
        opened_at=_stamp(row.opened_at),
        closed_at=_stamp(row.closed_at),
    )


def _stamp(at: datetime | None) -> Timestamp | None:
    if at is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(at)
    return stamp
