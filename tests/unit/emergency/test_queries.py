"""What the emergency service answers: duty, open tasks with clocks, the response in force."""

from datetime import UTC, timedelta
from unittest.mock import Mock

import pytest
from emergency_service.queries import QueryServicer
from emergency_service.reference import References
from google.protobuf.timestamp_pb2 import Timestamp
from liandong_contracts.common import Hazard, Level
from liandong_contracts.rpc import emergency_pb2 as pb

from tests.support.emergency_desk import AREA, NIGHT, Desk

CONTEXT = Mock()


@pytest.fixture
def queries(desk: Desk, references: References) -> QueryServicer:
    return QueryServicer(desk.harness.service, references, desk.harness.clock)


def test_who_is_on_duty_now_and_at_a_moment(desk: Desk, queries: QueryServicer) -> None:
    asked = pb.WhoIsOnDutyRequest(post="DUTY_OFFICER", area_code=AREA)
    now = queries.WhoIsOnDuty(asked, CONTEXT)
    assert (now.person.person_id, now.person.name, now.gap) == ("officer-night", "测试·值班员夜", False)
    assert (list(now.channels), now.leader.person_id) == (["APP", "SMS", "VOICE"], "leader")
    assert not now.HasField("deputy")
    morning = Timestamp()
    morning.FromDatetime(NIGHT + timedelta(hours=11))
    asked.at.CopyFrom(morning)
    assert queries.WhoIsOnDuty(asked, CONTEXT).person.person_id == "officer-day"


def test_a_gap_is_said(queries: QueryServicer) -> None:
    street = queries.WhoIsOnDuty(pb.WhoIsOnDutyRequest(post="DEPT_CLERK", area_code="990199001"), CONTEXT)
    assert (street.person.person_id, street.gap) == ("clerk", True)


def test_open_tasks_by_area_and_state(desk: Desk, queries: QueryServicer) -> None:
    desk.propose(Level.IV)
    desk.approve(Level.IV, by="leader")
    every = queries.ListOpenTasks(pb.ListOpenTasksRequest(), CONTEXT).tasks
    assert len(every) == 12
    street = queries.ListOpenTasks(pb.ListOpenTasksRequest(area_code="990199001"), CONTEXT).tasks
    assert {task.area_code for task in street} == {"990199001", "990199001001", "990199001002", "990199001003"}
    first = desk.task("RS-WATCH-01")
    desk.acknowledge(first, "flood")
    (acked,) = queries.ListOpenTasks(pb.ListOpenTasksRequest(state="ACKNOWLEDGED"), CONTEXT).tasks
    assert (acked.task_id, acked.acknowledged_by, acked.assignee.name) == (first, "flood", "测试·三防值班员")
    assert acked.acknowledged_at.ToDatetime(UTC) == NIGHT
    desk.harness.advance(timedelta(minutes=31))
    overdue = queries.ListOpenTasks(pb.ListOpenTasksRequest(state="OVERDUE"), CONTEXT).tasks
    assert len(overdue) == 11
    assert all(task.notice_steps >= 3 for task in overdue)
    desk.complete(first, "flood")
    assert len(queries.ListOpenTasks(pb.ListOpenTasksRequest(), CONTEXT).tasks) == 11


def test_the_area_prefix_is_no_pattern(desk: Desk, queries: QueryServicer) -> None:
    desk.propose(Level.IV)
    desk.approve(Level.IV, by="leader")
    assert queries.ListOpenTasks(pb.ListOpenTasksRequest(area_code="%"), CONTEXT).tasks == []


def test_the_response_with_its_version(desk: Desk, queries: QueryServicer) -> None:
    asked = pb.GetResponseRequest(area_code=AREA, hazard=Hazard.RAINSTORM)
    assert not queries.GetResponse(asked, CONTEXT).found
    desk.propose(Level.IV)
    response_id = desk.approve(Level.IV, by="leader").id
    desk.propose(Level.III)
    desk.approve(Level.III, by="vice")
    found = queries.GetResponse(asked, CONTEXT)
    assert (found.found, found.response_id, found.state, found.version) == (True, response_id, "ACTIVE", 2)
    assert (found.own_level, found.ordered_level, found.effective_level) == ("III", "", "III")
    assert (found.plan_id, found.plan_version) == ("EX-RAINSTORM", 1)
    assert desk.terminate("vice", version=2).accepted
    assert queries.GetResponse(asked, CONTEXT).state == "TERMINATED"
