"""A fictional district, and the emergency service on a harness."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest
from emergency_service import reference
from emergency_service.app import build
from emergency_service.reference import References
from emergency_service.settings import EmergencySettings
from liandong.testing.workflow import WorkflowHarness
from liandong_contracts import topics
from liandong_contracts.common import Hazard, Level
from liandong_contracts.emergency import Condition, ResponseProposed
from liandong_contracts.rpc import emergency_pb2 as pb

AREA = "990199"
NIGHT = datetime(2026, 7, 1, 14, 0, tzinfo=UTC)  # 22:00 in Shanghai: the night shift is on duty


class Desk:
    """The emergency service as its users see it."""

    def __init__(self, harness: WorkflowHarness) -> None:
        self.harness = harness
        self._numbers = count(1)

    def propose(self, level: Level, **changes: object) -> None:
        """Let flood propose a level."""
        self.harness.put(topics.EMERGENCY_PROPOSAL, proposed(level, self.harness.clock.now(), **changes))

    def approve(self, level: Level, by: str, *, version: int = 0, request_id: str = "") -> pb.Reply:
        """Press approve."""
        request = pb.ApproveProposalRequest(
            request_id=request_id or f"approve-{next(self._numbers)}",
            hazard=Hazard.RAINSTORM,
            area_code=AREA,
            level=level,
            approved_by=by,
            version=version,
        )
        return self.reply(request)

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

    def reply(self, request: object) -> pb.Reply:
        """Run a command."""
        reply = self.harness.execute(request)  # type: ignore[arg-type]
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


@pytest.fixture(scope="session")
def references() -> References:
    """The fictional district's reference data."""
    return reference.load(EmergencySettings(reference_dir=Path(__file__).parent / "reference"))


@pytest.fixture
def desk(references: References) -> Desk:
    """The service at 22:00."""
    return Desk(WorkflowHarness(build(), refs=references, now=NIGHT))


@pytest.fixture
def make_desk(references: References) -> Callable[[datetime], Desk]:
    """Make the service at any moment."""
    return lambda now: Desk(WorkflowHarness(build(), refs=references, now=now))
