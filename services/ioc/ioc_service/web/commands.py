"""What an operator's press becomes: one command to the owner, in the trace of the thing acted on.

The page gives a request id per press; the owner acts once per id, so a repeat is harmless. Nothing is decided here.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Annotated, Any

import grpc
import msgspec
import sqlalchemy as sa
from liandong_contracts.rpc import emergency_pb2

from ioc_service.domain import labels
from ioc_service.domain.labels import word
from ioc_service.domain.names import Names
from ioc_service.peers import Emergency, status_of
from ioc_service.tables import notice, proposal, task
from ioc_service.view.state import Read

log = logging.getLogger(__name__)

RequestId = Annotated[str, msgspec.Meta(min_length=8, max_length=80, pattern=r"^[A-Za-z0-9-]+$")]
Short = Annotated[str, msgspec.Meta(min_length=1, max_length=120)]

_NOT_DONE = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.UNIMPLEMENTED,
}
"""Statuses that say that nothing happened; after any other one nobody knows."""


class Approve(msgspec.Struct, frozen=True):
    """启动响应: approve the proposal `key` at the level that the operator saw."""

    request_id: RequestId
    operator: Short
    key: Short
    level: Short


class Acknowledge(msgspec.Struct, frozen=True):
    """确认: register the word of the person called about task `key`."""

    request_id: RequestId
    operator: Short
    key: Short


class Outcome(msgspec.Struct, frozen=True):
    """What the page shows. `known` False: nobody knows whether it happened; the same request may be sent again."""

    accepted: bool
    known: bool
    text: str
    code: str = ""
    id: str = ""


class Commands:
    """Sends commands for people; `area_code` is the node's, where the operator's post is."""

    def __init__(self, read: Read, emergency: Emergency, names: Names, area_code: str) -> None:
        self._read = read
        self._emergency = emergency
        self._names = names
        self._area_code = area_code

    async def approve(self, asked: Approve) -> Outcome:
        """Approve a proposal in the name of the operator."""
        return await asyncio.to_thread(self._approve, asked)

    async def acknowledge(self, asked: Acknowledge) -> Outcome:
        """Confirm a task in the name of the person called."""
        return await asyncio.to_thread(self._acknowledge, asked)

    def _approve(self, asked: Approve) -> Outcome:
        row = self._row(proposal, asked.key)
        if row is None:
            return Outcome(False, True, "没有这条响应建议", "UNKNOWN_PROPOSAL")
        if row.level != asked.level:
            return Outcome(False, True, f"建议已更新为{word(labels.LEVEL, row.level)}，请核对后再批准", "STALE_LEVEL")

        def send() -> emergency_pb2.Reply:
            request = emergency_pb2.ApproveProposalRequest(
                request_id=asked.request_id,
                hazard=row.hazard,
                area_code=row.area_code,
                level=row.level,
                approved_by=self._person(asked.operator),
            )
            return self._emergency.approve(request, row.traceparent)

        done = f"已批准：{word(labels.HAZARD, row.hazard)} {word(labels.LEVEL, row.level)}响应，任务正在下达"
        return _answered(send, done)

    def _acknowledge(self, asked: Acknowledge) -> Outcome:
        row = self._row(task, asked.key)
        if row is None:
            return Outcome(False, True, "没有这个任务", "UNKNOWN_TASK")
        chains = self._read(sa.select(notice).where(notice.c.task_id == row.task_id).order_by(notice.c.rev.desc()))
        person = chains[0].person if chains else row.person
        if not person:
            return Outcome(False, True, "还没有人被叫应，无法代录确认", "NOBODY_CALLED")
        request = emergency_pb2.AcknowledgeTaskRequest(
            request_id=asked.request_id, task_id=row.task_id, person_id=person, via="OPERATOR"
        )
        done = f"已登记：{self._names.person(person)}确认“{row.title}”"
        return _answered(lambda: self._emergency.acknowledge(request, row.traceparent), done)

    def _person(self, operator: str) -> str:
        """Return the person behind the operator: a post is resolved by the roster at this moment."""
        if operator in self._names.persons or operator not in labels.POST:
            return operator
        try:
            found = self._emergency.on_duty(operator, self._area_code)
        except grpc.RpcError as error:
            log.warning("who is on duty as %s: %s", operator, status_of(error).name)
            found = None
        return found or self._names.holder(operator, self._area_code) or operator

    def _row(self, table: sa.Table, key: str) -> sa.Row[Any] | None:
        column = next(iter(table.primary_key.columns))
        found = self._read(sa.select(table).where(column == key))
        return found[0] if found else None


def _answered(send: Callable[[], emergency_pb2.Reply], done: str) -> Outcome:
    try:
        reply = send()
    except grpc.RpcError as error:
        code = status_of(error)
        log.warning("command failed: %s", code.name)
        if code in _NOT_DONE:
            return Outcome(False, True, f"命令没有执行（{code.name}）", code.name)
        reason = "没有及时答复" if code is grpc.StatusCode.DEADLINE_EXCEEDED else "暂时不可达"
        return Outcome(False, False, f"应急指挥服务{reason}；再按一次会重发同一请求，不会重复执行", code.name)
    if reply.accepted:
        return Outcome(True, True, reply.reason or done, reply.code, reply.id)
    return Outcome(False, True, f"未执行：{reply.reason or reply.code}", reply.code, reply.id)
