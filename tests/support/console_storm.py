"""A small storm for the console's tests, told event by event as the owners publish it. All of it is fictional."""

import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from liandong.testing.workflow import WorkflowHarness
from liandong_contracts import topics
from liandong_contracts.base import Record, Topic
from liandong_contracts.common import Colour, Hazard, Level, Tier
from liandong_contracts.dispatch import (
    AttachBasis,
    CaseOpened,
    Clock,
    ClockKind,
    ReportAttached,
    ReportChannel,
    ReportProperty,
    ReportReceived,
    Urgency,
)
from liandong_contracts.emergency import (
    Condition,
    NoticeChannel,
    NoticeSent,
    NoticeUnanswered,
    ResponseActivated,
    ResponseProposed,
    TaskAcknowledged,
    TaskAssigned,
    TaskCompleted,
    TaskOverdue,
    Via,
    Which,
)
from liandong_contracts.flood import (
    RainfallAggregated,
    RainWindow,
    SpotKind,
    SpotLevel,
    SpotSource,
    SpotStatus,
    WarningAction,
    WaterloggingDetected,
    WaterloggingUpdated,
    WeatherWarningReceived,
)
from liandong_contracts.sensing import (
    AlarmRaised,
    DeviceWentOffline,
    OfflineScope,
    ReadingRejected,
    RejectReason,
)

from tests.support.console_district import DISTRICT, TRACE


