"""From a proposal to an approved level: activation, raising, lowering, ending (EME-1, and the rules of 3.5)."""

from collections import Counter
from datetime import timedelta

import pytest
from emergency_service.tables import proposal, response
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

from tests.support.emergency_desk import Desk

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"


def test_one_press_assigns_every_task_to_the_person_on_duty(desk: Desk) -> None:
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


def test_the_text_names_plan_level_place_task_and_time(desk: Desk) -> None:
    desk.propose(Level.IV)
    desk.approve(Level.IV, by="leader")
    texts = [event.data.text for event in desk.harness.of(NoticeSent)]
    assert "【防汛Ⅳ级应急响应】东一社区：巡查易涝点和低洼住户，发现积水立即上报。请于22:30前签收。" in texts


@pytest.mark.parametrize("crash", ["before", "after"])
def test_a_crash_around_the_commit_loses_and_doubles_nothing(desk: Desk, crash: str) -> None:
    desk.propose(Level.III)
    getattr(desk.harness, f"crash_{crash}_commit")()
    desk.approve(Level.III, by="vice", request_id="press")
    desk.approve(Level.III, by="vice", request_id="press")
    assert len(desk.harness.of(ResponseActivated)) == 1
    assert len(desk.harness.of(TaskAssigned)) == 22


def test_pressing_again_changes_nothing(desk: Desk) -> None:
    desk.propose(Level.IV)
    first = desk.approve(Level.IV, by="leader", request_id="press")
    again = desk.approve(Level.IV, by="leader", request_id="press")
    other = desk.approve(Level.IV, by="vice")
    assert again == first
    assert (other.accepted, other.code, other.id) == (True, "ALREADY_IN_FORCE", first.id)
    assert len(desk.harness.of(ResponseActivated)) == 1
    assert len(desk.harness.of(TaskAssigned)) == 12


def test_raising_keeps_the_tasks_and_adds_those_of_the_level(desk: Desk) -> None:
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


def test_lowering_needs_an_approval_and_cancels_what_the_higher_level_brought(desk: Desk) -> None:
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


def test_the_approval_goes_on_in_the_trace_of_the_proposal(desk: Desk) -> None:
    desk.propose(Level.IV, traceparent=TRACE, correlation_id="first-reading")
    desk.approve(Level.IV, by="leader")
    assert {event.traceparent for event in desk.harness.published} == {TRACE}
    assert {event.correlation_id for event in desk.harness.published} == {"first-reading"}
    task_id = desk.task("RS-WATCH-01")
    said = desk.acknowledge(task_id, "flood")
    assert said.accepted
    assert {event.traceparent for event in desk.harness.published[-2:]} == {TRACE}
    assert {event.correlation_id for event in desk.harness.published[-2:]} == {"first-reading"}


def test_an_approver_in_the_same_trace_keeps_the_place_in_it(desk: Desk) -> None:
    desk.propose(Level.IV, traceparent=TRACE)
    mine = TRACE.replace("b7ad6b7169203331", "00f067aa0ba902b7")
    desk.approve(Level.IV, by="leader", traceparent=mine)
    assert {event.traceparent for event in desk.harness.published} == {mine}


def test_the_latest_proposal_counts(desk: Desk) -> None:
    desk.propose(Level.IV)
    desk.propose(Level.III)
    desk.propose(Level.IV, proposed_at=desk.harness.clock.now() - timedelta(minutes=5))
    (row,) = desk.harness.rows(proposal)
    assert (row.level, row.version) == (Level.III, 2)
    refused = desk.approve(Level.IV, by="leader")
    assert (refused.accepted, refused.code) == (False, "STALE_VERSION")
    assert "Ⅲ级" in refused.reason
    assert desk.approve(Level.III, by="vice", version=1).code == "STALE_VERSION"
    assert desk.approve(Level.III, by="vice", version=2).accepted


def test_the_same_level_again_renews_the_figures_not_the_version(desk: Desk) -> None:
    desk.propose(Level.IV)
    desk.harness.advance(timedelta(minutes=5))
    desk.propose(Level.IV)
    (row,) = desk.harness.rows(proposal)
    assert (row.version, row.proposed_at) == (1, desk.harness.clock.now())


