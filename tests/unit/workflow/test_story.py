"""The sample service keeps the suite that real services inherit, and a random story finds no way around it."""

from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from liandong.testing.workflow import WorkflowHarness
from liandong.testing.workflow_suite import WorkflowSuite
from liandong.workflow import WorkflowService
from liandong_contracts import topics
from liandong_contracts.emergency import TaskAcknowledged, TaskAssigned
from liandong_contracts.rpc.emergency_pb2 import AcknowledgeTaskRequest, CompleteTaskRequest
from liandong_contracts.rpc.flood_pb2 import MatchSpotReply

from tests.support import workflow_sample as sample


class TestSample(WorkflowSuite):
    def service(self) -> WorkflowService:
        return sample.service

    def play(self, harness: WorkflowHarness) -> None:
        harness.answer(sample.MATCH, lambda request: MatchSpotReply(spot_id="spot-1"))
        (first,) = harness.put(topics.EMERGENCY_PROPOSAL, sample.proposal())
        harness.put(topics.EMERGENCY_PROPOSAL, sample.proposal(area="990102"))
        harness.advance(timedelta(minutes=12))
        harness.execute(CompleteTaskRequest(request_id="r-1", task_id=first.key))
        harness.execute(AcknowledgeTaskRequest(request_id="r-2", task_id=first.key, person_id="p"))
        harness.advance(timedelta(minutes=30))


class Interleavings(RuleBasedStateMachine):
    """Events, commands, time, crashes and repetitions in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.harness = WorkflowHarness(sample.service)
        self.proposals = 0
        self.requests: dict[str, str] = {}
        self.replies: dict[str, bytes] = {}

    @rule(area=st.sampled_from(["990101", "990102"]))
    def propose(self, area: str) -> None:
        self.proposals += 1
        self.harness.put(topics.EMERGENCY_PROPOSAL, sample.proposal(area=area))

    @rule(new_offset=st.booleans())
    @precondition(lambda self: self.proposals)
    def redeliver(self, new_offset: bool) -> None:
        assert self.harness.redeliver(new_offset=new_offset) == []

    @rule(number=st.integers(0, 5), pick=st.integers(0, 50))
    @precondition(lambda self: self.proposals)
    def acknowledge(self, number: int, pick: int) -> None:
        tasks = [row.task_id for row in self.harness.rows(sample.tasks)]
        name = f"r-{number}"
        task_id = self.requests.setdefault(name, tasks[pick % len(tasks)])
        reply = self.harness.execute(AcknowledgeTaskRequest(request_id=name, task_id=task_id, person_id="p"))
        assert self.replies.setdefault(name, reply.SerializeToString()) == reply.SerializeToString()

    @rule(minutes=st.integers(0, 25))
    def wait(self, minutes: int) -> None:
        self.harness.advance(timedelta(minutes=minutes))

    @rule(before=st.booleans())
    def crash_next(self, before: bool) -> None:
        (self.harness.crash_before_commit if before else self.harness.crash_after_commit)()

    @rule()
    def restart(self) -> None:
        self.harness.restart()

    @invariant()
    def every_effect_happened_once(self) -> None:
        assert len(self.harness.of(TaskAssigned)) == len(self.harness.rows(sample.tasks)) == self.proposals
        assert sum(row.seen for row in self.harness.rows(sample.proposals)) == self.proposals
        assert len(self.harness.of(TaskAcknowledged)) == len(self.requests)

    @invariant()
    def ids_are_unique_and_sequences_have_no_gap(self) -> None:
        published = self.harness.published
        assert len({event.id for event in published}) == len(published)
        for key in {event.key for event in published}:
            found = [event.sequence for event in published if event.key == key]
            assert found == list(range(1, len(found) + 1))

    @invariant()
    def open_clocks_belong_to_open_tasks(self) -> None:
        open_tasks = {row.task_id for row in self.harness.rows(sample.tasks) if row.state != "ACKNOWLEDGED"}
        assert {key for _, key, _ in self.harness.timers} == open_tasks


TestInterleavings = Interleavings.TestCase
TestInterleavings.settings = settings(max_examples=15, stateful_step_count=25, deadline=None, derandomize=True)
