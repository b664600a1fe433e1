"""Calling people 叫应: start a chain, go on when a step is not answered, end it when a person confirms."""

from dataclasses import asdict
from datetime import timedelta
from typing import Any

import msgspec
import sqlalchemy as sa
from liandong.workflow import Timer, Work
from liandong_contracts import topics
from liandong_contracts.emergency import AckKind, NoticeAcknowledged, NoticeSent, NoticeUnanswered, Via

from emergency_service import metrics
from emergency_service.domain.notice import (
    Call,
    NoticeState,
    called,
    calls_of,
    exhausted_text,
    last_call,
    next_call,
)
from emergency_service.domain.plan import ChainStep
from emergency_service.domain.roster import Duty
from emergency_service.reference import References
from emergency_service.tables import notice, task

STEP_TIMER = "notice-step"
Row = sa.Row[Any]


def start(
    work: Work, task_id: str, order: tuple[ChainStep, ...], duty: Duty, step_limit: timedelta, area_code: str, text: str
) -> None:
    """Call the person on duty about a task, step 1 of the order. Without anybody to call the duty officer is told."""
    calls = calls_of(order, duty)
    notice_id = work.new_id("notice", area_code[:6])
    due = work.now + step_limit
    work.insert(
        notice,
        notice_id=notice_id,
        task_id=task_id,
        area_code=area_code,
        state=NoticeState.CALLING,
        step=1,
        step_due_at=due,
        step_limit_s=int(step_limit.total_seconds()),
        calls=[asdict(call) for call in calls],
        text=text,
    )
    row = of_task(work, task_id)
    if calls:
        _send(work, row, calls[0])
    else:
        _exhaust(work, row, calls)


def of_task(work: Work, task_id: str) -> Row:
    """Return the chain of a task."""
    row = work.one(notice, task_id=task_id)
    assert row is not None, f"{task_id} has no notice"
    return row


def people_called(row: Row) -> tuple[str, ...]:
    """Return the ids of everybody whom the chain has called so far, in order."""
    return called(_calls(row), row.step)


def step_over(timer: Timer, work: Work) -> None:
    """Go on with a chain whose step has not been answered within its limit."""
    row = work.one(notice, notice_id=timer.key)
    if row is not None and row.step == timer.data["step"]:
        _go_on(work, row)


def catch_up(work: Work, row: Row) -> None:
    """Go on now when the present step's limit is reached at this very moment, so that the order of timers is no
    matter."""
    if row.step_due_at <= work.now:
        work.cancel(STEP_TIMER, row.notice_id)
        _go_on(work, row)


def confirm(work: Work, row: Row, person_id: str, via: Via) -> None:
    """End a chain by a person's confirmation."""
    _end(work, row, NoticeState.CONFIRMED)
    said = NoticeAcknowledged(
        notice_id=row.notice_id, kind=AckKind.CONFIRMED, person_id=person_id, via=via, at=work.now
    )
    work.emit(topics.EMERGENCY_NOTICE, said, area_code=row.area_code)


def cancel(work: Work, row: Row) -> None:
    """Stop calling: the task is no longer needed."""
    if row.state == NoticeState.CALLING:
        _end(work, row, NoticeState.CANCELLED)


def _go_on(work: Work, row: Row) -> None:
    if row.state != NoticeState.CALLING:
        return
    calls = _calls(row)
    following = next_call(calls, row.step)
    if following is None:
        _exhaust(work, row, calls)
        return
    work.emit(topics.EMERGENCY_NOTICE, _unanswered(work, row, calls[row.step - 1], following), area_code=row.area_code)
    _send(work, row, following)


def _exhaust(work: Work, row: Row, calls: tuple[Call, ...]) -> None:
    """Nobody answered: tell the duty officer, who calls by hand; from here on no timer presses."""
    references: References = work.refs
    officer = references.roster.duty_officer(row.area_code, work.now)
    told = last_call(calls, officer) if officer else None
    if calls:
        said = _unanswered(work, row, calls[-1], told, exhausted=True)
        work.emit(topics.EMERGENCY_NOTICE, said, area_code=row.area_code)
    _end(work, row, NoticeState.EXHAUSTED)
    metrics.EXHAUSTED.inc()
    if told is not None:
        about = work.one(task, task_id=row.task_id)
        text = exhausted_text(references.areas.name(row.area_code), about.title if about else row.text)
        every = [asdict(call) for call in (*calls, told)]
        work.update(notice, {"notice_id": row.notice_id}, calls=every, step=told.step)
        _emit_sent(work, row, told, text)


def _send(work: Work, row: Row, call: Call) -> None:
    due = work.now + timedelta(seconds=row.step_limit_s)
    work.update(notice, {"notice_id": row.notice_id}, step=call.step, step_due_at=due)
    work.after(STEP_TIMER, row.notice_id, at=due, data={"step": call.step})
    _emit_sent(work, row, call, row.text)


def _emit_sent(work: Work, row: Row, call: Call, text: str) -> None:
    metrics.NOTICES.labels(call.channel).inc()
    sent = NoticeSent(
        notice_id=row.notice_id,
        about_ref=row.task_id,
        person_id=call.person_id,
        post=call.post,
        channel=call.channel,
        step=call.step,
        ack_due_at=work.now + timedelta(seconds=row.step_limit_s),
        text=text,
        at=work.now,
    )
    work.emit(topics.EMERGENCY_NOTICE, sent, area_code=row.area_code)


def _unanswered(
    work: Work, row: Row, call: Call, following: Call | None, *, exhausted: bool = False
) -> NoticeUnanswered:
    return NoticeUnanswered(
        notice_id=row.notice_id,
        step=call.step,
        person_id=call.person_id,
        next_channel=following.channel if following else None,
        next_person=following.person_id if following else None,
        exhausted=exhausted,
        at=work.now,
    )


def _end(work: Work, row: Row, state: NoticeState) -> None:
    work.update(notice, {"notice_id": row.notice_id}, state=state)
    work.cancel(STEP_TIMER, row.notice_id)


def _calls(row: Row) -> tuple[Call, ...]:
    return msgspec.convert(row.calls, tuple[Call, ...])
