"""gRPC commands: requests into handler calls, results into replies. No rule and no statement here."""

from datetime import UTC
from enum import StrEnum
from typing import TypeVar

import grpc
from liandong.workflow import Command, Work, WorkflowService
from liandong_contracts.dispatch import ReportChannel, ReportProperty
from liandong_contracts.rpc import dispatch_pb2 as pb
from liandong_contracts.rpc import dispatch_pb2_grpc as rpc

from dispatch_service import metrics
from dispatch_service.domain.case import CaseState
from dispatch_service.domain.report import Place, Said, Submission, refusal_of
from dispatch_service.handlers import cases, reports
from dispatch_service.tables import case

_E = TypeVar("_E", bound=StrEnum)


def submit_report(command: Command[pb.SubmitReportRequest], work: Work) -> pb.SubmitReportReply:
    """Take a report in, once for each number of a channel."""
    asked = command.request
    channel = _symbol(ReportChannel, asked.channel)
    given = _submission(asked, channel)
    refused = refusal_of(given, work.now)
    if refused is not None or channel is None:
        metrics.REPORTS.labels("REFUSED").inc()
        return pb.SubmitReportReply(accepted=False, code="BAD_REQUEST", reason=refused or "")
    external_no = asked.external_no or None
    before = reports.known(work, channel, external_no)
    if before is not None:
        metrics.REPORTS.labels("DUPLICATE").inc()
        return pb.SubmitReportReply(accepted=True, report_id=before, duplicate=True)
    prop = _symbol(ReportProperty, asked.property) or ReportProperty.UNKNOWN
    said = Said(asked.address_text, asked.reporter_name, asked.reporter_phone, asked.anonymous)
    report_id = reports.receive(work, given, channel, prop, external_no, said=said)
    return pb.SubmitReportReply(accepted=True, report_id=report_id)


def close_case(command: Command[pb.CloseCaseRequest], work: Work) -> pb.CloseCaseReply:
    """Close an open case with its outcome."""
    asked = command.request
    row = work.one(case, case_id=asked.case_id)
    if row is None or row.state == CaseState.OPENING:
        return pb.CloseCaseReply(accepted=False, code="UNKNOWN_CASE", reason="没有这个案件。")
    if row.state == CaseState.CLOSED:
        return pb.CloseCaseReply(accepted=False, code="ALREADY_CLOSED", reason=f"案件已结案：{row.outcome}。")
    if not asked.outcome.strip() or not asked.closed_by.strip():
        return pb.CloseCaseReply(accepted=False, code="BAD_REQUEST", reason="须填写办理结果和结案人。")
    cases.close(work, row, asked.outcome)
    return pb.CloseCaseReply(accepted=True, code="OK")


class CommandServicer(rpc.DispatchCommandServicer):
    """DispatchCommand: each request is run once by the service's writer."""

    def __init__(self, service: WorkflowService) -> None:
        self._service = service

    def SubmitReport(self, request: pb.SubmitReportRequest, context: grpc.ServicerContext) -> pb.SubmitReportReply:  # noqa: N802
        """Take a report in."""
        reply: pb.SubmitReportReply = self._service.execute(request)
        return reply

    def CloseCase(self, request: pb.CloseCaseRequest, context: grpc.ServicerContext) -> pb.CloseCaseReply:  # noqa: N802
        """Close a case."""
        reply: pb.CloseCaseReply = self._service.execute(request)
        return reply


def _submission(asked: pb.SubmitReportRequest, channel: ReportChannel | None) -> Submission:
    point = asked.point
    return Submission(
        channel=channel,
        text=asked.text,
        place=Place(point.lon, point.lat, point.datum) if asked.HasField("point") else None,
        occurred_at=asked.occurred_at.ToDatetime(UTC) if asked.HasField("occurred_at") else None,
    )


def _symbol(enum: type[_E], text: str) -> _E | None:
    try:
        return enum(text)
    except ValueError:
        return None
