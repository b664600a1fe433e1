"""Events become rows once, in whatever order topics arrive; what ended is gone from the page."""

from typing import Any

import msgspec
import pytest
from ioc_service import tables
from ioc_service.domain.names import Names
from ioc_service.service import console
from ioc_service.view.state import State
from liandong.testing.workflow import WorkflowHarness
from liandong_contracts import topics
from liandong_contracts.common import Colour, Hazard, Level
from liandong_contracts.dispatch import CaseClockBreached, CaseClosed, ClockKind
from liandong_contracts.emergency import (
    AckKind,
    CancelReason,
    NoticeAcknowledged,
    NoticeChannel,
    ResponseLevelChanged,
    ResponseTerminated,
    TaskCancelled,
    Via,
)
from liandong_contracts.flood import (
    ConfirmedBy,
    RainfallAggregated,
    RainWindow,
    SpotLevel,
    WarningAction,
    WaterloggingCleared,
)
from liandong_contracts.sensing import AlarmCleared, AlarmUpdated, ClearedBy, DeviceCameOnline, RejectReason

from tests.support.console_district import DISTRICT, START
from tests.support.console_storm import Storm, tell


def shown(state: State, table: str) -> list[dict[str, Any]]:
    return state.since(None, START).tables.get(table, [])


def only(state: State, table: str) -> dict[str, Any]:
    (row,) = shown(state, table)
    return row


def test_a_whole_storm_leaves_no_dead_letter_and_fills_every_panel(storm: Storm, state: State) -> None:
    tell(storm)
    assert storm.harness.dead_letters == []
    panels = {"alarms", "offline", "spots", "rain", "warnings", "proposals", "responses", "tasks", "cases", "feed"}
    assert panels <= set(state.since(None, storm.now).tables)
    assert storm.harness.published == []


def test_redelivery_changes_nothing(storm: Storm, harness: WorkflowHarness) -> None:
    tell(storm)
    before = {table.name: harness.rows(table) for table in tables.metadata.sorted_tables}
    harness.redeliver()
    harness.redeliver(new_offset=True)
    assert {table.name: harness.rows(table) for table in tables.metadata.sorted_tables} == before


def test_a_counted_rejection_is_counted_once_when_delivered_again(storm: Storm, state: State) -> None:
    storm.rejected(RejectReason.BAD_CHECKSUM)
    storm.harness.redeliver(new_offset=True)
    row = only(state, "rejected")
    assert (row["total"], row["devices"], row["reasons"]) == (1, 1, "校验错误 1")


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_around_the_commit_counts_once(storm: Storm, state: State, when: str) -> None:
    if when == "before":
        storm.harness.crash_before_commit()
    else:
        storm.harness.crash_after_commit()
    storm.reported("R-1")
    assert only(state, "reports")["total"] == 1
    assert len(shown(state, "feed")) == 1


def test_a_later_revision_replaces_and_an_earlier_window_does_not(storm: Storm, state: State) -> None:
    def window(mm: float, minute: int, revision: int) -> None:
        end = START.replace(minute=minute)
        record = RainfallAggregated(
            station_id="RG01",
            window=RainWindow.H1,
            window_end=end,
            mm=mm,
            completeness=1,
            provisional=True,
            revision=revision,
        )
        storm.put(topics.FLOOD_RAIN, record)

    window(10, 30, 1)
    window(12, 30, 2)
    window(99, 25, 3)
    assert only(state, "rain")["h1"]["mm"] == 12


def test_windows_that_are_not_shown_write_nothing(storm: Storm, state: State) -> None:
    record = RainfallAggregated(
        station_id="RG01", window=RainWindow.M5, window_end=START, mm=1, completeness=1, provisional=True, revision=1
    )
    storm.put(topics.FLOOD_RAIN, record)
    assert state.since(None, START).position.rev == 0


def test_an_alarm_is_updated_and_cleared(storm: Storm, state: State) -> None:
    storm.alarm("WL01", 2, 41, 40)
    update = AlarmUpdated(
        alarm_key="WL01+limit", alarm_id="WL01+limit-1", severity=1, repeat_count=4, value=62.0, last_at=storm.now
    )
    storm.put(topics.SENSING_ALARM, update)
    row = only(state, "alarms")
    assert (row["severity_label"], row["value_text"], row["repeat_count"]) == ("紧急", "62 / 40 cm", 3)
    assert (row["device"], row["area"]) == ("临江路下穿隧道水位计", "滨江社区")
    storm.put(topics.SENSING_ALARM, msgspec.structs.replace(update, repeat_count=5))
    assert [row["what"][:4] for row in shown(state, "feed")] == ["告警更新", "告警产生"]
    cleared = AlarmCleared(
        alarm_key="WL01+limit", alarm_id="WL01+limit-1", by=ClearedBy.CONDITION, cleared_at=storm.now
    )
    storm.put(topics.SENSING_ALARM, cleared)
    assert shown(state, "alarms") == []


