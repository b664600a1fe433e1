"""Tasks: assign them to the people on duty, take their confirmation and completion, watch both clocks, cancel."""

from collections.abc import Iterable
from typing import Any, cast

import sqlalchemy as sa
from liandong.workflow import Timer, Work
from liandong_contracts import topics
from liandong_contracts.common import Level
from liandong_contracts.emergency import (
    CancelReason,
    TaskAcknowledged,
    TaskAssigned,
    TaskCancelled,
    TaskCompleted,
    TaskOverdue,
    Via,
    Which,
)

from emergency_service import metrics
from emergency_service.domain import task as life
from emergency_service.domain.notice import text_of
from emergency_service.domain.plan import LevelPlan, PlacedTask, Plan
from emergency_service.domain.task import OPEN, TRANSITIONS, Step, TaskState
from emergency_service.domain.verdict import Verdict
from emergency_service.handlers import chain, notices
from emergency_service.reference import References
from emergency_service.tables import task

ACK_TIMER = "task-ack"
DONE_TIMER = "task-done"
Row = sa.Row[Any]

_UNKNOWN = Verdict(False, "UNKNOWN_TASK", "没有这个任务。")


def assign(work: Work, response_id: str, plan: Plan, level: Level, placed: Iterable[PlacedTask]) -> None:
    """Give each task to the person on duty now, with the limits of the level in force, and call that person."""
    limits = plan.at(level)
    assert limits is not None, f"{plan.plan_id} has no level {level}"
    for item in placed:
        _assign_one(work, response_id, plan, level, limits, item)


def _assign_one(work: Work, response_id: str, plan: Plan, level: Level, limits: LevelPlan, item: PlacedTask) -> None:
    references: References = work.refs
    template, area = item.template, item.area
    duty = references.roster.on_duty(template.post, area.code, work.now)
    task_id = work.new_id("task", area.code[:6])
    ack_due, done_due = work.now + limits.ack_limit, work.now + limits.done_limit
    assigned = TaskAssigned(
        task_id=task_id,
        response_id=response_id,
        incident_id=None,
        title=template.title,
        assignee_post=template.post,
        assignee_person=duty.person.id if duty.person else None,
        area_code=area.code,
        ack_due_at=ack_due,
        done_due_at=done_due,
        template_id=template.template_id,
        priority=template.priority,
        level=item.level,
    )
    _store(work, assigned, gap=duty.gap)
    work.emit(topics.EMERGENCY_TASK, assigned, area_code=area.code)
    work.after(ACK_TIMER, task_id, at=ack_due)
    work.after(DONE_TIMER, task_id, at=done_due)
    text = text_of(plan.short_title, level, area.name, template.title, ack_due)
    notices.start(work, task_id, plan.chain, duty, limits.step_limit, area.code, text)
    metrics.TASKS.labels("ASSIGN").inc()
    if duty.gap:
        metrics.ROSTER_GAPS.labels(template.post).inc()


def _store(work: Work, assigned: TaskAssigned, *, gap: bool) -> None:
    work.insert(
        task,
        task_id=assigned.task_id,
        response_id=assigned.response_id,
        template_id=assigned.template_id,
        level=assigned.level,
        title=assigned.title,
        area_code=assigned.area_code,
        post=assigned.assignee_post,
        assignee=assigned.assignee_person,
        gap=gap,
        priority=assigned.priority,
        state=TaskState.ASSIGNED,
        assigned_at=work.now,
        ack_due_at=assigned.ack_due_at,
        done_due_at=assigned.done_due_at,
        traceparent=work.traceparent,
        correlation_id=work.correlation_id,
    )


def acknowledge(work: Work, task_id: str, person_id: str, via: Via) -> Verdict:
    """Take a person's confirmation; the first of those called counts, and calling ends."""
    row = work.one(task, task_id=task_id)
    if row is None:
        return _UNKNOWN
    calling = notices.of_task(work, task_id)
    called, shown = notices.people_called(calling), cast(References, work.refs).roster.shown
    verdict = life.acknowledge(TaskState(row.state), person_id, called, row.acked_by, shown)
    if verdict.changes:
        chain.go_on(work, row.traceparent, row.correlation_id)
        _step(work, row, Step.ACKNOWLEDGE, acked_by=person_id, acked_at=work.now)
        work.cancel(ACK_TIMER, task_id)
        said = TaskAcknowledged(task_id=task_id, person_id=person_id, via=via, at=work.now)
        work.emit(topics.EMERGENCY_TASK, said, area_code=row.area_code)
        notices.confirm(work, calling, person_id, via)
    return verdict


def complete(work: Work, task_id: str, person_id: str, result: str) -> Verdict:
    """Take a person's word that a confirmed task is done."""
    row = work.one(task, task_id=task_id)
    if row is None:
        return _UNKNOWN
    called = notices.people_called(notices.of_task(work, task_id))
    verdict = life.complete(TaskState(row.state), person_id, called, cast(References, work.refs).roster.shown)
    if verdict.changes:
        chain.go_on(work, row.traceparent, row.correlation_id)
        _step(work, row, Step.COMPLETE, closed_at=work.now, result=result)
        work.cancel(DONE_TIMER, task_id)
        said = TaskCompleted(task_id=task_id, person_id=person_id, result=result, at=work.now)
        work.emit(topics.EMERGENCY_TASK, said, area_code=row.area_code)
    return verdict


def cancel_open(work: Work, response_id: str, reason: CancelReason, levels: Iterable[Level]) -> None:
    """Cancel the open tasks that these levels brought."""
    found = work.all(
        sa.select(task)
        .where(task.c.response_id == response_id, task.c.state.in_(OPEN), task.c.level.in_(list(levels)))
        .order_by(task.c.task_id)
    )
    for row in found:
        _step(work, row, Step.CANCEL, closed_at=work.now)
        work.cancel(ACK_TIMER, row.task_id)
        work.cancel(DONE_TIMER, row.task_id)
        said = TaskCancelled(task_id=row.task_id, reason=reason, at=work.now)
        work.emit(topics.EMERGENCY_TASK, said, area_code=row.area_code)
        notices.cancel(work, notices.of_task(work, row.task_id))


def ack_over(timer: Timer, work: Work) -> None:
    """Say that nobody has confirmed a task in time, and who is being called about it now."""
    row = work.one(task, task_id=timer.key)
    if row is None or row.state != TaskState.ASSIGNED:
        return
    notices.catch_up(work, notices.of_task(work, row.task_id))
    holder = notices.people_called(notices.of_task(work, row.task_id))[-1:]
    _overdue(work, row, Which.ACK, holder[0] if holder and holder[0] != row.assignee else None)


def done_over(timer: Timer, work: Work) -> None:
    """Say that a task is not done in time."""
    row = work.one(task, task_id=timer.key)
    if row is not None and row.state in OPEN:
        _overdue(work, row, Which.DONE, None)


def _overdue(work: Work, row: Row, which: Which, escalated_to: str | None) -> None:
    metrics.TASKS.labels(f"OVERDUE_{which}").inc()
    due = row.ack_due_at if which is Which.ACK else row.done_due_at
    late = int((work.now - due).total_seconds())
    said = TaskOverdue(task_id=row.task_id, which=which, overdue_s=late, escalated_to=escalated_to, at=work.now)
    work.emit(topics.EMERGENCY_TASK, said, area_code=row.area_code)


def _step(work: Work, row: Row, step: Step, **values: object) -> None:
    metrics.TASKS.labels(step).inc()
    state = TRANSITIONS[TaskState(row.state), step]
    work.update(task, {"task_id": row.task_id}, state=state, **values)
