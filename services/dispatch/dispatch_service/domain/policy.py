"""Figures, classes and words of the domain as data. Those marked [EX] are examples without a source."""

from dataclasses import dataclass
from datetime import time, timedelta

from liandong.pure.worktime import WorkCalendar
from liandong_contracts.dispatch import ReportProperty
from liandong_contracts.flood import SpotLevel

CALENDAR = WorkCalendar(
    weekdays=frozenset(range(5)),
    hours=((time(9), time(12)), (time(14), time(18))),
)
"""Monday to Friday, 9–12 and 14–18 in Asia/Shanghai [EX]. Holidays and make-up workdays are not in it."""

WORKDAY_H = 7.0


@dataclass(frozen=True, slots=True)
class CaseClass:
    """One class of cases; `dispose_h`: working hours to handle it, None: by the property of the report."""

    code: str
    name: str
    words: tuple[str, ...] = ()
    dispose_h: float | None = None


_WATER_WORDS = (
    "积水", "内涝", "涝", "水浸", "水淹", "淹", "漫水", "水深", "水很深",
    "倒灌", "全是水", "没过", "进水", "泡水", "泡在水", "排水", "水位",
)  # fmt: skip

STANDING_WATER = CaseClass(
    "EX-02-01-05",
    "市政设施·道路·路面积水",
    _WATER_WORDS,
    dispose_h=4.0,
)
"""Standing water on a road: 4 working hours (STD 10, one city's figure); code and words [EX]."""

OTHER = CaseClass("EX-99-99-99", "其他")

CLASSES = (STANDING_WATER, OTHER)

DISPOSE_H_BY_PROPERTY = {
    ReportProperty.CONSULT: 2 * WORKDAY_H,
    ReportProperty.HELP: 10 * WORKDAY_H,
    ReportProperty.SUGGEST: 10 * WORKDAY_H,
    ReportProperty.COMPLAINT: 15 * WORKDAY_H,
    ReportProperty.REPORT_OFFENCE: 15 * WORKDAY_H,
}
"""Working hours by property (Guangdong 12345, STD 10)."""

DISPOSE_H_ELSE = 15 * WORKDAY_H

DISPATCH_URGENT = timedelta(minutes=30)
DISPATCH_NORMAL = timedelta(hours=2)
"""Time to name who handles a case (STD 10); it runs continuously."""

DISPOSE_URGENT = timedelta(hours=4)
"""An urgent case is handled in continuous time, whatever its class [EX]."""

WARN_AT = 0.8
"""A clock warns when this share of its time is used [EX]."""

URGENT_WORDS = (
    "被困", "救命", "溺水", "冲走", "触电", "漏电", "燃气", "煤气", "着火", "起火",
    "爆炸", "坍塌", "塌方", "塌陷", "失踪", "井盖缺失", "井盖不见", "没有井盖", "有人受伤", "昏迷",
)  # fmt: skip
"""Life safety (words [EX])."""

URGENT_LEVELS = (SpotLevel.L3, SpotLevel.L4)
"""From this depth on an underpass is urgent [EX]."""

SAME_PLACE_M = 50.0
SAME_TIME = timedelta(hours=24)
"""One matter: same class, at most this far and this long apart [EX]."""

HANDLER_POST = "DEPT_CLERK"
"""Post that handles a case: of the street, where the case's area names one, else of the district."""

CLEARED = "积水消退"
"""Outcome of a case whose spot is confirmed to be dry."""
