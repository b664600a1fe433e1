"""One matter, one case: however reports, spot and answers race (DIS-4)."""

import random
from datetime import timedelta

import pytest
from dispatch_service.domain.policy import OTHER, STANDING_WATER
from dispatch_service.tables import case, report
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st
from liandong_contracts.common import Datum
from liandong_contracts.dispatch import AttachBasis, CaseClosed, CaseOpened, ReportAttached, ReportReceived, Urgency
from liandong_contracts.flood import ConfirmedBy
from liandong_contracts.rpc import emergency_pb2, flood_pb2

from tests.support.dispatch_desk import AREA, MORNING, SPOT, Desk

TEXTS = (
    "隧道里水很深，有车熄火",
    "桥洞下面全是水",
    "下穿隧道进水",
    "看到一辆小车泡在水里",
    "请尽快排水",
    "积水漫过路面",
)


def test_a_detected_spot_opens_one_case_with_its_handler() -> None:
    desk = Desk()
    desk.detect()
    (opened,) = desk.opened
    assert (opened.spot_id, opened.area_code, opened.handler_person) == (SPOT, AREA, "clerk")
    assert (opened.report_ids, opened.class_code) == ((), STANDING_WATER.code)
    assert opened.summary == "测试下穿通道：路面积水"
    desk.detect()
    assert len(desk.opened) == 1


def test_the_clerk_of_the_street_is_asked_for() -> None:
    desk = Desk(emergency=False)
    desk.detect()
    (call,) = desk.harness.calls
    assert isinstance(call.request, emergency_pb2.WhoIsOnDutyRequest)
    assert (call.request.post, call.request.area_code) == ("DEPT_CLERK", "990199001")
    assert desk.opened == []


def test_a_report_joins_the_case_of_its_spot() -> None:
    desk = Desk()
    desk.detect()
    reply = desk.report()
    assert reply.accepted
    (attached,) = desk.harness.of(ReportAttached)
    said = attached.data
    assert (said.report_id, said.basis, said.score) == (reply.report_id, AttachBasis.SAME_OBJECT, 1.0)
    assert (said.reports_total, said.spot_id, said.case_id) == (1, SPOT, desk.opened[0].case_id)


def test_a_report_opens_the_case_and_the_spot_adds_none() -> None:
    desk = Desk()
    reply = desk.report()
    desk.detect()
    (opened,) = desk.opened
    assert (opened.report_ids, opened.spot_id) == ((reply.report_id,), SPOT)
    assert desk.harness.of(ReportAttached) == []


def test_reports_that_come_while_the_handler_is_asked_for_are_named_at_opening() -> None:
    desk = Desk(emergency=False)
    replies = [desk.report() for _ in range(3)]
    assert desk.opened == []
    desk.emergency_answers()
    (opened,) = desk.opened
    assert set(opened.report_ids) == {reply.report_id for reply in replies}
    desk.report()
    assert desk.harness.of(ReportAttached)[0].data.reports_total == 4


@given(
    seed=st.integers(0, 2**32), failing=st.sampled_from([0, 0.3, 1]), slow=st.sampled_from(["", "flood", "emergency"])
)
@settings(max_examples=6, deadline=None)
def test_twelve_reports_and_the_spot_in_any_order_are_one_case(seed: int, failing: float, slow: str) -> None:
    chance = random.Random(seed)
    desk = Desk(flood=False, emergency=False)

    def match(_request: flood_pb2.MatchSpotRequest) -> Message:
        if chance.random() < failing:
            raise ConnectionError
        return flood_pb2.MatchSpotReply(spot_id=SPOT, name="测试下穿通道", distance_m=3, catalogued=True)

    acts = [lambda: desk.report(chance.choice(TEXTS), metres=chance.uniform(0, 40)) for _ in range(12)] + [desk.detect]
    chance.shuffle(acts)
    if slow != "flood":
        desk.flood_answers(match)
    if slow != "emergency":
        desk.emergency_answers()
    for act in acts:
        act()
        desk.harness.advance(timedelta(seconds=chance.randrange(4)))
    desk.flood_answers(match)
    desk.emergency_answers()
    desk.harness.advance(timedelta(minutes=1))
    received = [event.data.report_id for event in desk.harness.of(ReportReceived)]
    assert len(received) == 12
    assert [opened.spot_id for opened in desk.opened] in ([SPOT], [None])
    assert sorted(desk.joined) == sorted(received)
    (row,) = desk.harness.rows(case)
    assert (row.spot_id, row.reports_total, row.state) == (SPOT, 12, "OPEN")


