"""One line of the event stream per event: what happened, where, in which tone. Never a citizen's words or address."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from liandong_contracts.base import Record
from liandong_contracts.dispatch import (
    CaseClockBreached,
    CaseClockWarned,
    CaseClosed,
    CaseOpened,
    ReportAttached,
    ReportReceived,
)
from liandong_contracts.emergency import (
    NoticeAcknowledged,
    NoticeSent,
    NoticeUnanswered,
    ResponseActivated,
    ResponseLevelChanged,
    ResponseProposed,
    ResponseTerminated,
    TaskAcknowledged,
    TaskAssigned,
    TaskCancelled,
    TaskCompleted,
    TaskOverdue,
)
from liandong_contracts.flood import (
    WarningAction,
    WaterloggingCleared,
    WaterloggingDetected,
    WaterloggingUpdated,
    WeatherWarningReceived,
)
from liandong_contracts.sensing import (
    AlarmCleared,
    AlarmRaised,
    AlarmUpdated,
    DeviceCameOnline,
    DeviceWentOffline,
    ReadingRejected,
)

from ioc_service.domain import labels
from ioc_service.domain.labels import measured, number, word
from ioc_service.domain.names import Names


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the event stream; `place` is empty when the handler knows it better (the row it changed)."""

    what: str
    place: str = ""
    tone: str = "none"


def _alarm_raised(r: AlarmRaised, names: Names) -> Line:
    metric = word(labels.METRIC, r.metric)
    limit = f"，限值 {measured(r.threshold, r.unit)}" if r.threshold is not None else ""
    tone = labels.SEVERITY_TONE.get(r.severity, "none")
    return Line(f"告警产生：{metric} {measured(r.value, r.unit)}{limit}", names.device(r.device_id), tone)


def _alarm_updated(r: AlarmUpdated, names: Names) -> Line:
    tone = labels.SEVERITY_TONE.get(r.severity, "none")
    return Line(f"告警更新：第 {r.repeat_count} 次，{number(r.value)}", tone=tone)


def _alarm_cleared(r: AlarmCleared, names: Names) -> Line:
    return Line(f"告警恢复：{word(labels.CLEARED_BY, r.by)}", tone="green")


def _offline(r: DeviceWentOffline, names: Names) -> Line:
    return Line(f"设备离线：连续 {r.missed_intervals} 次未报", names.device(r.device_id), "yellow")


def _online(r: DeviceCameOnline, names: Names) -> Line:
    backlog = f"，补报 {r.backlog_readings} 条" if r.backlog_readings else ""
    return Line(f"设备上线：静默 {_span(r.offline_s)}{backlog}", names.device(r.device_id), "green")


def _rejected(r: ReadingRejected, names: Names) -> Line:
    who = names.device(r.device_id) if r.device_id else r.native_id
    return Line(f"报文拒收：{word(labels.REJECT, r.reason)}", who)


def _detected(r: WaterloggingDetected, names: Names) -> Line:
    depth = f"，深 {number(r.depth_cm)} cm" if r.depth_cm is not None else ""
    what = f"积水发现 {word(labels.SPOT_LEVEL, r.level)}{depth}，来自{word(labels.SPOT_SOURCE, r.source)}"
    return Line(what, r.name, labels.SPOT_TONE.get(r.level, "none"))


def _spot_updated(r: WaterloggingUpdated, names: Names) -> Line:
    depth = f"，深 {number(r.depth_cm)} cm" if r.depth_cm is not None else ""
    what = f"积水更新 {word(labels.SPOT_LEVEL, r.level)}{depth}，{word(labels.SPOT_STATUS, r.status)}"
    return Line(what, tone=labels.SPOT_TONE.get(r.level, "none"))


def _spot_cleared(r: WaterloggingCleared, names: Names) -> Line:
    most = f"，最深 {number(r.max_depth_cm)} cm" if r.max_depth_cm is not None else ""
    return Line(f"积水消退：历时 {_span(r.duration_s)}{most}", tone="green")


def _warning(r: WeatherWarningReceived, names: Names) -> Line:
    signal = f"{word(labels.WARNING_EVENT, r.event_code)}{word(labels.COLOUR, r.colour)}预警"
    place = "、".join(names.area(code) for code in r.areas)
    cancelled = r.action is WarningAction.CANCEL
    tone = "green" if cancelled else labels.COLOUR_TONE.get(r.colour, "none")
    return Line(f"气象预警{word(labels.WARNING_ACTION, r.action)}：{signal}", place, tone)


def _proposed(r: ResponseProposed, names: Names) -> Line:
    met = sum(condition.met for condition in r.conditions)
    asked = f"{word(labels.HAZARD, r.hazard)} {word(labels.LEVEL, r.level)}"
    what = f"响应建议：{asked}，{len(r.conditions)} 项中满足 {met} 项"
    return Line(what, names.area(r.area_code), labels.LEVEL_TONE.get(r.level, "none"))


def _activated(r: ResponseActivated, names: Names) -> Line:
    what = f"响应启动：{word(labels.HAZARD, r.hazard)} {word(labels.LEVEL, r.level)}，{names.person(r.approved_by)}批准"
    return Line(what, names.area(r.area_code), labels.LEVEL_TONE.get(r.level, "none"))


