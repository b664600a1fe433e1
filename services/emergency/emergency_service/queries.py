"""gRPC queries: read-only answers from committed rows and from the roster. Nothing here changes anything."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import grpc
import sqlalchemy as sa
from google.protobuf.timestamp_pb2 import Timestamp
from liandong.clock import Clock
from liandong.workflow import WorkflowService
from liandong_contracts.rpc import emergency_pb2 as pb
from liandong_contracts.rpc import emergency_pb2_grpc as rpc

from emergency_service.domain.roster import Person
from emergency_service.domain.task import OPEN, TaskState
from emergency_service.reference import References
from emergency_service.tables import notice, response, task

Row = sa.Row[Any]
_MOST = 2000


class QueryServicer(rpc.EmergencyQueryServicer):
    """EmergencyQuery."""

    def __init__(self, service: WorkflowService, references: References, clock: Clock) -> None:
        self._service = service
        self._references = references
        self._clock = clock

    def WhoIsOnDuty(self, request: pb.WhoIsOnDutyRequest, context: grpc.ServicerContext) -> pb.WhoIsOnDutyReply:  # noqa: N802
        """Return who answers for a post at a moment, and who stands behind them."""
        now = self._clock.now()
        at = request.at.ToDatetime(UTC) if request.HasField("at") else now
        duty = self._references.roster.on_duty(request.post, request.area_code, at)
        return pb.WhoIsOnDutyReply(
            person=_person(duty.person),
            deputy=_person(duty.deputy),
            leader=_person(duty.superior),
            channels=duty.person.channels if duty.person else (),
            roster_age_s=max(0, int((now - self._references.roster_at).total_seconds())),
            gap=duty.gap,
        )

    def ListOpenTasks(self, request: pb.ListOpenTasksRequest, context: grpc.ServicerContext) -> pb.ListOpenTasksReply:  # noqa: N802
        """Return the open tasks of an area, the most urgent first."""
        now = self._clock.now()
        rows = self._service.read(open_tasks(request.area_code))
        views = (task_view(row, now, self._references.roster.shown) for row in rows)
        return pb.ListOpenTasksReply(tasks=[view for view in views if request.state in ("", view.state)])

    def GetResponse(self, request: pb.GetResponseRequest, context: grpc.ServicerContext) -> pb.GetResponseReply:  # noqa: N802
        """Return the newest response of a hazard and area."""
        rows = self._service.read(newest_response(request.hazard, request.area_code))
        return response_view(rows[0]) if rows else pb.GetResponseReply(found=False)


def open_tasks(area_code: str) -> sa.Select[Any]:
    """Return the query for open tasks below an area code prefix, with the steps of their notices."""
    return (
        sa.select(task, notice.c.step)
        .join(notice, notice.c.task_id == task.c.task_id)
        .where(task.c.state.in_(OPEN), task.c.area_code.startswith(area_code, autoescape=True))
        .order_by(task.c.priority, task.c.ack_due_at, task.c.task_id)
        .limit(_MOST)
    )


def newest_response(hazard: str, area_code: str) -> sa.Select[Any]:
    """Return the query for the newest response of a hazard and area, a running one first."""
    return (
        sa.select(response)
        .where(response.c.hazard == hazard, response.c.area_code == area_code)
        .order_by(response.c.ended_at.is_not(None), response.c.effective_at.desc())
        .limit(1)
    )


def task_view(row: Row, now: datetime, shown: Callable[[str], str]) -> pb.TaskView:
    """Return a task as people see it; OVERDUE when the clock that runs has run out."""
    due = row.ack_due_at if row.state == TaskState.ASSIGNED else row.done_due_at
    return pb.TaskView(
        task_id=row.task_id,
        response_id=row.response_id,
        title=row.title,
        area_code=row.area_code,
        assignee_post=row.post,
        assignee=pb.Person(person_id=row.assignee, name=shown(row.assignee)) if row.assignee else None,
        state="OVERDUE" if now > due else row.state,
        level=row.level,
        priority=row.priority,
        assigned_at=_stamp(row.assigned_at),
        ack_due_at=_stamp(row.ack_due_at),
        done_due_at=_stamp(row.done_due_at),
        acknowledged_at=_stamp(row.acked_at),
        acknowledged_by=row.acked_by or "",
        notice_steps=row.step,
    )


def response_view(row: Row) -> pb.GetResponseReply:
    """Return a response as people see it."""
    return pb.GetResponseReply(
        found=True,
        response_id=row.response_id,
        state=row.state,
        own_level=row.own_level,
        ordered_level=row.ordered_level or "",
        effective_level=row.effective_level,
        plan_id=row.plan_id,
        plan_version=row.plan_version,
        version=row.version,
        effective_at=_stamp(row.effective_at),
    )


def _person(person: Person | None) -> pb.Person | None:
    return pb.Person(person_id=person.id, name=person.name) if person else None


def _stamp(at: datetime | None) -> Timestamp | None:
    if at is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(at)
    return stamp