@pytest.mark.parametrize("crash", ["before", "after"])
def test_a_crash_loses_and_doubles_no_report(crash: str) -> None:
    desk = Desk()
    for number in range(3):
        getattr(desk.harness, f"crash_{crash}_commit")()
        desk.report(request_id=f"r{number}")
        desk.report(request_id=f"r{number}")
    assert len(desk.opened) == 1
    assert len(desk.joined) == len(set(desk.joined)) == 3


def test_without_an_answer_of_flood_a_report_goes_on_by_itself_and_the_spot_joins_it() -> None:
    desk = Desk(flood=False)
    desk.report()
    assert desk.opened == []
    desk.harness.advance(timedelta(seconds=10))
    (opened,) = desk.opened
    assert (opened.spot_id, opened.area_code, opened.summary) == (None, "990199", "未登记地点：路面积水")
    desk.detect()
    assert len(desk.opened) == 1
    desk.flood_answers()
    desk.report()
    assert desk.harness.of(ReportAttached)[0].data.basis is AttachBasis.SAME_OBJECT


def test_without_an_answer_of_emergency_a_case_opens_without_handler() -> None:
    desk = Desk(emergency=False)
    desk.detect()
    desk.harness.advance(timedelta(seconds=10))
    (opened,) = desk.opened
    assert opened.handler_person is None


def test_an_empty_post_gives_no_handler() -> None:
    desk = Desk(emergency=False)
    desk.emergency_answers(lambda _request: emergency_pb2.WhoIsOnDutyReply(gap=True))
    desk.detect()
    assert desk.opened[0].handler_person is None


@pytest.mark.parametrize(("metres", "hours", "cases"), [(49, 0, 1), (51, 0, 2), (10, 23, 1), (10, 25, 2)])
def test_same_place_and_time_without_a_spot(metres: float, hours: int, cases: int) -> None:
    desk = Desk(flood=False)
    desk.report()
    desk.harness.advance(timedelta(hours=hours, seconds=10))
    desk.report(metres=metres)
    desk.harness.advance(timedelta(seconds=10))
    assert len(desk.opened) == cases
    if cases == 1:
        (attached,) = desk.harness.of(ReportAttached)
        assert attached.data.basis is AttachBasis.SAME_PLACE_TIME
        assert 0.5 <= attached.data.score < 1


def test_positions_of_different_datums_are_never_compared() -> None:
    desk = Desk(flood=False)
    desk.report()
    desk.report(datum="GCJ02")
    desk.harness.advance(timedelta(seconds=20))
    assert len(desk.opened) == 2


def test_a_spot_without_a_known_datum_still_has_its_case() -> None:
    desk = Desk(flood=False)
    desk.report()
    desk.harness.advance(timedelta(seconds=10))
    desk.detect(datum=Datum.UNKNOWN)
    assert [opened.spot_id for opened in desk.opened] == [None, SPOT]
    assert desk.harness.dead_letters == []


def test_another_spot_close_by_is_another_matter() -> None:
    desk = Desk()
    desk.detect()
    other = flood_pb2.MatchSpotReply(spot_id="SP-TEST-02", name="测试路口", distance_m=9, catalogued=True)
    desk.flood_answers(lambda _request: other)
    desk.report(metres=20)
    assert [opened.spot_id for opened in desk.opened] == [SPOT, "SP-TEST-02"]


