"""Figures and code lists of the domain as data: level order, posts, who approves. Plans carry their own limits."""

from datetime import timedelta, timezone

from liandong_contracts.common import Level

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")

LEVELS = (Level.WATCH, Level.IV, Level.III, Level.II, Level.I)
"""Response levels from the lowest to the highest."""

LEVEL_NAMES = {
    Level.WATCH: "关注级",
    Level.IV: "Ⅳ级",
    Level.III: "Ⅲ级",
    Level.II: "Ⅱ级",
    Level.I: "Ⅰ级",
}

DUTY_OFFICER = "DUTY_OFFICER"
DUTY_LEADER = "DUTY_LEADER"
COMMANDER = "COMMANDER"
TOP_POSTS = (DUTY_LEADER, "DEPUTY_COMMANDER", COMMANDER, "LEADER")
"""Posts that have no duty leader above them."""

POSTS = {
    DUTY_OFFICER: "值班员",
    DUTY_LEADER: "带班领导",
    "DEPUTY_COMMANDER": "副指挥长",
    COMMANDER: "指挥长",
    "FIELD_COMMANDER": "现场指挥官",
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
    "SECURITY_AUDITOR": "安全审计员",
}
"""Posts that a plan or a roster may name ."""


def rank(level: Level | None) -> int:
    """Return the order of a level: 0 for none or unknown, 1 for WATCH, 5 for I."""
    return LEVELS.index(level) + 1 if level in LEVELS else 0


def highest(*levels: Level | None) -> Level | None:
    """Return the highest of the levels, None when there is none."""
    known = [level for level in levels if level is not None and rank(level)]
    return max(known, key=rank, default=None)