def test_a_level_in_force_needs_no_decision(desk: Desk) -> None:
    desk.propose(Level.IV)
    desk.approve(Level.IV, by="leader")
    desk.propose(Level.IV)
    (row,) = desk.harness.rows(proposal)
    assert row.state == "APPROVED"
    desk.propose(Level.III)
    desk.propose(Level.IV)
    (row,) = desk.harness.rows(proposal)
    assert (row.state, row.level) == ("PENDING", Level.III)


def test_a_repeated_event_changes_nothing(desk: Desk) -> None:
    desk.propose(Level.IV)
    desk.harness.redeliver()
    desk.harness.redeliver(new_offset=True)
    (row,) = desk.harness.rows(proposal)
    assert row.version == 1


def test_an_unknown_level_is_not_kept(desk: Desk) -> None:
    desk.propose(Level.UNKNOWN)
    assert desk.harness.rows(proposal) == []


@pytest.mark.parametrize(
    ("level", "by", "code"),
    [
        (Level.IV, "leader", "OK"),
        (Level.IV, "vice", "OK"),
        (Level.IV, "commander", "OK"),
        (Level.IV, "officer-night", "NOT_ENTITLED"),
        (Level.III, "leader", "NOT_ENTITLED"),
        (Level.III, "commander", "OK"),
        (Level.I, "vice", "OK"),
        (Level.I, "leader", "NOT_ENTITLED"),
        (Level.I, "", "NOT_ENTITLED"),
    ],
)
def test_who_may_approve_follows_the_level(desk: Desk, level: Level, by: str, code: str) -> None:
    desk.propose(level)
    reply = desk.approve(level, by=by)
    assert (reply.code, reply.accepted) == (code, code == "OK")
    assert len(desk.harness.of(ResponseActivated)) == reply.accepted


def test_a_refusal_names_who_may_approve(desk: Desk) -> None:
    desk.propose(Level.III)
    reason = desk.approve(Level.III, by="officer-night").reason
    assert reason == "须由副指挥长批准，现可批准人：测试·副指挥长、测试·指挥长。"


def test_nothing_is_approved_that_was_not_proposed(desk: Desk) -> None:
    assert desk.approve(Level.IV, by="leader").code == "NO_PROPOSAL"
    desk.propose(Level.IV, hazard=Hazard.TYPHOON)
    assert desk.approve(Level.IV, by="leader").code == "NO_PROPOSAL"
    assert desk.approve(Level.IV, by="leader", hazard=Hazard.TYPHOON).code == "NO_PLAN"
    assert desk.approve(Level.IV, by="leader", hazard="STORM").code == "BAD_REQUEST"
    assert desk.harness.published == []


def test_ending_cancels_the_open_tasks(desk: Desk) -> None:
    desk.propose(Level.IV)
    response_id = desk.approve(Level.IV, by="leader").id
    done = desk.task("RS-WATCH-01")
    desk.acknowledge(done, "flood")
    desk.complete(done, "flood")
    assert desk.terminate("officer-night").code == "NOT_ENTITLED"
    assert desk.terminate("leader", version=7).code == "STALE_VERSION"
    reply = desk.terminate("leader", version=1)
    assert (reply.accepted, reply.id) == (True, response_id)
    assert len(desk.harness.of(ResponseTerminated)) == 1
    cancelled = desk.harness.of(TaskCancelled)
    assert len(cancelled) == 11
    assert {event.data.reason for event in cancelled} == {CancelReason.TERMINATED}
    assert desk.harness.timers == []
    assert desk.terminate("leader").code == "NO_RESPONSE"


def test_after_the_end_a_new_proposal_begins_a_new_response(desk: Desk) -> None:
    desk.propose(Level.IV)
    first = desk.approve(Level.IV, by="leader").id
    desk.terminate("leader")
    desk.harness.advance(timedelta(days=1))
    desk.propose(Level.IV)
    second = desk.approve(Level.IV, by="leader").id
    assert second != first
    assert len(desk.harness.of(ResponseActivated)) == 2
    assert [row.state for row in desk.harness.rows(response)] == ["TERMINATED", "ACTIVE"]