def test_a_grid_cell_beside_the_case_is_the_same_matter() -> None:
    desk = Desk()
    desk.detect()
    cell = flood_pb2.MatchSpotReply(spot_id="990199-cell-1-1", name="", distance_m=0, catalogued=False)
    desk.flood_answers(lambda _request: cell)
    desk.report(metres=20)
    assert len(desk.opened) == 1
    assert desk.harness.of(ReportAttached)[0].data.basis is AttachBasis.SAME_PLACE_TIME


def test_another_matter_at_the_same_place_is_another_case() -> None:
    desk = Desk()
    desk.detect()
    desk.report("夜间施工噪声扰民", prop="COMPLAINT")
    desk.report("这里有积水", metres=None)
    assert [opened.class_code for opened in desk.opened] == [STANDING_WATER.code, OTHER.code, STANDING_WATER.code]


def test_the_same_number_of_a_channel_is_the_same_report() -> None:
    desk = Desk()
    first = desk.report(external_no="T-1")
    again = desk.report(external_no="T-1")
    other = desk.report(external_no="T-1", channel="WALK_IN")
    assert (again.accepted, again.duplicate, again.report_id) == (True, True, first.report_id)
    assert (other.duplicate, other.report_id != first.report_id) == (False, True)
    assert len(desk.harness.of(ReportReceived)) == 2


def test_the_same_request_is_the_same_report() -> None:
    desk = Desk()
    assert desk.report(request_id="r") == desk.report(request_id="r")
    assert len(desk.harness.rows(report)) == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"text": "  "}, "诉求内容为空。"),
        ({"channel": "PIGEON"}, "来源渠道不可识别。"),
        ({"datum": "BD09"}, "位置坐标或坐标系不可用。"),
        ({"metres": 1e8}, "位置坐标或坐标系不可用。"),
        ({"occurred_at": MORNING + timedelta(hours=1)}, "发生时间在未来。"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_reason(changes: dict[str, object], reason: str) -> None:
    desk = Desk()
    reply = desk.report(**changes)  # type: ignore[arg-type]
    assert (reply.accepted, reply.code, reply.reason) == (False, "BAD_REQUEST", reason)
    assert desk.harness.published == []


def test_a_confirmed_dry_spot_closes_its_case_and_new_water_opens_another() -> None:
    desk = Desk()
    desk.detect()
    desk.report()
    desk.harness.advance(timedelta(hours=1))
    desk.clear(by=ConfirmedBy.UNKNOWN)
    assert desk.harness.of(CaseClosed) == []
    desk.clear()
    (closed,) = desk.harness.of(CaseClosed)
    assert (closed.data.outcome, closed.data.on_time, closed.data.reports_total) == ("积水消退", True, 1)
    assert desk.harness.timers == []
    desk.detect()
    assert len({opened.case_id for opened in desk.opened}) == 2


def test_a_spot_that_dries_while_the_handler_is_asked_for_is_opened_and_closed() -> None:
    desk = Desk(emergency=False)
    desk.detect()
    desk.clear()
    assert desk.harness.published == []
    desk.emergency_answers()
    assert [type(event.data) for event in desk.harness.published] == [CaseOpened, CaseClosed]


def test_closing_by_hand() -> None:
    desk = Desk()
    desk.detect()
    case_id = desk.opened[0].case_id
    assert desk.close("nothing").code == "UNKNOWN_CASE"
    assert desk.close(case_id, outcome=" ").code == "BAD_REQUEST"
    assert desk.close(case_id).accepted
    again = desk.close(case_id)
    assert (again.accepted, again.code, again.reason) == (False, "ALREADY_CLOSED", "案件已结案：已排水。")
    assert len(desk.harness.of(CaseClosed)) == 1


def test_no_event_of_a_case_carries_a_citizens_words() -> None:
    desk = Desk()
    desk.report("张三家门口积水，电话 13900000000")
    assert all("张三" not in str(event.data) for event in desk.harness.of(CaseOpened))
    assert desk.opened[0].urgency is Urgency.NORMAL
