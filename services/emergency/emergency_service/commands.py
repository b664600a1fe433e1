"""gRPC commands of people: requests into handler calls, verdicts into replies. No rule and no statement here."""

from enum import StrEnum
from typing import TypeVar

import grpc
from google.protobuf.message import Message
from liandong.workflow import Command, Work, WorkflowService
from liandong_contracts.common import Hazard, Level
from liandong_contracts.emergency import Via
from liandong_contracts.rpc import emergency_pb2 as pb
from liandong_contracts.rpc import emergency_pb2_grpc as rpc

from emergency_service import metrics
from emergency_service.domain.policy import rank
from emergency_service.domain.verdict import Verdict
from emergency_service.handlers import responses, tasks

_E = TypeVar("_E", bound=StrEnum)


def approve_proposal(command: Command[pb.ApproveProposalRequest], work: Work) -> pb.Reply:
    """Approve the proposal that the person has seen."""
    asked = command.request
    hazard, level = _symbol(Hazard, asked.hazard), _symbol(Level, asked.level)
    if hazard is None or level is None or not rank(level):
        return _bad(f"灾种或级别不可识别：{asked.hazard} {asked.level}")
    verdict, response_id = responses.approve(work, hazard, asked.area_code, level, asked.version, asked.approved_by)
    metrics.APPROVALS.labels(verdict.code).inc()
    return _reply(verdict, response_id)


def terminate_response(command: Command[pb.TerminateResponseRequest], work: Work) -> pb.Reply:
    """End the running response."""
    asked = command.request
    hazard = _symbol(Hazard, asked.hazard)
    if hazard is None:
        return _bad(f"灾种不可识别：{asked.hazard}")
    return _reply(*responses.terminate(work, hazard, asked.area_code, asked.version, asked.approved_by))


def acknowledge_task(command: Command[pb.AcknowledgeTaskRequest], work: Work) -> pb.Reply:
    """Take a person's confirmation of a task."""
    asked = command.request
    via = _symbol(Via, asked.via)
    if via is None or via is Via.UNKNOWN:
        return _bad(f"签收途径不可识别：{asked.via}")
    return _reply(tasks.acknowledge(work, asked.task_id, asked.person_id, via), asked.task_id)


def complete_task(command: Command[pb.CompleteTaskRequest], work: Work) -> pb.Reply:
    """Take a person's word that a task is done."""
    asked = command.request
    return _reply(tasks.complete(work, asked.task_id, asked.person_id, asked.result), asked.task_id)


def _reply(verdict: Verdict, about: str) -> pb.Reply:
    return pb.Reply(accepted=verdict.accepted, code=verdict.code, reason=verdict.reason, id=about)


def _bad(reason: str) -> pb.Reply:
    return pb.Reply(accepted=False, code="BAD_REQUEST", reason=reason)


def _symbol(enum: type[_E], text: str) -> _E | None:
    try:
        return enum(text)
    except ValueError:
        return None


class CommandServicer(rpc.EmergencyCommandServicer):
    """EmergencyCommand: each request is run once by the service's writer."""

    def __init__(self, service: WorkflowService) -> None:
        self._service = service

    def ApproveProposal(self, request: pb.ApproveProposalRequest, context: grpc.ServicerContext) -> pb.Reply:  # noqa: N802
        """Activate, raise or lower what was proposed."""
        return self._run(request)

    def TerminateResponse(self, request: pb.TerminateResponseRequest, context: grpc.ServicerContext) -> pb.Reply:  # noqa: N802
        """End a response."""
        return self._run(request)

    def AcknowledgeTask(self, request: pb.AcknowledgeTaskRequest, context: grpc.ServicerContext) -> pb.Reply:  # noqa: N802
        """Confirm a task."""
        return self._run(request)

    def CompleteTask(self, request: pb.CompleteTaskRequest, context: grpc.ServicerContext) -> pb.Reply:  # noqa: N802
        """Report a task done."""
        return self._run(request)

    def _run(self, request: Message) -> pb.Reply:
        reply: pb.Reply = self._service.execute(request)
        return reply
