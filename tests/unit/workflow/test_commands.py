"""Commands: one effect and one reply per request id."""

import pytest
from liandong.testing.workflow import WorkflowHarness
from liandong.workflow import CommandRefused
from liandong_contracts import topics
from liandong_contracts.emergency import TaskAcknowledged
from liandong_contracts.rpc.emergency_pb2 import AcknowledgeTaskRequest, CompleteTaskRequest

from tests.support import workflow_sample as sample


@pytest.fixture
def task_id(harness: WorkflowHarness) -> str:
    (event,) = harness.put(topics.EMERGENCY_PROPOSAL, sample.proposal())
    return event.key


def test_command_acts_and_replies(harness: WorkflowHarness, task_id: str) -> None:
    reply = harness.execute(AcknowledgeTaskRequest(request_id="r-1", task_id=task_id), actor="zhang-san")
    assert (reply.accepted, reply.id) == (True, task_id)
    (event,) = harness.of(TaskAcknowledged)
    assert (event.actor, event.data.person_id, event.sequence) == ("zhang-san", "zhang-san", 2)
    assert harness.timers == []


@pytest.mark.parametrize("crash", [None, "crash_before_commit", "crash_after_commit"])
def test_same_request_acts_once(harness: WorkflowHarness, task_id: str, crash: str | None) -> None:
    request = AcknowledgeTaskRequest(request_id="r-1", task_id=task_id, person_id="p")
    if crash:
        getattr(harness, crash)()
    assert harness.execute(request) == harness.execute(request)
    assert len(harness.of(TaskAcknowledged)) == 1


def test_domain_no_is_a_reply_and_is_remembered(harness: WorkflowHarness) -> None:
    reply = harness.execute(AcknowledgeTaskRequest(request_id="r-1", task_id="nothing"))
    assert (reply.accepted, reply.code) == (False, "NOT_FOUND")
    assert harness.published == []


def test_failed_command_stores_nothing_and_may_be_repeated(harness: WorkflowHarness, task_id: str) -> None:
    with pytest.raises(RuntimeError, match="a bug"):
        harness.execute(AcknowledgeTaskRequest(request_id="r-1", task_id="BROKEN"))
    assert harness.dead_letters == []
    assert harness.execute(AcknowledgeTaskRequest(request_id="r-1", task_id=task_id, person_id="p")).accepted


def test_request_without_id_is_refused(harness: WorkflowHarness) -> None:
    with pytest.raises(CommandRefused, match="request_id"):
        harness.execute(AcknowledgeTaskRequest(task_id="t"))


def test_request_id_of_another_command_is_refused(harness: WorkflowHarness, task_id: str) -> None:
    harness.execute(AcknowledgeTaskRequest(request_id="r-1", task_id=task_id, person_id="p"))
    with pytest.raises(CommandRefused, match="belongs to"):
        harness.execute(CompleteTaskRequest(request_id="r-1", task_id=task_id))


async def test_command_from_a_coroutine(harness: WorkflowHarness, task_id: str) -> None:
    request = AcknowledgeTaskRequest(request_id="r-1", task_id=task_id, person_id="p")
    assert (await sample.service.execute_async(request)).accepted