def test_a_device_comes_back(storm: Storm, state: State) -> None:
    storm.offline("RG06")
    assert only(state, "offline")["title"] == "麻园雨量站"
    back = DeviceCameOnline(device_id="RG06", offline_s=900, backlog_readings=3, at=storm.now)
    storm.put(topics.SENSING_DEVICE, back)
    assert shown(state, "offline") == []


def test_a_spot_keeps_its_course_and_leaves_when_cleared(storm: Storm, state: State) -> None:
    storm.detected("SP-1", "临江路下穿隧道", SpotLevel.L1, 18.0)
    for depth in (22.0, 28.0, 34.0):
        storm.minutes(2)
        storm.depth("SP-1", SpotLevel.L2, depth)
    row = only(state, "spots")
    assert (row["level"], row["depth_cm"], row["trend"]) == ("L2", 34.0, 160)
    assert [depth for _, depth in row["history"]] == [18, 22, 28, 34]
    cleared = WaterloggingCleared(
        spot_id="SP-1", cleared_at=storm.now, max_depth_cm=34.0, duration_s=360, confirmed_by=ConfirmedBy.SENSOR
    )
    storm.put(topics.FLOOD_SPOT, cleared)
    assert shown(state, "spots") == []
    storm.detected("SP-1", "临江路下穿隧道", SpotLevel.L1, 16.0)
    assert only(state, "spots")["history"] == [[int(storm.now.timestamp() * 1000), 16.0]]


def test_a_cancelled_or_expired_warning_is_not_in_force(storm: Storm, state: State) -> None:
    storm.warning(Colour.YELLOW)
    assert only(state, "warnings")["title"] == "暴雨黄色预警信号"
    assert state.since(None, START.replace(hour=23)).tables.get("warnings") is None
    storm.warning(Colour.YELLOW, WarningAction.CANCEL)
    assert shown(state, "warnings") == []


def test_a_proposal_waits_until_it_is_decided(storm: Storm, state: State) -> None:
    storm.proposed(Level.IV)
    row = only(state, "proposals")
    assert (row["action"], [item["met"] for item in row["conditions"]]) == ("启动Ⅳ级响应", [True, True, True, False])
    storm.minutes(1)
    storm.activated(Level.IV)
    assert shown(state, "proposals") == []
    storm.minutes(1)
    storm.proposed(Level.III)
    assert only(state, "proposals")["action"] == "升至Ⅲ级响应"
    storm.proposed(Level.IV)
    assert shown(state, "proposals") == []


def test_the_answer_may_be_seen_before_its_question(storm: Storm, state: State) -> None:
    storm.activated(Level.IV)
    storm.proposed(Level.IV)
    assert shown(state, "proposals") == []


def test_a_newer_proposal_survives_the_approval_of_an_older_one(storm: Storm, state: State) -> None:
    approved_at = storm.now
    storm.minutes(2)
    storm.proposed(Level.III)
    storm.harness.clock.set(approved_at)
    storm.activated(Level.IV)
    assert only(state, "proposals")["action"] == "升至Ⅲ级响应"


def test_the_effective_level_is_shown_and_ends(storm: Storm, state: State) -> None:
    storm.activated(Level.IV)
    changed = ResponseLevelChanged(
        hazard=Hazard.RAINSTORM,
        area_code=DISTRICT,
        response_id="990101-response-20260715-aaaaaaaa",
        from_level=Level.IV,
        to_level=Level.III,
        own_level=Level.III,
        ordered_level=Level.II,
        effective_level=Level.II,
        reason="城市指令",
        approved_by="P-6",
        effective_at=storm.now,
    )
    storm.put(topics.EMERGENCY_RESPONSE, changed)
    row = only(state, "responses")
    assert (row["level_label"], row["tone"], row["approved_by"]) == ("Ⅱ级", "orange", "区副指挥长")
    ended = ResponseTerminated(
        hazard=Hazard.RAINSTORM,
        area_code=DISTRICT,
        response_id="990101-response-20260715-aaaaaaaa",
        ended_at=storm.now,
        approved_by="P-1",
    )
    storm.put(topics.EMERGENCY_RESPONSE, ended)
    assert shown(state, "responses") == []


