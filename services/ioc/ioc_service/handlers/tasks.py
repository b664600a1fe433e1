"""Tasks with their two clocks, and the notice chains that call people about them."""

from typing import Any

import sqlalchemy as sa
from liandong.event import Event
from liandong.workflow import Work
from liandong_contracts import topics
from liandong_contracts.base import Record
from liandong_contracts.emergency import (
    AckKind,
    NoticeAcknowledged,
    NoticeSent,
    NoticeUnanswered,
    TaskAcknowledged,
    TaskAssigned,
    TaskCancelled,
    TaskCompleted,
    TaskOverdue,
)

from ioc_service.handlers.projection import area_name, stamp, tell
from ioc_service.service import console
from ioc_service.tables import notice, task


@console.on(topics.EMERGENCY_TASK, TaskAssigned)
def assigned(event: Event[TaskAssigned], work: Work) -> None:
    """Show a new task, waiting for a person's word."""
    said = event.data
    work.upsert(
        task,
        ("task_id",),
        **tell(event, work),
        task_id=said.task_id,
        title=said.title,
        post=said.assignee_post,
        person=said.assignee_person,
        area_code=said.area_code,
        level=said.level,
        priority=said.priority,
        state="ASSIGNED",
        overdue=None,
        assigned_at=event.time,
        ack_due_at=said.ack_due_at,
        done_due_at=said.done_due_at,
    )


@console.on(topics.EMERGENCY_TASK, TaskAcknowledged)
def acknowledged(event: Event[TaskAcknowledged], work: Work) -> None:
    """A person confirmed."""
    said = event.data
    _change(event, work, state="ACKED", overdue=None, acked_by=said.person_id, acked_via=said.via, acked_at=said.at)


@console.on(topics.EMERGENCY_TASK, TaskOverdue)
def overdue(event: Event[TaskOverdue], work: Work) -> None:
    """A clock ran out."""
    _change(event, work, overdue=event.data.which)


@console.on(topics.EMERGENCY_TASK, TaskCompleted)
def completed(event: Event[TaskCompleted], work: Work) -> None:
    """A person reported the task done."""
    _change(event, work, state="DONE", overdue=None, ended_at=event.data.at, outcome=event.data.result)


@console.on(topics.EMERGENCY_TASK, TaskCancelled)
def cancelled(event: Event[TaskCancelled], work: Work) -> None:
    """The task was taken back."""
    _change(event, work, state="CANCELLED", overdue=None, ended_at=event.data.at, outcome=event.data.reason)


@console.on(topics.EMERGENCY_NOTICE, NoticeSent)
def notice_sent(event: Event[NoticeSent], work: Work) -> None:
    """One more step of a chain went out."""
    said = event.data
    work.upsert(
        notice,
        ("notice_id",),
        **tell(event, work, _about(work, said.about_ref)),
        notice_id=said.notice_id,
        task_id=said.about_ref,
        step=said.step,
        channel=said.channel,
        person=said.person_id,
        state="SENT",
        ack_due_at=said.ack_due_at,
    )


@console.on(topics.EMERGENCY_NOTICE, NoticeAcknowledged)
def notice_acknowledged(event: Event[NoticeAcknowledged], work: Work) -> None:
    """Something came back. A confirmation is not told again: the task's own event says it."""
    said = event.data
    held = work.one(notice, notice_id=said.notice_id)
    if said.kind is AckKind.CONFIRMED:
        mark = stamp(event, work)
    else:
        mark = tell(event, work, _about(work, held.task_id) if held else "")
    if held is not None and held.state != AckKind.CONFIRMED:  # a late delivery report takes nothing back
        work.update(notice, {"notice_id": said.notice_id}, **mark, state=said.kind, person=said.person_id)


@console.on(topics.EMERGENCY_NOTICE, NoticeUnanswered)
def notice_unanswered(event: Event[NoticeUnanswered], work: Work) -> None:
    """Nobody answered a step; the next one follows as its own event."""
    said = event.data
    held = work.one(notice, notice_id=said.notice_id)
    state = "EXHAUSTED" if said.exhausted else "UNANSWERED"
    mark = tell(event, work, _about(work, held.task_id) if held else "")
    work.update(notice, {"notice_id": said.notice_id}, **mark, state=state)


def _change(event: Event[Record], work: Work, **values: Any) -> None:
    held = work.one(task, task_id=event.key)
    mark = tell(event, work, _place(work, held) if held else event.key)
    if held is not None:
        work.update(task, {"task_id": event.key}, **mark, **values)


def _about(work: Work, task_id: str) -> str:
    held = work.one(task, task_id=task_id)
    return _place(work, held) if held else ""


def _place(work: Work, held: sa.Row[Any]) -> str:
    return f"{held.title} {area_name(work, held.area_code)}"