def _level_changed(r: ResponseLevelChanged, names: Names) -> Line:
    change = f"{word(labels.LEVEL, r.from_level)} → {word(labels.LEVEL, r.effective_level)}"
    what = f"响应调级：{word(labels.HAZARD, r.hazard)} {change}，{names.person(r.approved_by)}批准"
    return Line(what, names.area(r.area_code), labels.LEVEL_TONE.get(r.effective_level, "none"))


def _terminated(r: ResponseTerminated, names: Names) -> Line:
    what = f"响应终止：{word(labels.HAZARD, r.hazard)}，{names.person(r.approved_by)}批准"
    return Line(what, names.area(r.area_code), "green")


def _assigned(r: TaskAssigned, names: Names) -> Line:
    who = names.person(r.assignee_person) or f"{word(labels.POST, r.assignee_post)}（无人在岗）"
    return Line(f"任务下达：{r.title}，{who}", names.area(r.area_code), labels.LEVEL_TONE.get(r.level, "none"))


def _task_acknowledged(r: TaskAcknowledged, names: Names) -> Line:
    return Line(f"任务签收：{names.person(r.person_id)}（{word(labels.VIA, r.via)}）", tone="green")


def _overdue(r: TaskOverdue, names: Names) -> Line:
    up = f"，升级到{names.person(r.escalated_to)}" if r.escalated_to else ""
    return Line(f"任务{word(labels.OVERDUE, r.which)}{up}", tone="red")


def _completed(r: TaskCompleted, names: Names) -> Line:
    return Line(f"任务完成：{names.person(r.person_id)}", tone="green")


def _cancelled(r: TaskCancelled, names: Names) -> Line:
    return Line(f"任务撤销：{word(labels.CANCEL_REASON, r.reason)}")


def _sent(r: NoticeSent, names: Names) -> Line:
    tone = "blue" if r.step == 1 else "orange"
    return Line(f"通知第 {r.step} 步：{word(labels.CHANNEL, r.channel)} → {names.person(r.person_id)}", tone=tone)


def _notice_back(r: NoticeAcknowledged, names: Names) -> Line:
    tone = "green" if r.kind == "CONFIRMED" else "none"
    return Line(f"通知{word(labels.NOTICE_STATE, r.kind)}：{names.person(r.person_id)}", tone=tone)


def _unanswered(r: NoticeUnanswered, names: Names) -> Line:
    if r.exhausted:
        return Line(f"通知无人应答：{r.step} 步全部用尽", tone="red")
    after = f"，转{word(labels.CHANNEL, r.next_channel)}" if r.next_channel else ""
    who = f" {names.person(r.next_person)}" if r.next_person else ""
    return Line(f"通知未应答：{names.person(r.person_id)}{after}{who}", tone="orange")


def _reported(r: ReportReceived, names: Names) -> Line:
    what = f"诉求受理：{word(labels.REPORT_CHANNEL, r.channel)}，{word(labels.REPORT_PROPERTY, r.property)}"
    return Line(what, tone="blue")


def _opened(r: CaseOpened, names: Names) -> Line:
    return Line(f"立案：{r.summary}", names.area(r.area_code), "red" if r.urgency == "URGENT" else "blue")


def _attached(r: ReportAttached, names: Names) -> Line:
    return Line(f"诉求并入：共 {r.reports_total} 件", tone="blue")


def _clock_warned(r: CaseClockWarned, names: Names) -> Line:
    return Line(f"案件临期：{word(labels.CASE_CLOCK, r.clock)}已用 {r.used_pct}%", tone="orange")


def _clock_breached(r: CaseClockBreached, names: Names) -> Line:
    return Line(f"案件超期：{word(labels.CASE_CLOCK, r.clock)}超 {_span(r.overdue_s)}", tone="red")


def _closed(r: CaseClosed, names: Names) -> Line:
    return Line(f"结案：{r.outcome}，诉求 {r.reports_total} 件", tone="green" if r.on_time else "orange")


def _span(seconds: int) -> str:
    if seconds < 60:
        return f"{seconds} 秒"
    if seconds < 3600:
        return f"{seconds // 60} 分钟"
    return f"{seconds // 3600} 小时 {seconds % 3600 // 60} 分"


_WORDING: dict[type[Record], Callable[[Any, Names], Line]] = {
    AlarmRaised: _alarm_raised,
    AlarmUpdated: _alarm_updated,
    AlarmCleared: _alarm_cleared,
    DeviceWentOffline: _offline,
    DeviceCameOnline: _online,
    ReadingRejected: _rejected,
    WaterloggingDetected: _detected,
    WaterloggingUpdated: _spot_updated,
    WaterloggingCleared: _spot_cleared,
    WeatherWarningReceived: _warning,
    ResponseProposed: _proposed,
    ResponseActivated: _activated,
    ResponseLevelChanged: _level_changed,
    ResponseTerminated: _terminated,
    TaskAssigned: _assigned,
    TaskAcknowledged: _task_acknowledged,
    TaskOverdue: _overdue,
    TaskCompleted: _completed,
    TaskCancelled: _cancelled,
    NoticeSent: _sent,
    NoticeAcknowledged: _notice_back,
    NoticeUnanswered: _unanswered,
    ReportReceived: _reported,
    CaseOpened: _opened,
    ReportAttached: _attached,
    CaseClockWarned: _clock_warned,
    CaseClockBreached: _clock_breached,
    CaseClosed: _closed,
}


def line_of(record: Record, names: Names) -> Line:
    """Return the wording of an event."""
    return _WORDING[type(record)](record, names)
