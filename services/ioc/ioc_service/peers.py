"""The services that the console asks or commands, over gRPC. Each call has a deadline; tests bring their own."""

from collections.abc import Sequence
from typing import Protocol

import grpc
from liandong.rpc.client import Clients
from liandong.rpc.context import TRACEPARENT
from liandong_contracts.rpc import emergency_pb2_grpc, sensing_pb2, sensing_pb2_grpc
from liandong_contracts.rpc.emergency_pb2 import (
    AcknowledgeTaskRequest,
    ApproveProposalRequest,
    Reply,
    WhoIsOnDutyRequest,
)

COMMAND_S = 5.0
QUERY_S = 1.0
_NO_PEER = Reply(accepted=False, code="NO_PEER", reason="没有配置应急指挥服务的地址（LIANDONG_PEERS）")


class Emergency(Protocol):
    """What the console needs of emergency. Every method may raise grpc.RpcError."""

    def approve(self, request: ApproveProposalRequest, traceparent: str | None) -> Reply:
        """Approve a proposal."""
        ...

    def acknowledge(self, request: AcknowledgeTaskRequest, traceparent: str | None) -> Reply:
        """Confirm a task for a person."""
        ...

    def on_duty(self, post: str, area_code: str) -> str | None:
        """Return the person who holds a post now, or stands in for it."""
        ...


class GrpcEmergency:
    """Emergency over its channel."""

    def __init__(self, clients: Clients) -> None:
        channel = clients.channel("emergency")
        self._command = emergency_pb2_grpc.EmergencyCommandStub(channel)
        self._query = emergency_pb2_grpc.EmergencyQueryStub(channel)

    def approve(self, request: ApproveProposalRequest, traceparent: str | None) -> Reply:
        """Approve a proposal."""
        reply: Reply = self._command.ApproveProposal(request, timeout=COMMAND_S, metadata=_metadata(traceparent))
        return reply

    def acknowledge(self, request: AcknowledgeTaskRequest, traceparent: str | None) -> Reply:
        """Confirm a task for a person."""
        reply: Reply = self._command.AcknowledgeTask(request, timeout=COMMAND_S, metadata=_metadata(traceparent))
        return reply

    def on_duty(self, post: str, area_code: str) -> str | None:
        """Return the person who holds a post now, or stands in for it."""
        request = WhoIsOnDutyRequest(post=post, area_code=area_code)
        reply = self._query.WhoIsOnDuty(request, timeout=QUERY_S)
        return reply.person.person_id or reply.deputy.person_id or reply.leader.person_id or None


class AbsentEmergency:
    """Stands in where no address of emergency is set: the page shows everything and can command nothing."""

    def approve(self, request: ApproveProposalRequest, traceparent: str | None) -> Reply:
        """Refuse."""
        return _NO_PEER

    def acknowledge(self, request: AcknowledgeTaskRequest, traceparent: str | None) -> Reply:
        """Refuse."""
        return _NO_PEER

    def on_duty(self, post: str, area_code: str) -> str | None:
        """Know nobody."""
        return None


class GrpcSensing:
    """Sensing's newest values over its channel."""

    def __init__(self, clients: Clients) -> None:
        self._query = sensing_pb2_grpc.SensingQueryStub(clients.channel("sensing"))

    def latest(self, device_ids: Sequence[str]) -> sensing_pb2.GetLatestReply:
        """Return the newest values of some devices. Raises grpc.RpcError."""
        request = sensing_pb2.GetLatestRequest(device_ids=device_ids)
        reply: sensing_pb2.GetLatestReply = self._query.GetLatest(request, timeout=QUERY_S)
        return reply


def status_of(error: grpc.RpcError) -> grpc.StatusCode:
    """Return the status of a failed call."""
    code = error.code() if isinstance(error, grpc.Call) else None
    return code if isinstance(code, grpc.StatusCode) else grpc.StatusCode.UNKNOWN


def _metadata(traceparent: str | None) -> tuple[tuple[str, str], ...]:
    return ((TRACEPARENT, traceparent),) if traceparent else ()
