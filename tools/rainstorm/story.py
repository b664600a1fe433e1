"""Tells the night in the terminal, one line for each event a person would care about. In Chinese, like the console."""

from collections.abc import Callable
from datetime import datetime

from liandong.event import Event
from liandong.ids import SHANGHAI
from liandong_contracts.base import Record
from liandong_contracts.dispatch import CaseOpened, ReportAttached
from liandong_contracts.emergency import (
    NoticeUnanswered,
    ResponseActivated,
    ResponseLevelChanged,
    ResponseProposed,
    TaskAcknowledged,
    TaskAssigned,
    TaskOverdue,
)
from liandong_contracts.flood import WaterloggingDetected, WaterloggingUpdated, WeatherWarningReceived
from liandong_contracts.sensing import AlarmRaised, DeviceCameOnline, DeviceWentOffline, ReadingRejected
from rich.console import Console

Line = tuple[str, str]  # style, text
_COLOURS = {"BLUE": "蓝色", "YELLOW": "黄色", "ORANGE": "橙色", "RED": "红色"}
_CHANNELS = {"APP": "应用", "SMS": "短信", "VOICE": "电话"}


def _depth(cm: float | None) -> str:
    return "深度未知" if cm is None else f"{cm:.0f} 厘米"


def _proposed(data: ResponseProposed) -> Line:
    met = "、".join(condition.label for condition in data.conditions if condition.met)
    return "bold yellow", f"建议启动 {data.level} 级响应：{met}"


def _unanswered(data: NoticeUnanswered) -> Line:
    channel = _CHANNELS.get(str(data.next_channel), "")
    step = (
        f"改叫 {data.next_person}（{channel}）"
        if data.next_person
        else f"改用{channel}"
        if channel
        else "全部叫应无人应答"
    )
    return "magenta", f"{data.person_id} 未应答，{step}"


_TOLD: dict[type[Record], Callable[..., Line]] = {
    WeatherWarningReceived: lambda d: ("blue", f"气象台发布暴雨{_COLOURS.get(d.colour, d.colour)}预警"),
    AlarmRaised: lambda d: ("red", f"告警 {d.device_id} {d.metric} {d.value:g} {d.unit}（{d.rule_id}）"),
    DeviceWentOffline: lambda d: ("dim", f"设备离线 {d.device_id}"),
    DeviceCameOnline: lambda d: ("dim", f"设备恢复 {d.device_id}"),
    ReadingRejected: lambda d: ("dim", f"拒收 {d.native_id or '?'}：{d.reason}"),
    WaterloggingDetected: lambda d: ("bold cyan", f"发现积水 {d.name} {_depth(d.depth_cm)}（{d.level}）"),
    WaterloggingUpdated: lambda d: ("cyan", f"积水 {d.spot_id} {_depth(d.depth_cm)}（{d.level}，{d.status}）"),
    CaseOpened: lambda d: ("green", f"立案 {d.summary}"),
    ReportAttached: lambda d: ("green", f"诉求并入同一案件，共 {d.reports_total} 件"),
    ResponseProposed: _proposed,
    ResponseActivated: lambda d: ("bold red", f"启动 {d.level} 级响应（{d.approved_by} 批准）"),
    ResponseLevelChanged: lambda d: ("bold red", f"响应 {d.from_level} 级调为 {d.to_level} 级（{d.approved_by} 批准）"),
    TaskAssigned: lambda d: ("white", f"任务 → {d.assignee_person}：{d.title}"),
    TaskAcknowledged: lambda d: ("bright_green", f"{d.person_id} 已确认（{_CHANNELS.get(d.via, d.via)}）"),
    TaskOverdue: lambda d: ("magenta", f"任务超时未签收，转 {d.escalated_to or '值班员'}"),
    NoticeUnanswered: _unanswered,
}


class Story:
    """Prints the lines of the night to a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def title(self, text: str) -> None:
        """Print a heading."""
        self._console.rule(text)

    def say(self, text: str, style: str = "dim") -> None:
        """Print a remark that is no event."""
        self._console.print(f"       {text}", style=style, highlight=False)

    def tell(self, event: Event[Record], now: datetime) -> None:
        """Print the line of an event, if it has one, with the time of the night."""
        line = _TOLD.get(type(event.data))
        if line is not None:
            style, text = line(event.data)
            self._console.print(f"{now.astimezone(SHANGHAI):%H:%M}  {text}", style=style, highlight=False)
