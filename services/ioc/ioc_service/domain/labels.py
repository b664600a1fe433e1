"""Chinese words and tones for the codes of the contracts. A code without a word is shown as it is, never hidden.

Tones (red, orange, yellow, blue, green, white, none) follow the official colours of levels, signals and severities.
"""

from collections.abc import Mapping

LEVEL = {"WATCH": "关注级", "IV": "Ⅳ级", "III": "Ⅲ级", "II": "Ⅱ级", "I": "Ⅰ级"}
LEVEL_TONE = {"WATCH": "white", "IV": "blue", "III": "yellow", "II": "orange", "I": "red"}
LEVEL_RANK = {"WATCH": 1, "IV": 2, "III": 3, "II": 4, "I": 5}

COLOUR = {"WHITE": "白色", "BLUE": "蓝色", "YELLOW": "黄色", "ORANGE": "橙色", "RED": "红色"}
COLOUR_SHORT = {"WHITE": "白", "BLUE": "蓝", "YELLOW": "黄", "ORANGE": "橙", "RED": "红"}
COLOUR_TONE = {"WHITE": "white", "BLUE": "blue", "YELLOW": "yellow", "ORANGE": "orange", "RED": "red"}

HAZARD = {
    "RAINSTORM": "暴雨",
    "TYPHOON": "台风",
    "WATERLOGGING": "内涝",
    "GEOHAZARD": "地质灾害",
    "FIRE": "火灾",
    "WATER_QUALITY": "水质污染",
    "GAS": "燃气",
    "CHEMICAL": "危险化学品",
    "EPIDEMIC": "疫情",
    "OTHER": "其他",
}

# event codes of the national warning system
WARNING_EVENT = {
    "11A01": "洪水",
    "11A02": "内涝",
    "11A51": "山洪",
    "11B01": "台风",
    "11B03": "暴雨",
    "11B04": "暴雪",
    "11B05": "寒潮",
    "11B06": "大风",
    "11B07": "沙尘暴",
    "11B09": "高温",
    "11B14": "雷电",
    "11B15": "冰雹",
    "11B16": "霜冻",
    "11B17": "大雾",
    "11B19": "霾",
}
WARNING_ACTION = {"ISSUE": "发布", "UPDATE": "变更", "CANCEL": "解除"}

SPOT_LEVEL = {"NONE": "轻微", "L1": "L1", "L2": "L2", "L3": "L3", "L4": "L4", "UNKNOWN": "待核"}
SPOT_TONE = {"L1": "blue", "L2": "yellow", "L3": "orange", "L4": "red"}
SPOT_STATUS = {
    "SUSPECTED": "疑似",
    "CONFIRMED": "已确认",
    "HANDLING": "处置中",
    "RECEDING": "消退中",
    "CLEARED": "已消退",
    "UNKNOWN": "新发现",
}
SPOT_KIND = {
    "UNDERPASS": "下穿通道",
    "ROAD": "道路",
    "COMMUNITY": "小区",
    "BASEMENT": "地下空间",
    "METRO": "地铁出入口",
}
SPOT_SOURCE = {"SENSOR": "传感器", "VIDEO": "视频", "CITIZEN": "市民", "PATROL": "巡查员"}

SEVERITY = {1: "紧急", 2: "重要", 3: "次要", 4: "提示"}
SEVERITY_TONE = {1: "red", 2: "orange", 3: "yellow", 4: "blue"}
CLEARED_BY = {"CONDITION": "恢复正常", "DEVICE": "设备解除", "OPERATOR": "人工解除"}
METRIC = {
    "rain_5min": "5 分钟雨量",
    "rain_1h": "1 小时雨量",
    "rain_total": "累计雨量",
    "water_depth": "积水深度",
    "water_level": "水位",
    "drain_level": "前池水位",
    "well_depth": "井内水深",
    "flow": "流量",
    "voltage": "电源电压",
}
UNIT = {"1": "", "Cel": "℃", "mm/h": "mm/时", "m3/s": "m³/s", "cm/h": "cm/时", "{count}": ""}
OFFLINE_SCOPE = {"DEVICE": "设备", "GATEWAY": "网关下多台设备", "NETWORK": "网络"}
REJECT = {
    "BAD_CHECKSUM": "校验错误",
    "BAD_LENGTH": "长度错误",
    "UNKNOWN_DEVICE": "未登记设备",
    "UNDECODABLE": "无法解码",
    "FUTURE_TIME": "时间在未来",
    "OUT_OF_RANGE": "超出量程",
    "DUPLICATE": "重复上报",
    "UNKNOWN": "其他原因",
}

