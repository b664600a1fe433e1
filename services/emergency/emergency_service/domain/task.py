"""The life of one task: ASSIGNED → ACKNOWLEDGED → COMPLETED, or CANCELLED. Who may confirm it, what others hear."""

from collections.abc import Callable
from enum import StrEnum

from emergency_service.domain.verdict import Verdict


class TaskState(StrEnum):
    """States of a task."""

    ASSIGNED = "ASSIGNED"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"


class Step(StrEnum):
    """What may happen to a task."""

    ACKNOWLEDGE = "ACKNOWLEDGE"
    COMPLETE = "COMPLETE"
    CANCEL = "CANCEL"


TRANSITIONS = {
    (TaskState.ASSIGNED, Step.ACKNOWLEDGE): TaskState.ACKNOWLEDGED,
    (TaskState.ASSIGNED, Step.CANCEL): TaskState.CANCELLED,
    (TaskState.ACKNOWLEDGED, Step.COMPLETE): TaskState.COMPLETED,
    (TaskState.ACKNOWLEDGED, Step.CANCEL): TaskState.CANCELLED,
}

OPEN = (TaskState.ASSIGNED, TaskState.ACKNOWLEDGED)


_DO = Verdict(True, "OK", changes=True)


def acknowledge(
    state: TaskState, person_id: str, called: tuple[str, ...], acked_by: str | None, shown: Callable[[str], str]
) -> Verdict:
    """Judge a confirmation: anybody who has been called may give it, and the first one counts.

    `shown` turns a person's id into a name for people.
    """
    if state is TaskState.CANCELLED:
        return Verdict(False, "TASK_CANCELLED", "任务已撤销，无需签收。")
    if acked_by is not None:
        if acked_by == person_id:
            return Verdict(True, "ALREADY_ACKED", "您已签收过此任务。")
        return Verdict(False, "ACKED_BY_OTHER", f"此任务已由{shown(acked_by)}签收。")
    if person_id not in called:
        holder = shown(called[-1]) if called else "无人"
        return Verdict(False, "NOT_CALLED", f"此任务未下达给{shown(person_id)}，现由{holder}负责。")
    return _DO


def complete(state: TaskState, person_id: str, called: tuple[str, ...], shown: Callable[[str], str]) -> Verdict:
    """Judge a completion: the task must have been confirmed, and the person must be one of those called."""
    if state is TaskState.CANCELLED:
        return Verdict(False, "TASK_CANCELLED", "任务已撤销，无需办结。")
    if state is TaskState.COMPLETED:
        return Verdict(True, "ALREADY_DONE", "此任务已办结。")
    if person_id not in called:
        return Verdict(False, "NOT_CALLED", f"此任务未下达给{shown(person_id)}。")
    if state is TaskState.ASSIGNED:
        return Verdict(False, "NOT_ACKED", "任务尚未签收，请先签收再办结。")
    return _DO
