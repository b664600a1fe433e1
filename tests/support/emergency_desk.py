"""The emergency service on a harness, as its users see it."""

from datetime import UTC, datetime
from itertools import count

from google.protobuf.message import Message
from liandong.testing.workflow import WorkflowHarness
from liandong_contracts import topics
from liandong_contracts.common import Hazard, Level
from liandong_contracts.emergency import Condition, ResponseProposed, TaskAssigned
from liandong_contracts.rpc import emergency_pb2 as pb

AREA = "990199"
NIGHT = datetime(2026, 7, 1, 14, 0, tzinfo=UTC)  # 22:00 in Shanghai: the night shift is on duty


class Desk:
    """The emergency service as its users see it."""

    def __init__(self, harness: WorkflowHarness) -> None:
        self.harness = harness
        self._numbers = count(1)

    def propose(
        self, level: Level, *, traceparent: str | None = None, correlation_id: str | None = None, **changes: object
    ) -> None:
        """Let flood propose a level."""
        said = proposed(level, self.harness.clock.now(), **changes)
        self.harness.put(topics.EMERGENCY_PROPOSAL, said, traceparent=traceparent, correlation_id=correlation_id)

    def approve(
        self,
        level: Level,
        by: str,
        *,
        hazard: str = Hazard.RAINSTORM,
        version: int = 0,
        request_id: str = "",
        traceparent: str | None = None,
    ) -> pb.Reply:
        """Press approve."""
        request = pb.ApproveProposalRequest(
            request_id=request_id or f"approve-{next(self._numbers)}",
            hazard=hazard,
            area_code=AREA,
            level=level,
            approved_by=by,
            version=version,
        )
        return self.reply(request, traceparent)

    def terminate(self, by: str, *, version: int = 0) -> pb.Reply:
        """End the response."""
        request = pb.TerminateResponseRequest(
            request_id=f"terminate-{next(self._numbers)}",
            hazard=Hazard.RAINSTORM,
            area_code=AREA,
            approved_by=by,
            version=version,
        )
        return self.reply(request)

    def task(self, template: str) -> str:
        """Return the first task that was assigned from a template."""
        assigned = self.harness.of(TaskAssigned)
        return next(event.data.task_id for event in assigned if event.data.template_id == template)

    def acknowledge(self, task_id: str, person_id: str, via: str = "APP", request_id: str = "") -> pb.Reply:
        """Confirm a task."""
        number = request_id or f"ack-{next(self._numbers)}"
        return self.reply(pb.AcknowledgeTaskRequest(request_id=number, task_id=task_id, person_id=person_id, via=via))

    def complete(self, task_id: str, person_id: str) -> pb.Reply:
        """Report a task done."""
        number = f"done-{next(self._numbers)}"
        return self.reply(
            pb.CompleteTaskRequest(request_id=number, task_id=task_id, person_id=person_id, result="已完成")
        )

    def reply(self, request: Message, traceparent: str | None = None) -> pb.Reply:
        """Run a command."""
        reply = self.harness.execute(request, traceparent=traceparent)
        assert isinstance(reply, pb.Reply)
        return reply


def proposed(level: Level, at: datetime, **changes: object) -> ResponseProposed:
    """Return a proposal with one condition."""
    fields: dict[str, object] = {
        "hazard": Hazard.RAINSTORM,
        "area_code": AREA,
        "plan_id": "EX-RAINSTORM",
        "level": level,
        "conditions": (Condition(name="rain_1h", label="1 小时雨量", value=52.0, threshold=50.0, unit="mm", met=True),),
        "evidence_ids": ("evidence-1",),
        "confidence": 1.0,
        "proposed_at": at,
        "rule_pack": "EX",
        "rule_version": 1,
    }
    return ResponseProposed(**(fields | changes))  # type: ignore[arg-type]