TASK_STATE = {"ASSIGNED": "待签收", "ACKED": "已签收", "DONE": "已完成", "CANCELLED": "已撤销"}
TASK_TONE = {"ASSIGNED": "blue", "ACKED": "green", "DONE": "none", "CANCELLED": "none"}
OVERDUE = {"ACK": "签收超时", "DONE": "完成超时"}
CANCEL_REASON = {"LEVEL_LOWERED": "降级", "REPLACED": "被替换", "TERMINATED": "响应终止", "ERROR": "下达有误"}
CHANNEL = {"APP": "APP", "SMS": "短信", "VOICE": "语音", "SPEAKER": "广播", "RADIO": "对讲"}
VIA = {"APP": "APP", "SMS": "短信", "VOICE": "语音", "OPERATOR": "操作员代录", "STREET_NODE": "街道节点"}
NOTICE_STATE = {
    "SENT": "等待应答",
    "DELIVERED": "已送达",
    "READ": "已读",
    "CONFIRMED": "已确认",
    "UNANSWERED": "未应答",
    "EXHAUSTED": "无人应答",
}

POST = {
    "DUTY_OFFICER": "值班员",
    "DUTY_LEADER": "带班领导",
    "CALL_TAKER": "受理员",
    "DISPATCHER": "分拨员",
    "RULER": "裁决员",
    "GRID_WORKER": "网格员",
    "DEPT_CLERK": "部门经办",
    "DEPT_HEAD": "部门负责人",
    "VERIFIER": "核查员",
    "CALLER_BACK": "回访员",
    "SUPERVISOR": "督办员",
    "APPRAISER": "考评员",
    "COMMANDER": "指挥长",
    "DEPUTY_COMMANDER": "副指挥长",
    "FIELD_COMMANDER": "现场指挥官",
    "TEAM_LEADER": "队伍负责人",
    "EXPERT": "专家",
    "FLOOD_DUTY": "三防值班员",
    "PUMP_OPERATOR": "泵站操作员",
    "CONTROL_ROOM": "消控室值班员",
    "MICRO_STATION": "微型消防站",
    "WATER_DISPATCHER": "水务调度员",
    "LAB": "化验室",
    "LEADER": "区领导",
    "PLATFORM_OPS": "运维员",
}

REPORT_CHANNEL = {
    "HOTLINE_12345": "12345 热线",
    "DISTRICT_HOTLINE": "区热线",
    "GOV_WEB": "政府网站",
    "LEADER_BOARD": "领导留言",
    "APP_SNAPSHOT": "随手拍",
    "GRID_PATROL": "网格巡查",
    "SENSOR": "传感器",
    "VIDEO_AI": "视频识别",
    "UAV": "无人机",
    "UPPER_TIER": "上级转办",
    "WALK_IN": "来访",
}
REPORT_PROPERTY = {
    "CONSULT": "咨询",
    "COMPLAINT": "投诉",
    "HELP": "求助",
    "SUGGEST": "建议",
    "REPORT_OFFENCE": "举报",
    "THANKS": "表扬",
}
CASE_CLOCK = {
    "DISPATCH": "分拨时限",
    "ACCEPT": "接单时限",
    "CONTACT": "联系时限",
    "DISPOSE": "处置时限",
    "VERIFY": "核查时限",
    "TOTAL": "办结时限",
}
MODE = {"DRILL": "演练", "TEST": "测试"}


def word(table: Mapping[str, str], code: str | None) -> str:
    """Return the word for a code, or the code itself."""
    return "" if code is None else table.get(code, code)


def number(value: float | None) -> str:
    """Return a figure for people: at most one decimal, none where it is whole."""
    if value is None:
        return "—"
    return f"{value:.0f}" if abs(value - round(value)) < 0.05 else f"{value:.1f}"


def measured(value: float | None, unit: str) -> str:
    """Return a figure with its unit."""
    shown = word(UNIT, unit)
    return f"{number(value)} {shown}".strip()
