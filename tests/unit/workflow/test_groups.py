"""Groups of steps: links, fences, savepoints, and what one step does to the next of its transaction."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from liandong.event import Event, headers_of
from liandong.testing.workflow import START, WorkflowHarness
from liandong.workflow import outbox, tables
from liandong.workflow.inbox import InboxFenced
from liandong.workflow.model import Delivery
from liandong.workflow.processor import Processor
from liandong.workflow.steps import CommandStep
from liandong_contracts import topics
from liandong_contracts.emergency import TaskOverdue
from liandong_contracts.rpc.emergency_pb2 import AcknowledgeTaskRequest

from tests.support import workflow_sample as sample

WIRE = "district.emergency.proposal.v1"
Make = Callable[..., Delivery]


@pytest.fixture
def processor(harness: WorkflowHarness) -> Processor:
    harness._processor.open([(WIRE, 0)])
    return harness._processor


@pytest.fixture
def delivery(harness: WorkflowHarness) -> Make:
    def make(offset: int, previous: int | None = None, plan: str = "rain", area: str = "990101") -> Delivery:
        record = sample.proposal(plan, area)
        event: Event[Any] = Event(
            data=record,
            id=f"p-{offset}",
            type=record.FULL_NAME,
            source="/test",
            time=START,
            key=f"RAINSTORM+{area}",
        )
        value, link = harness.codec.encode(WIRE, record), offset if previous is None else previous
        return Delivery(WIRE, 0, offset, link, event.key.encode(), value, headers_of(event))

    return make


def applied(harness: WorkflowHarness) -> list[str]:
    return [row.last for row in harness.rows(sample.proposals)]


def test_gap_is_refused_and_says_where_to_go_back(
    harness: WorkflowHarness, processor: Processor, delivery: Make
) -> None:
    broken = processor.process([delivery(0), delivery(2, previous=2), delivery(3, previous=3)], [])
    assert broken == {(WIRE, 0): 1}
    assert harness.rows(sample.proposals)[0].seen == 1
    assert processor.process([delivery(1), delivery(2)], []) == {}
    assert harness.rows(sample.proposals)[0].seen == 3


def test_offsets_may_have_gaps_of_their_own(harness: WorkflowHarness, processor: Processor, delivery: Make) -> None:
    assert processor.process([delivery(0), delivery(7, previous=1)], []) == {}
    assert processor.inbox.positions == {(WIRE, 0): 8}


def test_records_of_a_partition_given_up_are_dropped(
    harness: WorkflowHarness, processor: Processor, delivery: Make
) -> None:
    processor.inbox.forget([(WIRE, 0)])
    assert processor.process([delivery(0)], []) == {}
    assert applied(harness) == []


def test_zombie_is_fenced(harness: WorkflowHarness, processor: Processor, delivery: Make) -> None:
    zombie = Processor(processor.binding, processor.database)
    zombie.open([(WIRE, 0)])
    processor.process([delivery(0)], [])
    with pytest.raises(InboxFenced):
        zombie.process([delivery(0, plan="zombie")], [])
    assert applied(harness) == ["rain"]


def test_poison_in_a_group_spares_its_neighbours(
    harness: WorkflowHarness, processor: Processor, delivery: Make
) -> None:
    group = [delivery(n, plan="BROKEN" if n == 2 else "rain", area=f"99010{n}") for n in range(5)]
    processor.process(group, [])
    assert len(applied(harness)) == len(harness.timers) == 4
    harness._collect()
    assert [event.sequence for event in harness.published] == [1, 1, 1, 1]
    assert [dead.headers["dl_offset"] for dead in harness.dead_letters] == [b"2"]


def test_poison_leaves_no_fence_behind(harness: WorkflowHarness, processor: Processor, delivery: Make) -> None:
    processor.process([delivery(0, plan="BROKEN")], [])
    assert list(harness.rows(tables.seen)) == []


def test_same_event_twice_in_one_group(harness: WorkflowHarness, processor: Processor, delivery: Make) -> None:
    first, second = delivery(0), delivery(0)
    again = Delivery(WIRE, 0, 1, 1, second.key, second.value, second.headers)
    processor.process([first, again], [])
    assert harness.rows(sample.proposals)[0].seen == 1


def test_same_request_twice_in_one_group(harness: WorkflowHarness, processor: Processor) -> None:
    request = AcknowledgeTaskRequest(request_id="r-1", task_id="nothing")
    steps = [CommandStep(processor.binding, request, None, None) for _ in range(2)]
    processor.process([], steps)
    assert steps[0].future.result(0) == steps[1].future.result(0)
    assert len(harness.rows(tables.command)) == 1


def test_command_cancels_a_timer_that_is_due_in_the_same_group(
    harness: WorkflowHarness, processor: Processor, delivery: Make
) -> None:
    processor.process([delivery(0)], [])
    (row,) = harness.rows(sample.tasks)
    harness.clock.set(START + timedelta(minutes=10))
    request = AcknowledgeTaskRequest(request_id="r-1", task_id=row.task_id, person_id="p")
    processor.process([], [CommandStep(processor.binding, request, None, None)])
    harness._collect()
    assert harness.of(TaskOverdue) == []
    assert harness.timers == []


def test_ids_are_not_given_again_after_cleaning(harness: WorkflowHarness, processor: Processor, delivery: Make) -> None:
    processor.process([delivery(0)], [])
    outbox.clean(harness.database, 1, remembered_since_us=0)
    assert list(harness.rows(tables.outbox)) == []
    processor.process([delivery(1)], [])
    assert [row.id for row in harness.rows(tables.outbox)] == [2]
    assert harness.database.top_of_outbox() == 2


def test_memory_of_requests_is_bounded(harness: WorkflowHarness) -> None:
    harness.execute(AcknowledgeTaskRequest(request_id="r-1", task_id="nothing"))
    outbox.clean(harness.database, 0, remembered_since_us=2**62)
    assert list(harness.rows(tables.command)) == []


def test_poison_timer_becomes_a_dead_letter(harness: WorkflowHarness, processor: Processor, delivery: Make) -> None:
    processor.process([delivery(0)], [])
    with harness.database.writer.begin() as connection:
        connection.execute(sa.update(tables.timer).values(kind="retired"))
    harness.advance(timedelta(minutes=10))
    (dead,) = harness.dead_letters
    assert (dead.reason, dead.headers["dl_timer"]) == ("HANDLER_FAILED", b"retired")
    assert harness.timers == []


def test_listener_hears_what_was_committed(delivery: Make) -> None:
    heard: list[tuple[int, int]] = []
    harness = WorkflowHarness(sample.service, on_commit=lambda c: heard.append((len(c.handled), len(c.emitted))))
    harness.put(topics.EMERGENCY_PROPOSAL, sample.proposal())
    harness.put(topics.EMERGENCY_PROPOSAL, sample.proposal("BROKEN"))
    assert heard == [(1, 1)]
