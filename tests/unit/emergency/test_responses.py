"""From a proposal to an approved level: activation, raising, lowering, ending (EME-1, and the rules of 3.5)."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest
from emergency_service.tables import proposal, response, task
from liandong_contracts.common import Hazard, Level, Tier
from liandong_contracts.emergency import (
    CancelReason,
    NoticeSent,
    ResponseActivated,
    ResponseLevelChanged,
    ResponseTerminated,
    TaskAssigned,
    TaskCancelled,
)

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"


def test_one_press_assigns_every_task_to_the_person_on_duty(desk) -> None:  # type: ignore[no-untyped-def]
    desk.propose(Level.III)
    assert desk.harness.published == []
    reply = desk.approve(Level.III, by="vice")
    assert (reply.accepted, reply.code) == (True, "OK")
    (activated,) = desk.harness.of(ResponseActivated)
    assert activated.data.response_id == reply.id
    assert (activated.data.level, activated.data.ordered_by_tier) == (Level.III, Tier.DISTRICT)
    assert (activated.data.plan_id, activated.data.plan_version) == ("EX-RAINSTORM", 1)
    tasks = [event.data for event in desk.harness.of(TaskAssigned)]
    assert len(tasks) == 22
    assert len({t.task_id for t in tasks}) == 22
    assert all(t.ack_due_at == desk.harness.clock.now() + timedelta(minutes=15) for t in tasks)
    people = {(t.template_id, t.area_code): t.assignee_person for t in tasks}
    assert people["RS-III-04", "990199"] == "officer-night"
    assert people["RS-III-06", "990199002"] == "south"
    assert people["RS-IV-02", "990199003001"] == "grid-3"
    notices = [event.data for event in desk.harness.of(NoticeSent)]
    assert {(n.about_ref, n.person_id) for n in notices} == {(t.task_id, t.assignee_person) for t in tasks}
    assert all(n.step == 1 for n in notices)
    assert all(event.time == desk.harness.clock.now() for event in desk.harness.published)


def test_the_text_names_plan_level_place_task_and_time(desk) -> None:  # type: ignore[no-untyped-def]
    desk.propose(Level.IV)
    desk.approve(Level.IV, by="leader")
    texts = [event.data.text for event in desk.harness.of(NoticeSent)]
    assert "【防汛Ⅳ级应急响应】东一社区：巡查易涝点和低洼住户，发现积水立即上报。请于22:30前签收。" in texts


@pytest.mark.parametrize("crash", ["before", "after"])
def test_a_crash_around_the_commit_loses_and_doubles_nothing(desk, crash: str) -> None:  # type: ignore[no-untyped-def]
    desk.propose(Level.III)
    getattr(desk.harness, f"crash_{crash}_commit")()
    desk.approve(Level.III, by="vice", request_id="press")
    desk.approve(Level.III, by="vice", request_id="press")
    assert len(desk.harness.of(ResponseActivated)) == 1
    assert len(desk.harness.of(TaskAssigned)) == 22


def test_pressing_again_changes_nothing(desk) -> None:  # type: ignore[no-untyped-def]
    desk.propose(Level.IV)
    first = desk.approve(Level.IV, by="leader", request_id="press")
    again = desk.approve(Level.IV, by="leader", request_id="press")
    other = desk.approve(Level.IV, by="vice")
    assert again == first
    assert (other.accepted, other.code, other.id) == (True, "ALREADY_IN_FORCE", first.id)
    assert len(desk.harness.of(ResponseActivated)) == 1
    assert len(desk.harness.of(TaskAssigned)) == 12


def test_raising_keeps_the_tasks_and_adds_those_of_the_level(desk) -> None:  # type: ignore[no-untyped-def]
    desk.propose(Level.IV)
    first = desk.approve(Level.IV, by="leader")
    desk.propose(Level.III)
    reply = desk.approve(Level.III, by="vice")
    assert reply.id == first.id
    (changed,) = desk.harness.of(ResponseLevelChanged)
    said = changed.data
    assert (said.from_level, said.to_level, said.own_level, said.effective_level) == (
        Level.IV,
        Level.III,
        Level.III,
        Level.III,
    )
    assert said.ordered_level is None
    assert len(desk.harness.of(TaskAssigned)) == 12 + 10
    assert desk.harness.of(TaskCancelled) == []
    limits = Counter((e.data.level, e.data.ack_due_at - e.time) for e in desk.harness.of(TaskAssigned))
    assert limits == {
        (Level.WATCH, timedelta(minutes=30)): 1,
        (Level.IV, timedelta(minutes=30)): 11,
        (Level.III, timedelta(minutes=15)): 10,
    }


def test_lowering_needs_an_approval_and_cancels_what_the_higher_level_brought(desk) -> None:  # type: ignore[no-untyped-def]
    desk.propose(Level.III)
    desk.approve(Level.III, by="vice")
    desk.harness.advance(timedelta(hours=2))
    desk.propose(Level.IV)
    assert desk.harness.rows(response)[0].own_level == Level.III
    assert desk.approve(Level.IV, by="leader").code == "NOT_ENTITLED"  # the approver of the higher level decides
    assert desk.approve(Level.IV, by="vice").accepted
    (changed,) = desk.harness.of(ResponseLevelChanged)
    assert (changed.data.from_level, changed.data.effective_level) == (Level.III, Level.IV)
    cancelled = desk.harness.of(TaskCancelled)
    assert len(cancelled) == 10
    assert {event.data.reason for event in cancelled} == {CancelReason.LEVEL_LOWERED}
    desk.propose(Level.III)
    desk.approve(Level.III, by="vice")
    assert len(desk.harness.of(TaskAssigned)) == 22 + 10


