"""A press becomes one command to the owner, in the trace of the thing acted on; an unknown outcome stays unknown."""

from pathlib import Path

import grpc
import pytest
from ioc_service.web.commands import Acknowledge, Approve, Commands
from liandong.testing.workflow import WorkflowHarness
from liandong_contracts.common import Level
from liandong_contracts.emergency import NoticeChannel
from liandong_contracts.rpc import emergency_pb2

from tests.support.console_district import DISTRICT, NAMES, PROPOSAL_KEY, TRACE
from tests.support.console_page import Away, FakeEmergency
from tests.support.console_storm import Storm

PRESS = "0f3c2a9e-press"


@pytest.fixture
def emergency() -> FakeEmergency:
    return FakeEmergency()


@pytest.fixture
def commands(harness: WorkflowHarness, emergency: FakeEmergency) -> Commands:
    return Commands(harness.read, emergency, NAMES, DISTRICT)


def approve(level: str = "III", operator: str = "DUTY_LEADER") -> Approve:
    return Approve(request_id=PRESS, operator=operator, key=PROPOSAL_KEY, level=level)


async def test_an_approval_carries_the_person_on_duty_and_the_trace(
    commands: Commands, storm: Storm, emergency: FakeEmergency
) -> None:
    storm.proposed(Level.III)
    outcome = await commands.approve(approve())
    assert (outcome.accepted, outcome.known) == (True, True)
    assert outcome.text == "已批准：暴雨 Ⅲ级响应，任务正在下达"
    ((request, traceparent),) = emergency.approved
    assert (request.request_id, request.hazard, request.area_code, request.level, request.approved_by) == (
        PRESS,
        "RAINSTORM",
        DISTRICT,
        "III",
        "P-1",
    )
    assert traceparent == TRACE


@pytest.mark.parametrize(
    ("operator", "person"), [("P-6", "P-6"), ("DEPUTY_COMMANDER", "P-6"), ("COMMANDER", "COMMANDER")]
)
async def test_the_operator_may_be_a_person_or_a_post(
    commands: Commands, storm: Storm, emergency: FakeEmergency, operator: str, person: str
) -> None:
    storm.proposed(Level.III)
    await commands.approve(approve(operator=operator))
    assert emergency.approved[0][0].approved_by == person


async def test_another_level_than_the_one_seen_is_not_sent(
    commands: Commands, storm: Storm, emergency: FakeEmergency
) -> None:
    storm.proposed(Level.II)
    outcome = await commands.approve(approve("III"))
    assert (outcome.accepted, outcome.known, outcome.code) == (False, True, "STALE_LEVEL")
    assert "Ⅱ级" in outcome.text
    assert emergency.approved == []


async def test_what_is_not_there_cannot_be_commanded(commands: Commands) -> None:
    assert (await commands.approve(approve())).code == "UNKNOWN_PROPOSAL"
    assert (await commands.acknowledge(Acknowledge(PRESS, "DUTY_LEADER", "T-1"))).code == "UNKNOWN_TASK"


async def test_a_task_is_confirmed_for_the_person_called_last(
    commands: Commands, storm: Storm, emergency: FakeEmergency
) -> None:
    storm.task("T-1", "泵站强排", "PUMP_OPERATOR", "P-2", DISTRICT)
    storm.notice("T-1", "P-2", NoticeChannel.APP, 1)
    storm.notice("T-1", "P-3", NoticeChannel.VOICE, 2)
    outcome = await commands.acknowledge(Acknowledge(PRESS, "DUTY_LEADER", "T-1"))
    assert outcome.text == "已登记：泵站操作员乙确认“泵站强排”"
    ((request, traceparent),) = emergency.acknowledged
    assert (request.task_id, request.person_id, request.via, traceparent) == ("T-1", "P-3", "OPERATOR", TRACE)


async def test_nobody_called_means_nobody_to_confirm(commands: Commands, storm: Storm) -> None:
    storm.task("T-1", "泵站强排", "PUMP_OPERATOR", None, DISTRICT)
    assert (await commands.acknowledge(Acknowledge(PRESS, "DUTY_LEADER", "T-1"))).code == "NOBODY_CALLED"


async def test_a_refusal_is_the_owners_words(commands: Commands, storm: Storm, emergency: FakeEmergency) -> None:
    storm.proposed(Level.III)
    refusal = emergency_pb2.Reply(accepted=False, code="NOT_ENTITLED", reason="须由副指挥长批准")
    emergency.approve = lambda request, traceparent: refusal  # type: ignore[method-assign]
    outcome = await commands.approve(approve())
    assert (outcome.accepted, outcome.known, outcome.text) == (False, True, "未执行：须由副指挥长批准")


class Lost(Away, grpc.Call):  # type: ignore[misc]
    """A failed call with a status."""

    __abstractmethods__: frozenset[str] = frozenset()

    def __init__(self, status: grpc.StatusCode) -> None:
        self.status = status

    def code(self) -> grpc.StatusCode:
        return self.status


@pytest.mark.parametrize(
    ("status", "known"),
    [
        (grpc.StatusCode.UNAVAILABLE, False),
        (grpc.StatusCode.DEADLINE_EXCEEDED, False),
        (grpc.StatusCode.INVALID_ARGUMENT, True),
    ],
)
async def test_an_unknown_outcome_is_not_called_a_failure(
    commands: Commands, storm: Storm, emergency: FakeEmergency, status: grpc.StatusCode, known: bool
) -> None:
    storm.proposed(Level.III)

    def lost(request: object, traceparent: str | None) -> emergency_pb2.Reply:
        raise Lost(status)

    emergency.approve = lost  # type: ignore[method-assign]
    outcome = await commands.approve(approve())
    assert (outcome.accepted, outcome.known, outcome.code) == (False, known, status.name)


def test_reference_names_survive_missing_and_broken_files(tmp_path: Path) -> None:
    from ioc_service import reference

    assert reference.load(tmp_path / "nowhere").area("990101") == "990101"
    (tmp_path / "areas.yaml").write_text("areas: [{code: 990101, name: 示例区}, {code: 1}, oops]", encoding="utf-8")
    (tmp_path / "roster.yaml").write_text("persons: [", encoding="utf-8")
    names = reference.load(tmp_path)
    assert (names.area("990101"), names.area("990101009"), names.person("P-1")) == ("示例区", "示例区 990101009", "P-1")