class Storm:
    """Tells the storm to a harness; `minutes` moves the clock, so that ages and trends are real.

    The harness has one connection: what is read beside it, from other threads, goes through `read`.
    """

    def __init__(self, harness: WorkflowHarness) -> None:
        self.harness = harness
        self._turn = threading.Lock()

    def read(self, query: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
        """Query between two events."""
        with self._turn:
            return self.harness.read(query)

    @property
    def now(self) -> datetime:
        """The world's time."""
        return self.harness.clock.now()

    def put(self, topic: Topic, record: Record, **envelope: Any) -> None:
        """Deliver one event in the storm's trace unless told otherwise."""
        with self._turn:
            self.harness.put(topic, record, **{"traceparent": TRACE, "area_code": DISTRICT, **envelope})

    def minutes(self, count: float) -> None:
        """Let time pass."""
        with self._turn:
            self.harness.advance(timedelta(minutes=count))

    def rain(self, station: str, mm: float, completeness: float = 1.0) -> None:
        """Three windows of one gauge."""
        for window, factor in ((RainWindow.H1, 1.0), (RainWindow.H3, 1.6), (RainWindow.H24, 2.2)):
            record = RainfallAggregated(
                station_id=station,
                window=window,
                window_end=self.now,
                mm=mm * factor,
                completeness=completeness,
                provisional=True,
                revision=1,
            )
            self.put(topics.FLOOD_RAIN, record)

    def detected(self, spot_id: str, name: str, level: SpotLevel, depth: float | None, **more: Any) -> None:
        """A spot is found."""
        record = WaterloggingDetected(
            spot_id=spot_id,
            name=name,
            depth_cm=depth,
            source=more.get("source", SpotSource.SENSOR),
            source_id=more.get("source_id", "WL01"),
            confidence=0.9,
            spot_kind=more.get("kind", SpotKind.UNDERPASS),
            level=level,
            first_at=self.now,
            at=self.now,
            area_code=more.get("area_code", "990101001001"),
        )
        self.put(topics.FLOOD_SPOT, record)

    def depth(self, spot_id: str, level: SpotLevel, depth: float, sources: int = 1) -> None:
        """A spot's depth changes."""
        record = WaterloggingUpdated(
            spot_id=spot_id,
            depth_cm=depth,
            level=level,
            status=SpotStatus.CONFIRMED,
            sources=(SpotSource.SENSOR, SpotSource.CITIZEN) if sources > 1 else (SpotSource.SENSOR,),
            source_ids_total=sources,
            at=self.now,
        )
        self.put(topics.FLOOD_SPOT, record)

    def warning(self, colour: Colour, action: WarningAction = WarningAction.ISSUE, warning_id: str = "W-1") -> None:
        """The weather bureau speaks."""
        record = WeatherWarningReceived(
            warning_id=warning_id,
            event_code="11B03",
            colour=colour,
            action=action,
            areas=(DISTRICT,),
            effective=self.now,
            expires=self.now + timedelta(hours=3),
            issuer="海棠区气象台（示例）",
        )
        self.put(topics.FLOOD_WARNING, record)

    def alarm(self, device: str, severity: int, value: float, threshold: float, label: str = "water_depth") -> None:
        """A reading passes a limit."""
        key = f"{device}+limit"
        record = AlarmRaised(
            alarm_key=key,
            alarm_id=f"{key}-1",
            episode=1,
            device_id=device,
            rule_id="limit",
            rule_version=1,
            severity=severity,
            metric=label,
            value=value,
            threshold=threshold,
            unit="cm" if label == "water_depth" else "mm",
            first_at=self.now,
        )
        self.put(topics.SENSING_ALARM, record)

    def offline(self, device: str) -> None:
        """A device falls silent."""
        record = DeviceWentOffline(
            device_id=device,
            last_seen_at=self.now - timedelta(minutes=15),
            missed_intervals=3,
            scope=OfflineScope.DEVICE,
        )
        self.put(topics.SENSING_DEVICE, record)

    def rejected(self, reason: RejectReason) -> None:
        """A frame is refused."""
        record = ReadingRejected(
            native_id="0099000001",
            device_id="RG01",
            reason=reason,
            detail="checksum 1A2B, expected 3C4D",
            raw=b"\x7e\x7e",
            transport="tcp 127.0.0.1",
            received_at=self.now,
        )
        self.put(topics.SENSING_REJECTED, record)

    def proposed(self, level: Level, label: str = "1 小时雨量", **envelope: Any) -> None:
        """Flood asks for a level."""
        conditions = (
            Condition(name="h1", label=label, value=52.4, threshold=50.0, unit="mm", met=True),
            Condition(name="warning", label="暴雨黄色及以上预警生效", unit="1", met=True),
            Condition(name="spots", label="L2 以上积水点", value=6.0, threshold=5.0, unit="1", met=True),
            Condition(name="roads", label="主干道积水超 30 cm", value=1.0, threshold=2.0, unit="1", met=False),
        )
        record = ResponseProposed(
            hazard=Hazard.RAINSTORM,
            area_code=DISTRICT,
            plan_id="EX-RAINSTORM",
            level=level,
            conditions=conditions,
            confidence=0.9,
            proposed_at=self.now,
            rule_pack="示例-暴雨",
            rule_version=3,
        )
        self.put(topics.EMERGENCY_PROPOSAL, record, **envelope)

    def activated(self, level: Level) -> None:
        """A person approved."""
        record = ResponseActivated(
            hazard=Hazard.RAINSTORM,
            area_code=DISTRICT,
            response_id="990101-response-20260715-aaaaaaaa",
            plan_id="EX-RAINSTORM",
            plan_version=1,
            level=level,
            ordered_by_tier=Tier.DISTRICT,
            approved_by="P-1",
            effective_at=self.now,
        )
        self.put(topics.EMERGENCY_RESPONSE, record)

    def task(self, task_id: str, title: str, post: str, person: str | None, area: str, **more: Any) -> None:
        """A task goes out."""
        record = TaskAssigned(
            task_id=task_id,
            response_id="990101-response-20260715-aaaaaaaa",
            title=title,
            assignee_post=post,
            assignee_person=person,
            area_code=area,
            ack_due_at=self.now + timedelta(minutes=more.get("ack", 15)),
            done_due_at=self.now + timedelta(minutes=more.get("done", 90)),
            template_id="RS-III-01",
            priority=1,
            level=Level.III,
        )
        self.put(topics.EMERGENCY_TASK, record)

    def notice(self, task_id: str, person: str, channel: NoticeChannel, step: int) -> None:
        """One step of the calling goes out."""
        record = NoticeSent(
            notice_id=f"N-{task_id}",
            about_ref=task_id,
            person_id=person,
            post="PUMP_OPERATOR",
            channel=channel,
            step=step,
            ack_due_at=self.now + timedelta(minutes=3),
            text="请确认任务",
            at=self.now,
        )
        self.put(topics.EMERGENCY_NOTICE, record)

    def unanswered(self, task_id: str, person: str, step: int, exhausted: bool = False) -> None:
        """Nobody answered that step."""
        record = NoticeUnanswered(
            notice_id=f"N-{task_id}", step=step, person_id=person, exhausted=exhausted, at=self.now
        )
        self.put(topics.EMERGENCY_NOTICE, record)

    def acknowledged(self, task_id: str, person: str, via: Via = Via.APP) -> None:
        """A person confirmed."""
        self.put(topics.EMERGENCY_TASK, TaskAcknowledged(task_id=task_id, person_id=person, via=via, at=self.now))

    def overdue(self, task_id: str) -> None:
        """Nobody confirmed in time."""
        self.put(topics.EMERGENCY_TASK, TaskOverdue(task_id=task_id, which=Which.ACK, overdue_s=60, at=self.now))

    def completed(self, task_id: str, person: str) -> None:
        """Done."""
        record = TaskCompleted(task_id=task_id, person_id=person, result="已完成", at=self.now)
        self.put(topics.EMERGENCY_TASK, record)

    def reported(self, report_id: str, text: str = "隧道积水") -> None:
        """A citizen reports."""
        record = ReportReceived(
            report_id=report_id,
            channel=ReportChannel.HOTLINE_12345,
            property=ReportProperty.HELP,
            text=text,
            occurred_at=self.now,
            address_text="临江路下穿隧道",
            anonymous=True,
        )
        self.put(topics.DISPATCH_REPORT, record)

    def case(self, case_id: str, summary: str, spot_id: str | None = None, minutes: float = 30) -> None:
        """A case is opened."""
        record = CaseOpened(
            case_id=case_id,
            summary=summary,
            report_ids=(),
            class_code="010203",
            spot_id=spot_id,
            urgency=Urgency.NORMAL,
            clocks=(Clock(clock=ClockKind.DISPOSE, due_at=self.now + timedelta(minutes=minutes)),),
            area_code="990101001001",
            opened_at=self.now,
        )
        self.put(topics.DISPATCH_CASE, record)

    def attached(self, case_id: str, report_id: str, total: int) -> None:
        """One more report of the same."""
        record = ReportAttached(
            case_id=case_id,
            report_id=report_id,
            basis=AttachBasis.SAME_PLACE_TIME,
            score=0.9,
            reports_total=total,
            at=self.now,
        )
        self.put(topics.DISPATCH_CASE, record)


_RAIN = (("RG01", 52.4, 1.0), ("RG02", 47.0, 0.92), ("RG03", 38.5, 1.0), ("RG04", 31.0, 1.0), ("RG05", 12.5, 1.0))
_DEPTHS = (
    (SpotLevel.L1, 22.0),
    (SpotLevel.L2, 28.0),
    (SpotLevel.L2, 34.0),
    (SpotLevel.L3, 41.0),
    (SpotLevel.L3, 46.0),
)


def tell(storm: Storm) -> None:
    """The storm up to the moment when level III waits for approval: every panel has something to show."""
    storm.warning(Colour.YELLOW)
    storm.offline("RG06")
    storm.minutes(6)
    storm.detected("SP-LJ-01", "临江路下穿隧道", SpotLevel.L1, 18.0)
    _depths(storm)
    storm.detected("SP-QS-01", "青石路铁路桥下", SpotLevel.L2, 29.0, source_id="WL05", area_code="990101002001")
    storm.detected("SP-YL-03", "松林地铁站 A 口", SpotLevel.L1, 17.0, kind=SpotKind.METRO, area_code="990101003002")
    for station, mm, completeness in _RAIN:
        storm.rain(station, mm, completeness)
    storm.alarm("WL01", 1, 46.0, 40.0)
    storm.alarm("RG01", 2, 52.4, 50.0, "rain_1h")
    for reason in (RejectReason.BAD_CHECKSUM, RejectReason.BAD_CHECKSUM, RejectReason.FUTURE_TIME):
        storm.rejected(reason)
    _response(storm)
    storm.case("C-1", "临江路下穿隧道积水，车辆受困", "SP-LJ-01")
    for number in range(1, 13):
        storm.reported(f"R-{number}")
        storm.attached("C-1", f"R-{number}", number)
    storm.minutes(1)
    storm.proposed(Level.III)


def _depths(storm: Storm) -> None:
    for number, (level, depth) in enumerate(_DEPTHS):
        storm.minutes(3)
        storm.depth("SP-LJ-01", level, depth, sources=1 + 3 * number)


def _response(storm: Storm) -> None:
    storm.proposed(Level.IV)
    storm.activated(Level.IV)
    storm.task("T-1", "封闭临江路下穿隧道，上游设置硬隔离并绕行提示", "PUMP_OPERATOR", "P-2", "990101001", ack=4)
    storm.notice("T-1", "P-2", NoticeChannel.APP, 1)
    storm.task("T-2", "街道三防值班到岗，备勤力量集结待命", "DUTY_OFFICER", "P-4", "990101001")
    storm.notice("T-2", "P-4", NoticeChannel.APP, 1)
    storm.task("T-3", "巡查易涝点和低洼住户，发现积水立即上报", "GRID_WORKER", "P-5", "990101001001")
    storm.notice("T-3", "P-5", NoticeChannel.APP, 1)
    storm.task("T-4", "三防值班到岗，核对雨情水情与在线设备", "FLOOD_DUTY", "P-6", DISTRICT)
    storm.minutes(3)
    storm.unanswered("T-1", "P-2", 1)
    storm.notice("T-1", "P-2", NoticeChannel.SMS, 2)
    storm.acknowledged("T-3", "P-5")
    storm.acknowledged("T-4", "P-6")
    storm.completed("T-4", "P-6")
    storm.minutes(2)
    storm.overdue("T-1")
    storm.notice("T-1", "P-3", NoticeChannel.VOICE, 3)
