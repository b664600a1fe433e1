"""What the dispatch service answers: a case with its reports and clocks, cases by state and spot."""

from datetime import UTC, timedelta
from unittest.mock import Mock

import pytest
from dispatch_service.queries import QueryServicer
from liandong_contracts.rpc import dispatch_pb2 as pb

from tests.support.dispatch_desk import MORNING, SPOT, Desk

CONTEXT = Mock()


def test_a_case_with_its_reports_and_clocks() -> None:
    desk = Desk()
    reply = desk.report()
    second = desk.report()
    case_id = desk.opened[0].case_id
    queries = QueryServicer(desk.harness.service)
    found = queries.GetCase(pb.GetCaseRequest(case_id=case_id), CONTEXT)
    assert (found.state, found.spot_id, found.reports_total, found.handler_person) == ("OPEN", SPOT, 2, "clerk")
    assert sorted(found.report_ids) == sorted([reply.report_id, second.report_id])
    (clock,) = found.clocks
    assert (clock.clock, clock.state) == ("DISPOSE", "RUNNING")
    assert clock.due_at.ToDatetime(UTC) == MORNING + timedelta(hours=6)
    desk.clear()
    found = queries.GetCase(pb.GetCaseRequest(case_id=case_id), CONTEXT)
    assert (found.state, found.clocks[0].state, found.closed_at.ToDatetime(UTC)) == ("CLOSED", "STOPPED", MORNING)


def test_search_by_state_and_spot_newest_first() -> None:
    desk = Desk()
    desk.detect()
    desk.harness.advance(timedelta(hours=1))
    desk.report("噪声扰民", prop="COMPLAINT")
    queries = QueryServicer(desk.harness.service)
    every = queries.SearchCases(pb.SearchCasesRequest(), CONTEXT)
    assert ([case.spot_id for case in every.cases], every.total) == (["", SPOT], 2)
    assert queries.SearchCases(pb.SearchCasesRequest(spot_id=SPOT), CONTEXT).total == 1
    assert queries.SearchCases(pb.SearchCasesRequest(state="CLOSED"), CONTEXT).total == 0
    one = queries.SearchCases(pb.SearchCasesRequest(limit=1), CONTEXT)
    assert (len(one.cases), one.total) == (1, 2)


def test_a_case_that_is_still_opening_is_not_shown() -> None:
    desk = Desk(emergency=False)
    desk.detect()
    queries = QueryServicer(desk.harness.service)
    assert queries.SearchCases(pb.SearchCasesRequest(), CONTEXT).total == 0
    with pytest.raises(LookupError, match="no case nothing"):
        queries.GetCase(pb.GetCaseRequest(case_id="nothing"), CONTEXT)
