"""Both desks as real processes on a real broker: killed in the middle, every report joins, every task is confirmed."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import count
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message
from liandong.clock import real_now
from liandong.settings import Settings
from liandong_contracts import topics
from liandong_contracts.common import Datum, GeoPoint, Hazard, Level
from liandong_contracts.dispatch import CaseOpened, ReportAttached
from liandong_contracts.emergency import ResponseProposed, TaskAcknowledged, TaskAssigned
from liandong_contracts.flood import SpotKind, SpotLevel, SpotSource, WaterloggingDetected
from liandong_contracts.rpc import dispatch_pb2, dispatch_pb2_grpc, emergency_pb2, emergency_pb2_grpc

from tests.support.desks import READY_S, Desks, eventually, sequences_are_whole

SPOT = "SP-LJ-01"
R = TypeVar("R", bound=Message)


def insist(method: Callable[..., R], request: Message) -> R:
    """Call until answered, with the same request id: what a person's app does while a service is being restarted."""

    def call() -> R | None:
        try:
            return method(request, timeout=5)
        except grpc.RpcError:
            time.sleep(0.1)
            return None

    return eventually(call, type(request).__name__, READY_S)


def detected(at: datetime) -> WaterloggingDetected:
    return WaterloggingDetected(
        spot_id=SPOT,
        name="测试下穿隧道",
        depth_cm=31.0,
        source=SpotSource.SENSOR,
        source_id="WL-TEST",
        confidence=1.0,
        spot_kind=SpotKind.UNDERPASS,
        level=SpotLevel.L2,
        first_at=at,
        at=at,
        location=GeoPoint(lon=130.0120, lat=25.0110, datum=Datum.CGCS2000),
        area_code="990101001001",
    )


def proposal(at: datetime) -> ResponseProposed:
    return ResponseProposed(
        hazard=Hazard.RAINSTORM,
        area_code="990101",
        plan_id="EX-RAINSTORM",
        level=Level.IV,
        conditions=(),
        evidence_ids=(),
        confidence=1.0,
        proposed_at=at,
        rule_pack="EX",
        rule_version=1,
    )


def report(number: int) -> dispatch_pb2.SubmitReportRequest:
    return dispatch_pb2.SubmitReportRequest(
        request_id=f"report-{number}",
        channel="APP_SNAPSHOT",
        property="HELP",
        text="隧道积水，车过不去",
        address_text="测试路",
        point=dispatch_pb2.Point(lon=130.0120, lat=25.0110, datum="CGCS2000"),
        external_no=f"T-{number}",
        anonymous=True,
    )


def test_twelve_reports_and_a_spot_are_one_case_though_dispatch_is_killed(settings: Callable[..., Any]) -> None:
    mine: Settings = settings()
    with Desks(mine, SPOT) as desks, ThreadPoolExecutor(12) as citizens:
        stub = dispatch_pb2_grpc.DispatchCommandStub(desks.dispatch)
        replies = [citizens.submit(insist, stub.SubmitReport, report(number)) for number in range(6)]
        desks.put(topics.FLOOD_SPOT, detected(real_now()), real_now(), sequence=1)
        desks.kill("dispatch")
        replies += [citizens.submit(insist, stub.SubmitReport, report(number)) for number in range(12)]
        ids = {reply.result().report_id for reply in replies}
        assert len(ids) == 12

        def joined(events: list[Any]) -> bool:
            opened = [one for event in events if isinstance(event.data, CaseOpened) for one in event.data.report_ids]
            attached = [event.data.report_id for event in events if isinstance(event.data, ReportAttached)]
            return len(opened) + len(attached) >= 12

        events = desks.read(topics.DISPATCH_CASE, joined)
        (opened,) = [event.data for event in events if isinstance(event.data, CaseOpened)]
        attached = [event.data.report_id for event in events if isinstance(event.data, ReportAttached)]
        assert {*opened.report_ids, *attached} == ids
        assert len(opened.report_ids) + len(attached) == 12
        assert opened.spot_id == SPOT
        assert sequences_are_whole(events)
        assert len(desks.read(topics.DISPATCH_REPORT, lambda found: len(found) >= 12)) == 12
        found = dispatch_pb2_grpc.DispatchQueryStub(desks.dispatch).SearchCases(
            dispatch_pb2.SearchCasesRequest(spot_id=SPOT), timeout=5
        )
        assert (found.total, found.cases[0].reports_total) == (1, 12)


def test_every_task_is_confirmed_once_though_emergency_is_killed(settings: Callable[..., Any]) -> None:
    mine: Settings = settings()
    with Desks(mine, SPOT) as desks, ThreadPoolExecutor(12) as people:
        stub = emergency_pb2_grpc.EmergencyCommandStub(desks.emergency)
        desks.put(topics.EMERGENCY_PROPOSAL, proposal(real_now()), real_now())
        desks.kill("emergency")

        def press() -> emergency_pb2.Reply | None:
            request = emergency_pb2.ApproveProposalRequest(
                request_id=f"press-{next(presses)}",
                hazard="RAINSTORM",
                area_code="990101",
                level="IV",
                approved_by="P-D03",
            )
            reply = insist(stub.ApproveProposal, request)
            return reply if reply.accepted else None

        presses = count()
        reply = eventually(press, "the proposal has arrived and is approved")
        tasks = desks.read(topics.EMERGENCY_TASK, lambda found: len(found) >= 12)
        assigned = [event.data for event in tasks if isinstance(event.data, TaskAssigned)]
        assert len(assigned) == 12
        assert {task.response_id for task in assigned} == {reply.id}

        def confirm(task: TaskAssigned) -> emergency_pb2.Reply:
            request = emergency_pb2.AcknowledgeTaskRequest(
                request_id=f"ack-{task.task_id}", task_id=task.task_id, person_id=task.assignee_person or "", via="APP"
            )
            return insist(stub.AcknowledgeTask, request)

        answers = [people.submit(confirm, task) for task in assigned]
        desks.kill("emergency")
        answers += [people.submit(confirm, task) for task in assigned]
        assert all(answer.result().accepted for answer in answers)
        tasks = desks.read(topics.EMERGENCY_TASK, lambda found: len(found) >= 24)
        confirmed = [event.data.task_id for event in tasks if isinstance(event.data, TaskAcknowledged)]
        assert sorted(confirmed) == sorted(task.task_id for task in assigned)
        assert sequences_are_whole(tasks)
        assert sequences_are_whole(desks.read(topics.EMERGENCY_NOTICE, lambda found: len(found) >= 24))
        query = emergency_pb2_grpc.EmergencyQueryStub(desks.emergency)
        on_duty = query.WhoIsOnDuty(emergency_pb2.WhoIsOnDutyRequest(post="COMMANDER", area_code="990101"), timeout=5)
        assert on_duty.person.person_id == "P-D05"
