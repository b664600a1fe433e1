"""The fictional district of the console's tests: when, where, who. No events here."""

from datetime import UTC, datetime

from ioc_service.domain.names import DeviceCard, Names, PostHolder

START = datetime(2026, 7, 15, 13, 43, tzinfo=UTC)
DISTRICT = "990101"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
PROPOSAL_KEY = f"RAINSTORM+{DISTRICT}"

_DEVICES = {
    **{f"RG{n:02d}": DeviceCard(f"{place}雨量站", area) for n, (place, area) in enumerate(
        [("滨江", "990101001001"), ("渡口", "990101001002"), ("柳岸", "990101001003"), ("石桥", "990101002001"),
         ("书院", "990101002002"), ("麻园", "990101002003"), ("云台", "990101003001"), ("松林", "990101003002")], 1)},
    "WL01": DeviceCard("临江路下穿隧道水位计", "990101001001"),
    "WL05": DeviceCard("青石路铁路桥水位计", "990101002001"),
    "WL14": DeviceCard("松林地铁站水位计", "990101003002"),
}  # fmt: skip

NAMES = Names(
    areas={
        DISTRICT: "海棠区（示例）",
        "990101001": "临江街道",
        "990101001001": "滨江社区",
        "990101001002": "渡口社区",
        "990101001003": "柳岸社区",
        "990101002": "青石街道",
        "990101002001": "石桥社区",
        "990101002002": "书院社区",
        "990101002003": "麻园社区",
        "990101003": "云岭街道",
        "990101003001": "云台社区",
        "990101003002": "松林社区",
    },
    persons={
        "P-1": "区带班领导",
        "P-2": "泵站操作员甲",
        "P-3": "泵站操作员乙",
        "P-4": "临江街道值班员甲",
        "P-5": "滨江网格员甲",
        "P-6": "区副指挥长",
    },
    posts=(PostHolder("DUTY_LEADER", DISTRICT, "P-1"), PostHolder("DEPUTY_COMMANDER", DISTRICT, "P-6")),
    gauges={"SP-LJ-01": ("WL01",), "SP-QS-01": ("WL05",), "SP-YL-03": ("WL14",)},
    card=_DEVICES.get,
    device_total=lambda: 40,
)