def test_a_task_shows_who_is_being_called_and_who_confirmed(storm: Storm, state: State) -> None:
    storm.notice("T-1", "P-2", NoticeChannel.APP, 1)  # the notice may be seen before its task
    storm.task("T-1", "泵站强排", "PUMP_OPERATOR", "P-2", DISTRICT)
    storm.unanswered("T-1", "P-2", 1)
    storm.notice("T-1", "P-3", NoticeChannel.VOICE, 2)
    storm.overdue("T-1")
    row = only(state, "tasks")
    assert (row["state_label"], row["tone"], row["overdue"]) == ("签收超时", "red", "ACK")
    assert row["notice"] == {
        "step": 2,
        "channel_label": "语音",
        "person_name": "泵站操作员乙",
        "state": "SENT",
        "state_label": "等待应答",
    }
    storm.acknowledged("T-1", "P-3", Via.VOICE)
    row = only(state, "tasks")
    assert (row["state_label"], row["acked_by"], row["notice"]["state_label"]) == ("已签收", "泵站操作员乙 语音", "")


def test_a_late_delivery_report_does_not_take_a_confirmation_back(storm: Storm, harness: WorkflowHarness) -> None:
    storm.notice("T-1", "P-2", NoticeChannel.APP, 1)
    for kind in (AckKind.CONFIRMED, AckKind.DELIVERED):
        said = NoticeAcknowledged(notice_id="N-T-1", kind=kind, person_id="P-2", via=Via.APP, at=storm.now)
        storm.put(topics.EMERGENCY_NOTICE, said)
    assert [row.state for row in harness.rows(tables.notice)] == ["CONFIRMED"]


def test_ended_tasks_stay_for_a_while_and_only_the_last_few(storm: Storm, state: State) -> None:
    for number in range(25):
        storm.task(f"T-{number}", "巡查", "GRID_WORKER", "P-5", DISTRICT)
        record = TaskCancelled(task_id=f"T-{number}", reason=CancelReason.LEVEL_LOWERED, at=storm.now)
        storm.put(topics.EMERGENCY_TASK, record)
    rows = shown(state, "tasks")
    assert len(rows) == 20
    assert {row["outcome"] for row in rows} == {"降级"}


def test_a_case_counts_its_reports_and_shows_the_breached_clock(storm: Storm, state: State) -> None:
    storm.detected("SP-1", "临江路下穿隧道", SpotLevel.L1, 18.0)
    storm.case("C-1", "隧道积水", "SP-1")
    storm.attached("C-1", "R-1", 1)
    storm.attached("C-1", "R-2", 2)
    row = only(state, "cases")
    assert (row["reports_total"], row["spot"], row["breached"]) == (2, "临江路下穿隧道", False)
    storm.put(
        topics.DISPATCH_CASE,
        CaseClockBreached(case_id="C-1", clock=ClockKind.DISPOSE, due_at=storm.now, overdue_s=60),
    )
    row = only(state, "cases")
    assert (row["breached"], row["tone"], row["clock"]["label"]) == (True, "red", "处置时限")
    storm.put(
        topics.DISPATCH_CASE,
        CaseClosed(case_id="C-1", outcome="已排干", on_time=False, reports_total=2, closed_at=storm.now),
    )
    assert shown(state, "cases") == []


def test_a_citizens_words_and_address_are_stored_nowhere(storm: Storm, harness: WorkflowHarness) -> None:
    storm.reported("R-1", text="我住在望江路八号")
    everything = "".join(str(harness.rows(table)) for table in tables.metadata.sorted_tables)
    assert "望江路" not in everything
    assert "临江路下穿隧道" not in everything


def test_an_event_about_something_never_seen_is_told_and_breaks_nothing(storm: Storm, state: State) -> None:
    storm.depth("SP-9", SpotLevel.L2, 30.0)
    storm.acknowledged("T-9", "P-2")
    storm.attached("C-9", "R-9", 3)
    assert storm.harness.dead_letters == []
    assert len(shown(state, "feed")) == 3
    assert shown(state, "spots") == shown(state, "tasks") == shown(state, "cases") == []


def test_the_stream_is_kept_short(storm: Storm, harness: WorkflowHarness) -> None:
    for number in range(700):
        storm.reported(f"R-{number}")
    assert 500 <= len(harness.rows(tables.feed)) <= 564


def test_without_reference_data_codes_are_shown() -> None:
    harness = WorkflowHarness(console, now=START)
    storm, state = Storm(harness), State(harness.read, Names())
    tell(storm)
    row = shown(state, "tasks")[0]
    assert (row["person_name"], row["area"]) == ("P-2", "990101001")
    assert shown(state, "rain")[0]["name"].startswith("RG0")
    assert "registry" not in state.since(None, START).tables
