"""Code tables of SL 651-2014 (annexes A, B, C and table 58), read from the data files beside this module."""

import csv
from importlib import resources
from typing import NamedTuple


class Element(NamedTuple):
    """One element: identifier, ASCII code, our metric name, UCUM unit, decimal digits and decimals, Chinese name."""

    id: str
    code: str
    metric: str
    unit: str
    digits: int
    decimals: int
    name: str

    @property
    def size(self) -> int:
        """Bytes that the value takes in BCD."""
        return (self.digits + 1) // 2


class Function(NamedTuple):
    """One function code: names and the form of its uplink body."""

    code: int
    name: str
    english: str
    body: str


def _rows(name: str) -> list[dict[str, str]]:
    with (resources.files("cityframes.sl651") / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


ELEMENTS: dict[int, Element] = {
    int(row["id"], 16): Element(
        row["id"], row["code"], row["metric"], row["unit"], int(row["digits"]), int(row["decimals"]), row["name"]
    )
    for row in _rows("elements.csv")
}
BY_CODE: dict[str, Element] = {element.code: element for element in ELEMENTS.values()}
FUNCTIONS: dict[int, Function] = {
    int(row["code"], 16): Function(int(row["code"], 16), row["name"], row["english"], row["body"])
    for row in _rows("functions.csv")
}
STATION_CLASSES: dict[int, str] = {
    0x50: "降水", 0x48: "河道", 0x4B: "水库(湖泊)", 0x5A: "闸坝", 0x44: "泵站", 0x54: "潮汐",
    0x4D: "墒情", 0x47: "地下水", 0x51: "水质", 0x49: "取水口", 0x4F: "排水口",
}  # fmt: skip
# bit -> (name, Chinese name); a set bit means the named state (table 58)
STATUS_BITS: dict[int, tuple[str, str]] = {
    0: ("mains_lost", "交流电掉电"),
    1: ("battery_low", "蓄电池电压低"),
    2: ("level_over_limit", "水位超限"),
    3: ("flow_over_limit", "流量超限"),
    4: ("quality_over_limit", "水质超限"),
    5: ("flow_meter_fault", "流量仪表故障"),
    6: ("level_meter_fault", "水位仪表故障"),
    7: ("door_closed", "箱门关闭"),
    8: ("storage_fault", "存储器异常"),
    9: ("ic_card_enabled", "IC卡功能有效"),
    10: ("pump_stopped", "水泵停机"),
    11: ("water_left_over_limit", "剩余水量超限"),
}
