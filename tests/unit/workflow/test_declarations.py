"""What is declared wrongly is refused when it is declared, or where it is used, with a sentence."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from liandong.errors import ConfigError
from liandong.event import Event
from liandong.testing.workflow import START, WorkflowHarness
from liandong.workflow import Command, UtcDateTime, Work, WorkflowService
from liandong_contracts import topics
from liandong_contracts.emergency import ResponseProposed, TaskCompleted
from liandong_contracts.rpc import emergency_pb2, flood_pb2
from liandong_contracts.sensing import AlarmRaised, DeviceCameOnline

from tests.support import workflow_sample as sample


def handler_of(body: Any) -> WorkflowHarness:
    service = WorkflowService("emergency")

    @service.on(topics.EMERGENCY_PROPOSAL, ResponseProposed)
    def handle(event: Event[ResponseProposed], work: Work) -> None:
        body(work)

    return WorkflowHarness(service)


def why(body: Any) -> str:
    harness = handler_of(body)
    harness.put(topics.EMERGENCY_PROPOSAL, sample.proposal())
    return harness.dead_letters[0].error


def test_record_of_another_topic() -> None:
    with pytest.raises(ConfigError, match="not a record of"):
        WorkflowService("x").on(topics.EMERGENCY_PROPOSAL, AlarmRaised)


def test_two_handlers_for_one_record() -> None:
    service = WorkflowService("x")
    service.on(topics.SENSING_ALARM, AlarmRaised)(lambda event, work: None)
    with pytest.raises(ConfigError, match="two handlers"):
        service.on(topics.SENSING_ALARM, AlarmRaised)


def test_handler_that_waits() -> None:
    async def handle(event: Event[AlarmRaised], work: Work) -> None:
        """Wait."""

    with pytest.raises(ConfigError, match="plain def"):
        WorkflowService("x").on(topics.SENSING_ALARM, AlarmRaised)(handle)  # type: ignore[arg-type]


def test_command_without_idempotency_key() -> None:
    with pytest.raises(ConfigError, match="request_id"):
        WorkflowService("x").command(emergency_pb2.GetResponseRequest)


def test_command_without_reply_type() -> None:
    def handle(command: Command[Any], work: Work):  # type: ignore[no-untyped-def]
        """Return something."""

    with pytest.raises(ConfigError, match="annotate the reply"):
        WorkflowService("x").command(emergency_pb2.CompleteTaskRequest)(handle)


def test_topic_of_another_service() -> None:
    online = DeviceCameOnline(device_id="d", offline_s=1, backlog_readings=0, at=START)
    assert "not written by emergency" in why(lambda work: work.emit(topics.SENSING_DEVICE, online))


def test_record_on_a_foreign_topic() -> None:
    record = TaskCompleted(task_id="t", person_id="p", result="", at=START)
    assert "is not a record of" in why(lambda work: work.emit(topics.EMERGENCY_NOTICE, record))


def test_timer_without_handler() -> None:
    assert "no timer of kind" in why(lambda work: work.after("unknown", "k", delay=timedelta(1)))


def test_timer_without_moment() -> None:
    assert "either a moment" in why(lambda work: work.after("unknown", "k"))


def test_call_without_answer_handler() -> None:
    def call(work: Work) -> None:
        request = flood_pb2.MatchSpotRequest()
        work.call(sample.MATCH, request, flood_pb2.MatchSpotReply, then="unknown", deadline=timedelta(seconds=1))

    assert "no answer handler" in why(call)


def test_service_that_does_not_run() -> None:
    with pytest.raises(ConfigError, match="not running"):
        WorkflowService("x").read(sa.select(sa.literal(1)))


def test_moments_are_aware_and_utc() -> None:
    column = UtcDateTime()
    dialect = sa.create_engine("sqlite://").dialect
    shanghai = datetime.fromisoformat("2026-07-01T08:00:00+08:00")
    stored = column.process_bind_param(shanghai, dialect)
    assert column.process_result_value(stored, dialect) == datetime(2026, 7, 1, tzinfo=UTC)
    with pytest.raises(ValueError, match="time zone"):
        column.process_bind_param(datetime(2026, 7, 1), dialect)  # noqa: DTZ001


def test_rows_by_values() -> None:
    found: list[Any] = []
    metadata = sa.MetaData()
    table = sa.Table("t", metadata, sa.Column("a", sa.Integer, primary_key=True), sa.Column("b", sa.String))
    service = WorkflowService("emergency", tables=metadata)

    @service.on(topics.EMERGENCY_PROPOSAL, ResponseProposed)
    def handle(event: Event[ResponseProposed], work: Work) -> None:
        work.insert(table, a=1, b=None)
        work.insert(table, a=2, b="x")
        found.append(work.one(table, b=None))
        found.append(work.update(table, {"b": None}, b="y"))
        found.append([tuple(row) for row in work.all(sa.select(table).order_by(table.c.a))])
        work.upsert(table, ["a"], a=2, b="z")
        found.append(work.delete(table, b="z"))
        found.append(work.one(table, a=2))

    WorkflowHarness(service).put(topics.EMERGENCY_PROPOSAL, sample.proposal())
    assert found == [(1, None), 1, [(1, "y"), (2, "x")], 1, None]
