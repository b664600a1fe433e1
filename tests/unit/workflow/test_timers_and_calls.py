"""Timers and calls: they survive a restart and happen once."""

from datetime import timedelta

import pytest
from liandong.testing.workflow import START, WorkflowHarness
from liandong_contracts import topics
from liandong_contracts.emergency import TaskOverdue
from liandong_contracts.rpc.emergency_pb2 import AcknowledgeTaskRequest, CompleteTaskRequest
from liandong_contracts.rpc.flood_pb2 import MatchSpotReply, MatchSpotRequest

from tests.support import workflow_sample as sample


@pytest.fixture
def task_id(harness: WorkflowHarness) -> str:
    (event,) = harness.put(topics.EMERGENCY_PROPOSAL, sample.proposal())
    return event.key


def place(harness: WorkflowHarness) -> str | None:
    (row,) = harness.rows(sample.tasks)
    return str(row.place) if row.place else None


def test_timer_fires_at_its_moment_and_once(harness: WorkflowHarness, task_id: str) -> None:
    assert harness.advance(timedelta(minutes=9, seconds=59)) == []
    (event,) = harness.advance(timedelta(minutes=5))
    assert isinstance(event.data, TaskOverdue)
    assert (event.time, event.data.at) == (START + timedelta(minutes=10), START + timedelta(minutes=10))
    assert harness.timers == [("task-ack", task_id, START + timedelta(minutes=20))]


@pytest.mark.parametrize("crash", ["crash_before_commit", "crash_after_commit"])
def test_timer_survives_a_crash(harness: WorkflowHarness, task_id: str, crash: str) -> None:
    getattr(harness, crash)()
    harness.advance(timedelta(minutes=10))
    assert len(harness.of(TaskOverdue)) == 1


def test_timer_survives_a_restart(harness: WorkflowHarness, task_id: str) -> None:
    harness.restart()
    harness.advance(timedelta(minutes=10))
    assert len(harness.of(TaskOverdue)) == 1


def test_cancelled_timer_does_not_fire(harness: WorkflowHarness, task_id: str) -> None:
    harness.execute(AcknowledgeTaskRequest(request_id="r-1", task_id=task_id, person_id="p"))
    assert harness.advance(timedelta(hours=1)) == []


def test_timers_inherit_cause_and_trace(harness: WorkflowHarness) -> None:
    trace = "00-" + "ab" * 16 + "-" + "cd" * 8 + "-00"
    harness.put(topics.EMERGENCY_PROPOSAL, sample.proposal(), event_id="p-1", correlation_id="c-1", traceparent=trace)
    (event,) = harness.advance(timedelta(minutes=10))
    assert (event.causation_id, event.correlation_id, event.traceparent) == ("p-1", "c-1", trace)


def test_two_firings_have_different_ids(harness: WorkflowHarness, task_id: str) -> None:
    harness.advance(timedelta(minutes=30))
    found = harness.of(TaskOverdue)
    assert len({event.id for event in found}) == len(found) == 3


def test_call_is_answered_once(harness: WorkflowHarness, task_id: str) -> None:
    asked: list[MatchSpotRequest] = []

    def match(request: MatchSpotRequest) -> MatchSpotReply:
        asked.append(request)
        return MatchSpotReply(spot_id="spot-1", catalogued=True)

    harness.answer(sample.MATCH, match)
    harness.execute(CompleteTaskRequest(request_id="r-1", task_id=task_id))
    assert place(harness) == "spot-1"
    assert [request.point.lat for request in asked] == [2.0]
    assert harness.calls == []


def test_call_waits_across_a_restart(harness: WorkflowHarness, task_id: str) -> None:
    harness.execute(CompleteTaskRequest(request_id="r-1", task_id=task_id))
    harness.restart()
    (call,) = harness.calls
    assert (call.method, call.then, call.due) == (sample.MATCH, "located", START + timedelta(seconds=30))
    harness.answer(sample.MATCH, lambda request: MatchSpotReply(spot_id="spot-1"))
    assert place(harness) == "spot-1"


def test_call_times_out(harness: WorkflowHarness, task_id: str) -> None:
    harness.execute(CompleteTaskRequest(request_id="r-1", task_id=task_id))
    harness.advance(timedelta(seconds=31))
    assert place(harness) == "?DEADLINE_EXCEEDED"
    assert harness.calls == []


def test_call_that_fails_says_why(harness: WorkflowHarness, task_id: str) -> None:
    def away(request: MatchSpotRequest) -> MatchSpotReply:
        raise ConnectionError

    harness.answer(sample.MATCH, away)
    harness.execute(CompleteTaskRequest(request_id="r-1", task_id=task_id))
    assert place(harness) == "?UNAVAILABLE"
