"""A small workflow service for the kit's own tests: proposals become tasks with clocks. It has every kind of handler.

A proposal with plan id BROKEN makes its handler raise; one with plan id DOWN says that a dependency is away.
"""

from datetime import timedelta

import sqlalchemy as sa
from liandong.event import Event
from liandong.testing.workflow import START
from liandong.workflow import Answer, Command, Timer, UtcDateTime, Work, WorkflowService
from liandong_contracts import topics
from liandong_contracts.common import Hazard, Level
from liandong_contracts.emergency import (
    Condition,
    ResponseProposed,
    TaskAcknowledged,
    TaskAssigned,
    TaskOverdue,
    Via,
    Which,
)
from liandong_contracts.rpc import emergency_pb2, flood_pb2
from liandong_contracts.sensing import DeviceCameOnline

MATCH = "liandong.flood.v1.FloodQuery/MatchSpot"
ACK_LIMIT = timedelta(minutes=10)

metadata = sa.MetaData()
proposals = sa.Table(
    "proposal",
    metadata,
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("seen", sa.Integer, nullable=False),
    sa.Column("last", sa.String, nullable=False),
    sa.Column("traceparent", sa.String),
)
tasks = sa.Table(
    "task",
    metadata,
    sa.Column("task_id", sa.String, primary_key=True),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("due_at", UtcDateTime, nullable=False),
    sa.Column("place", sa.String),
)
devices = sa.Table(
    "device",
    metadata,
    sa.Column("device_id", sa.String, primary_key=True),
    sa.Column("online", sa.Integer, nullable=False),
)

service = WorkflowService("emergency", tables=metadata)


@service.on(topics.EMERGENCY_PROPOSAL, ResponseProposed)
def propose(event: Event[ResponseProposed], work: Work) -> None:
    """Count the proposal, assign a task for it and set the task's clock."""
    if event.data.plan_id == "BROKEN":
        raise RuntimeError("a bug in the handler")
    row = work.one(proposals, key=event.key)
    seen = (row.seen if row else 0) + 1
    work.upsert(
        proposals, ["key"], key=event.key, seen=seen, last=event.data.plan_id, traceparent=work.step_traceparent
    )
    task_id = work.new_id("task", event.data.area_code)
    work.insert(tasks, task_id=task_id, state="ASSIGNED", due_at=work.now + ACK_LIMIT)
    work.emit(topics.EMERGENCY_TASK, task_of(task_id, event.data, work))
    work.after("task-ack", task_id, delay=ACK_LIMIT, data={"area": event.data.area_code})


@service.on(topics.SENSING_DEVICE, DeviceCameOnline)
def online(event: Event[DeviceCameOnline], work: Work) -> None:
    """Count how often a device came back (a fact topic: fenced by sequence)."""
    row = work.one(devices, device_id=event.key)
    work.upsert(devices, ["device_id"], device_id=event.key, online=(row.online if row else 0) + 1)


@service.timer("task-ack")
def task_ack(timer: Timer, work: Work) -> None:
    """Nobody confirmed in time: say so and look again later."""
    work.update(tasks, {"task_id": timer.key}, state="OVERDUE")
    overdue = TaskOverdue(task_id=timer.key, which=Which.ACK, overdue_s=0, escalated_to=None, at=work.now)
    work.emit(topics.EMERGENCY_TASK, overdue, time=timer.due)
    work.after("task-ack", timer.key, at=timer.due + ACK_LIMIT, data=timer.data)


@service.command(emergency_pb2.AcknowledgeTaskRequest)
def acknowledge(command: Command[emergency_pb2.AcknowledgeTaskRequest], work: Work) -> emergency_pb2.Reply:
    """A person confirms a task; the clock stops."""
    request = command.request
    if request.task_id == "BROKEN":
        raise RuntimeError("a bug in the handler")
    if work.update(tasks, {"task_id": request.task_id}, state="ACKNOWLEDGED") == 0:
        return emergency_pb2.Reply(accepted=False, code="NOT_FOUND", reason=f"no task {request.task_id}")
    work.cancel("task-ack", request.task_id)
    person = command.actor or request.person_id
    record = TaskAcknowledged(task_id=request.task_id, person_id=person, via=Via.OPERATOR, at=work.now)
    work.emit(topics.EMERGENCY_TASK, record)
    return emergency_pb2.Reply(accepted=True, id=request.task_id)


@service.command(emergency_pb2.CompleteTaskRequest)
def locate(command: Command[emergency_pb2.CompleteTaskRequest], work: Work) -> emergency_pb2.Reply:
    """Ask flood where a task is."""
    request = flood_pb2.MatchSpotRequest(point=flood_pb2.Point(lon=1.0, lat=2.0, datum="WGS84"))
    data = {"task_id": command.request.task_id}
    work.call(MATCH, request, flood_pb2.MatchSpotReply, then="located", deadline=timedelta(seconds=30), data=data)
    return emergency_pb2.Reply(accepted=True, id=command.request.task_id)


@service.command(emergency_pb2.ApproveProposalRequest)
def approve(command: Command[emergency_pb2.ApproveProposalRequest], work: Work) -> emergency_pb2.Reply:
    """Go on in the trace of the stored proposal."""
    key = f"{command.request.hazard}+{command.request.area_code}"
    row = work.one(proposals, key=key)
    if row is None:
        return emergency_pb2.Reply(accepted=False, code="NOT_FOUND", reason=f"no proposal {key}")
    work.continue_trace(row.traceparent)
    task_id = work.new_id("task", command.request.area_code)
    work.insert(tasks, task_id=task_id, state="ASSIGNED", due_at=work.now + ACK_LIMIT)
    work.emit(topics.EMERGENCY_TASK, task_of(task_id, proposal(), work))
    return emergency_pb2.Reply(accepted=True, id=task_id)


@service.answer("located")
def located(answer: Answer[flood_pb2.MatchSpotReply], work: Work) -> None:
    """Note the place, or why there is none."""
    place = answer.reply.spot_id if answer.reply is not None else f"?{answer.error}"
    work.update(tasks, {"task_id": answer.data["task_id"]}, place=place)


def proposal(plan: str = "rain", area: str = "990101", hazard: Hazard = Hazard.RAINSTORM) -> ResponseProposed:
    """Return a proposal."""
    return ResponseProposed(
        hazard=hazard,
        area_code=area,
        plan_id=plan,
        level=Level.IV,
        conditions=(Condition(name="rain", label="一小时雨量", value=31.0, threshold=30.0, unit="mm", met=True),),
        evidence_ids=("evidence-1",),
        confidence=0.9,
        proposed_at=START,
        rule_pack="sample",
        rule_version=1,
    )


def task_of(task_id: str, data: ResponseProposed, work: Work) -> TaskAssigned:
    """Return the task for a proposal."""
    return TaskAssigned(
        task_id=task_id,
        response_id=None,
        incident_id=None,
        title=data.plan_id,
        assignee_post="DUTY_OFFICER",
        assignee_person=None,
        area_code=data.area_code,
        ack_due_at=work.now + ACK_LIMIT,
        done_due_at=work.now + 2 * ACK_LIMIT,
        template_id="sample",
        priority=1,
        level=data.level,
    )
