"""The calling order 叫应: who is called when, who may confirm, what is said to whom (EME-2)."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from emergency_service.app import build
from emergency_service.reference import References
from emergency_service.tables import notice, task
from hypothesis import given, settings
from hypothesis import strategies as st
from liandong.testing.workflow import WorkflowHarness
from liandong_contracts.common import Level
from liandong_contracts.emergency import (
    AckKind,
    NoticeAcknowledged,
    NoticeChannel,
    NoticeSent,
    NoticeUnanswered,
    TaskAcknowledged,
    TaskCompleted,
    TaskOverdue,
    Via,
    Which,
)

from tests.support.emergency_desk import NIGHT, Desk

APP, SMS, VOICE = NoticeChannel.APP, NoticeChannel.SMS, NoticeChannel.VOICE


def minutes(desk: Desk, count: float) -> None:
    desk.harness.advance(timedelta(minutes=count))


def start(desk: Desk, level: Level, by: str, template: str) -> str:
    """Activate a level and return the first task of a template."""
    desk.propose(level)
    assert desk.approve(level, by=by).accepted
    return desk.task(template)


def calls(desk: Desk, task_id: str) -> list[tuple[int, int, str, str]]:
    """Return (minute, step, person, channel) of the calls about a task."""
    return [
        (round((event.time - NIGHT).total_seconds() / 60), event.data.step, event.data.person_id, event.data.channel)
        for event in desk.harness.of(NoticeSent)
        if event.data.about_ref == task_id
    ]


PUMP_AT_III = [
    (0, 1, "pump", APP),
    (3, 2, "pump", SMS),
    (6, 3, "pump", VOICE),
    (9, 4, "pump-deputy", APP),
    (12, 5, "leader", APP),
    (15, 6, "officer-night", APP),
]


def test_nobody_answers(desk: Desk) -> None:
    task_id = start(desk, Level.III, "vice", "RS-III-01")
    minutes(desk, 60)
    assert calls(desk, task_id) == PUMP_AT_III
    unanswered = [
        (round((e.time - NIGHT).total_seconds() / 60), e.data.step, e.data.person_id, e.data.next_person)
        for e in desk.harness.of(NoticeUnanswered)
        if e.data.notice_id == notice_of(desk, task_id)
    ]
    assert unanswered == [
        (3, 1, "pump", "pump"),
        (6, 2, "pump", "pump"),
        (9, 3, "pump", "pump-deputy"),
        (12, 4, "pump-deputy", "leader"),
        (15, 5, "leader", "officer-night"),
    ]
    exhausted = [e for e in desk.harness.of(NoticeUnanswered) if e.data.notice_id == notice_of(desk, task_id)]
    assert [e.data.exhausted for e in exhausted] == [False, False, False, False, True]
    (overdue,) = [e for e in desk.harness.of(TaskOverdue) if e.data.task_id == task_id]
    assert overdue.time == NIGHT + timedelta(minutes=15)
    assert (overdue.data.which, overdue.data.overdue_s, overdue.data.escalated_to) == (Which.ACK, 0, "officer-night")
    last = next(e for e in desk.harness.of(NoticeSent) if e.data.about_ref == task_id and e.data.step == 6)
    assert (last.data.post, last.data.text[:6]) == ("DUTY_OFFICER", "【无人应答】")
    assert desk.harness.of(TaskAcknowledged) == []


def notice_of(desk: Desk, task_id: str) -> str:
    return next(str(row.notice_id) for row in desk.harness.rows(notice) if row.task_id == task_id)


def test_level_iv_gives_five_minutes_a_step_and_thirty_in_all(desk: Desk) -> None:
    task_id = start(desk, Level.IV, "leader", "RS-IV-02")
    minutes(desk, 45)
    assert calls(desk, task_id) == [
        (0, 1, "grid-1", APP),
        (5, 2, "grid-1", SMS),
        (10, 3, "grid-1", VOICE),
        (15, 4, "grid-deputy", APP),
        (20, 5, "east-leader", APP),
        (25, 6, "east", APP),
    ]
    (overdue,) = [e for e in desk.harness.of(TaskOverdue) if e.data.task_id == task_id]
    assert overdue.time == NIGHT + timedelta(minutes=30)
    assert overdue.data.escalated_to == "east"


def test_a_person_with_one_channel_is_called_by_it_once(desk: Desk) -> None:
    task_id = start(desk, Level.III, "vice", "RS-III-02")
    minutes(desk, 30)
    assert calls(desk, task_id) == [(0, 1, "team", VOICE), (3, 2, "leader", APP), (6, 3, "officer-night", APP)]


@pytest.mark.parametrize("at", [0, 3, 7.5, 15])
def test_a_restart_at_any_moment_changes_no_time(desk: Desk, at: float) -> None:
    task_id = start(desk, Level.III, "vice", "RS-III-01")
    minutes(desk, at)
    desk.harness.restart()
    minutes(desk, 60 - at)
    assert calls(desk, task_id) == PUMP_AT_III
    assert len([e for e in desk.harness.of(TaskOverdue) if e.data.task_id == task_id]) == 1


def test_after_a_long_standstill_each_step_has_its_full_time_again(desk: Desk) -> None:
    task_id = start(desk, Level.III, "vice", "RS-III-01")
    desk.harness.clock.set(NIGHT + timedelta(minutes=40))
    desk.harness.restart()
    minutes(desk, 60)
    assert [call[0] for call in calls(desk, task_id)][:3] == [0, 40, 43]


def test_a_confirmation_ends_the_calls(desk: Desk) -> None:
    task_id = start(desk, Level.III, "vice", "RS-III-01")
    minutes(desk, 4)
    reply = desk.acknowledge(task_id, "pump", via="SMS")
    assert (reply.accepted, reply.code, reply.id) == (True, "OK", task_id)
    minutes(desk, 30)
    assert calls(desk, task_id) == PUMP_AT_III[:2]
    (acked,) = desk.harness.of(TaskAcknowledged)
    assert (acked.data.person_id, acked.data.via, acked.data.at) == ("pump", Via.SMS, NIGHT + timedelta(minutes=4))
    (confirmed,) = desk.harness.of(NoticeAcknowledged)
    assert (confirmed.data.notice_id, confirmed.data.kind) == (notice_of(desk, task_id), AckKind.CONFIRMED)
    assert [e for e in desk.harness.of(TaskOverdue) if e.data.task_id == task_id and e.data.which is Which.ACK] == []


def test_twice_is_once(desk: Desk) -> None:
    task_id = start(desk, Level.III, "vice", "RS-III-01")
    first = desk.acknowledge(task_id, "pump", request_id="press")
    assert desk.acknowledge(task_id, "pump", request_id="press") == first
    again = desk.acknowledge(task_id, "pump")
    assert (again.accepted, again.code) == (True, "ALREADY_ACKED")
    assert len(desk.harness.of(TaskAcknowledged)) == 1


def test_only_those_who_were_called_may_confirm_and_the_first_counts(desk: Desk) -> None:
    task_id = start(desk, Level.III, "vice", "RS-III-01")
    early = desk.acknowledge(task_id, "pump-deputy")
    assert (early.accepted, early.code) == (False, "NOT_CALLED")
    assert early.reason == "此任务未下达给测试·泵站副手，现由测试·泵站操作员负责。"
    assert desk.acknowledge(task_id, "grid-1").code == "NOT_CALLED"
    minutes(desk, 10)
    assert desk.acknowledge(task_id, "pump-deputy").accepted
    late = desk.acknowledge(task_id, "pump")
    assert (late.accepted, late.code, late.reason) == (False, "ACKED_BY_OTHER", "此任务已由测试·泵站副手签收。")
    assert [event.data.person_id for event in desk.harness.of(TaskAcknowledged)] == ["pump-deputy"]


def test_the_first_person_may_still_confirm_after_the_deputy_was_called(desk: Desk) -> None:
    task_id = start(desk, Level.III, "vice", "RS-III-01")
    minutes(desk, 10)
    assert desk.acknowledge(task_id, "pump").accepted
    assert desk.acknowledge(task_id, "pump-deputy").code == "ACKED_BY_OTHER"


def test_the_duty_officer_confirms_by_hand_after_the_end_of_the_order(desk: Desk) -> None:
    task_id = start(desk, Level.III, "vice", "RS-III-01")
    assert desk.acknowledge(task_id, "officer-night", via="OPERATOR").code == "NOT_CALLED"
    minutes(desk, 20)
    assert desk.acknowledge(task_id, "officer-night", via="OPERATOR").accepted


def test_clear_replies_for_what_cannot_be_confirmed(desk: Desk) -> None:
    assert desk.acknowledge("nothing", "pump").code == "UNKNOWN_TASK"
    task_id = start(desk, Level.III, "vice", "RS-III-01")
    assert desk.acknowledge(task_id, "pump", via="PIGEON").code == "BAD_REQUEST"
    assert desk.acknowledge(task_id, "pump", via="UNKNOWN").code == "BAD_REQUEST"
    desk.terminate("vice")
    assert desk.acknowledge(task_id, "pump").code == "TASK_CANCELLED"
    assert desk.complete(task_id, "pump").code == "TASK_CANCELLED"


def test_a_task_is_done_after_it_was_confirmed(desk: Desk) -> None:
    task_id = start(desk, Level.III, "vice", "RS-III-01")
    assert desk.complete(task_id, "pump").code == "NOT_ACKED"
    desk.acknowledge(task_id, "pump")
    assert desk.complete(task_id, "grid-1").code == "NOT_CALLED"
    assert desk.complete(task_id, "pump").accepted
    assert desk.complete(task_id, "pump").code == "ALREADY_DONE"
    assert desk.acknowledge(task_id, "pump").code == "ALREADY_ACKED"
    assert [event.data.result for event in desk.harness.of(TaskCompleted)] == ["已完成"]
    assert [kind for kind, key, _ in desk.harness.timers if key == task_id] == []


def test_a_task_not_done_in_time_is_said_once(desk: Desk) -> None:
    task_id = start(desk, Level.III, "vice", "RS-III-01")
    desk.acknowledge(task_id, "pump")
    minutes(desk, 300)
    (overdue,) = [e for e in desk.harness.of(TaskOverdue) if e.data.task_id == task_id]
    assert (overdue.data.which, overdue.time) == (Which.DONE, NIGHT + timedelta(minutes=90))


def test_the_shift_at_the_moment_decides(make_desk: Callable[[datetime], Desk]) -> None:
    desk = make_desk(NIGHT + timedelta(hours=11))  # 09:00 in Shanghai
    task_id = start(desk, Level.III, "vice", "RS-III-04")
    assert [e.data.person_id for e in desk.harness.of(NoticeSent) if e.data.about_ref == task_id] == ["officer-day"]


PEOPLE = st.sampled_from(["flood", "leader", "officer-night", "grid-1"])
ACTS = st.lists(st.one_of(PEOPLE, st.integers(1, 12)), max_size=12)


@given(acts=ACTS)
@settings(max_examples=15, deadline=None)
def test_however_people_act_one_confirmation_counts_and_ends_the_calls(
    references: References, acts: list[object]
) -> None:
    desk = Desk(WorkflowHarness(build(), refs=references, now=NIGHT))
    task_id = start(desk, Level.WATCH, "leader", "RS-WATCH-01")
    for act in acts:
        if isinstance(act, int):
            minutes(desk, act)
        else:
            desk.acknowledge(task_id, str(act))
    minutes(desk, 300)
    said = [event.data for event in desk.harness.published]
    acks = [index for index, data in enumerate(said) if isinstance(data, TaskAcknowledged)]
    sent = [index for index, data in enumerate(said) if isinstance(data, NoticeSent)]
    assert len(acks) <= 1
    assert all(index < acks[0] for index in sent) if acks else said[sent[-1]].person_id == "officer-night"  # type: ignore[attr-defined]
    called = {said[index].person_id for index in sent}  # type: ignore[attr-defined]
    assert all(said[index].person_id in called for index in acks)  # type: ignore[attr-defined]
    (row,) = desk.harness.rows(task)
    assert (row.acked_by is not None) == bool(acks)
