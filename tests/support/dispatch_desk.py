"""The dispatch service on a harness, as citizens, sensors and other services meet it. Fictional places."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count

from dispatch_service.app import build
from dispatch_service.handlers.cases import WHO_IS_ON_DUTY
from dispatch_service.handlers.reports import MATCH_SPOT
from dispatch_service.settings import DispatchSettings
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from liandong.testing.workflow import WorkflowHarness
from liandong_contracts import topics
from liandong_contracts.common import Datum, GeoPoint
from liandong_contracts.dispatch import CaseOpened, ReportAttached
from liandong_contracts.flood import (
    ConfirmedBy,
    SpotKind,
    SpotLevel,
    SpotSource,
    SpotStatus,
    WaterloggingCleared,
    WaterloggingDetected,
    WaterloggingUpdated,
)
from liandong_contracts.rpc import dispatch_pb2 as pb
from liandong_contracts.rpc import emergency_pb2, flood_pb2

MORNING = datetime(2026, 7, 1, 2, 0, tzinfo=UTC)  # Wednesday 10:00 in Shanghai
SPOT = "SP-TEST-01"
AREA = "990199001001"
LON, LAT = 130.0100, 25.0100
METRE = 1 / 111_195  # degrees of latitude


class Desk:
    """The service and its neighbours; flood and emergency answer at once unless told otherwise."""

    def __init__(self, *, flood: bool = True, emergency: bool = True, now: datetime = MORNING) -> None:
        settings = DispatchSettings(area_code="990199", trace_ratio=0)
        self.harness = WorkflowHarness(build(), refs=settings, now=now, settings=settings)
        self._numbers = count(1)
        self._events = count(1)
        if flood:
            self.flood_answers()
        if emergency:
            self.emergency_answers()

    def flood_answers(self, reply: Callable[[flood_pb2.MatchSpotRequest], Message] | None = None) -> None:
        """Let flood answer from now on, by default with the spot."""
        found = flood_pb2.MatchSpotReply(spot_id=SPOT, name="测试下穿通道", distance_m=3, catalogued=True)
        self.harness.answer(MATCH_SPOT, reply or (lambda _request: found))

    def emergency_answers(self, reply: Callable[[emergency_pb2.WhoIsOnDutyRequest], Message] | None = None) -> None:
        """Let emergency answer from now on, by default with the street's clerk."""
        clerk = emergency_pb2.WhoIsOnDutyReply(person=emergency_pb2.Person(person_id="clerk", name="测试·经办"))
        self.harness.answer(WHO_IS_ON_DUTY, reply or (lambda _request: clerk))

    def report(
        self,
        text: str = "下穿通道积水",
        *,
        metres: float | None = 0.0,
        request_id: str = "",
        external_no: str = "",
        channel: str = "HOTLINE_12345",
        prop: str = "HELP",
        datum: str = "CGCS2000",
        occurred_at: datetime | None = None,
        name: str = "",
        phone: str = "",
    ) -> pb.SubmitReportReply:
        """Hand a report in, `metres` north of the spot (None: without a position)."""
        number = next(self._numbers)
        request = pb.SubmitReportRequest(
            request_id=request_id or f"report-{number}",
            channel=channel,
            property=prop,
            text=text,
            address_text="测试路",
            point=None if metres is None else pb.Point(lon=LON, lat=LAT + metres * METRE, datum=datum),
            external_no=external_no,
            anonymous=not name,
            reporter_name=name,
            reporter_phone=phone,
        )
        if occurred_at is not None:
            at = Timestamp()
            at.FromDatetime(occurred_at)
            request.occurred_at.CopyFrom(at)
        reply = self.harness.execute(request)
        assert isinstance(reply, pb.SubmitReportReply)
        return reply

    def detect(
        self, *, level: SpotLevel = SpotLevel.L2, kind: SpotKind = SpotKind.UNDERPASS, datum: Datum = Datum.CGCS2000
    ) -> None:
        """Let flood find water at the spot."""
        now = self.harness.clock.now()
        found = WaterloggingDetected(
            spot_id=SPOT,
            name="测试下穿通道",
            depth_cm=31.0,
            source=SpotSource.SENSOR,
            source_id="WL-TEST-01",
            confidence=1.0,
            spot_kind=kind,
            level=level,
            first_at=now,
            at=now,
            location=GeoPoint(lon=LON, lat=LAT, datum=datum),
            area_code=AREA,
        )
        self.harness.put(topics.FLOOD_SPOT, found)

    def update(self, level: SpotLevel) -> None:
        """Let the water rise or fall."""
        now = self.harness.clock.now()
        said = WaterloggingUpdated(
            spot_id=SPOT,
            depth_cm=60.0,
            level=level,
            status=SpotStatus.CONFIRMED,
            sources=(SpotSource.SENSOR,),
            source_ids_total=1,
            at=now,
            recede_cm_per_h=None,
        )
        self.harness.put(topics.FLOOD_SPOT, said)

    def clear(self, by: ConfirmedBy = ConfirmedBy.PERSON) -> None:
        """Let the water be gone."""
        now = self.harness.clock.now()
        said = WaterloggingCleared(spot_id=SPOT, cleared_at=now, max_depth_cm=45.0, duration_s=3600, confirmed_by=by)
        self.harness.put(topics.FLOOD_SPOT, said)

    def close(self, case_id: str, outcome: str = "已排水", by: str = "clerk") -> pb.CloseCaseReply:
        """Close a case by hand."""
        number = f"close-{next(self._numbers)}"
        reply = self.harness.execute(
            pb.CloseCaseRequest(request_id=number, case_id=case_id, outcome=outcome, closed_by=by)
        )
        assert isinstance(reply, pb.CloseCaseReply)
        return reply

    @property
    def opened(self) -> list[CaseOpened]:
        """The cases that were told to others."""
        return [event.data for event in self.harness.of(CaseOpened)]

    @property
    def joined(self) -> list[str]:
        """Every report that a case has named, in order."""
        named = [report_id for case in self.opened for report_id in case.report_ids]
        return named + [event.data.report_id for event in self.harness.of(ReportAttached)]
