"""The life of one response: proposed, approved, raised, lowered, ended. New conditions propose, they never change it.

The effective level is the higher of the own level and the one that the upper tier ordered; only an approval lowers.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from liandong_contracts.common import Level

from emergency_service.domain.plan import Plan
from emergency_service.domain.policy import COMMANDER, LEVEL_NAMES, POSTS, highest, rank
from emergency_service.domain.verdict import Verdict


class ProposalState(StrEnum):
    """States of the latest proposal of a hazard and area."""

    PENDING = "PENDING"
    APPROVED = "APPROVED"


class ResponseState(StrEnum):
    """States of a response."""

    ACTIVE = "ACTIVE"
    TERMINATED = "TERMINATED"


class Intake(StrEnum):
    """What becomes of an arriving proposal."""

    NEW = "NEW"
    REFRESHED = "REFRESHED"
    OLDER = "OLDER"
    IN_FORCE = "IN_FORCE"
    NO_LEVEL = "NO_LEVEL"


class Move(StrEnum):
    """What an approval does."""

    ACTIVATE = "ACTIVATE"
    RAISE = "RAISE"
    LOWER = "LOWER"


@dataclass(frozen=True, slots=True)
class Held:
    """The proposal already kept for a hazard and area."""

    level: Level
    state: ProposalState
    proposed_at: datetime
    version: int


def take(held: Held | None, level: Level, proposed_at: datetime, own_level: Level | None) -> Intake:
    """Judge an arriving proposal against the one kept and the own level in force.

    The latest word counts: one made before the one kept is history. A level already in force needs no decision. The
    same level again renews the figures shown, not the version that an approver has seen.
    """
    if not rank(level):
        return Intake.NO_LEVEL
    if held is not None and proposed_at < held.proposed_at:
        return Intake.OLDER
    if level is own_level:
        return Intake.IN_FORCE
    if held is not None and held.state is ProposalState.PENDING and held.level is level:
        return Intake.REFRESHED
    return Intake.NEW


def approver_post(plan: Plan, own_level: Level | None, level: Level) -> str:
    """Return the post that decides: the approver of the higher of both levels."""
    deciding = plan.at(highest(own_level, level) or level)
    return deciding.approver if deciding else COMMANDER


def approve(held: Held | None, plan: Plan | None, level: Level, version: int, own_level: Level | None) -> Verdict:
    """Judge an approval of what the approver has seen: `level` and, unless 0, `version` must be those kept."""
    if held is None:
        return Verdict(False, "NO_PROPOSAL", "没有待批准的响应建议。")
    if own_level is level and held.level is level:
        return Verdict(True, "ALREADY_IN_FORCE", f"{LEVEL_NAMES[level]}响应已启动。")
    if held.state is not ProposalState.PENDING:
        return Verdict(False, "NO_PROPOSAL", "响应建议已处理，没有待批准的响应建议。")
    if held.level is not level or (version and version != held.version):
        now = LEVEL_NAMES.get(held.level, held.level)
        return Verdict(False, "STALE_VERSION", f"响应建议已更新为{now}（版本 {held.version}），请按最新建议重新确认。")
    if plan is None or plan.at(level) is None:
        return Verdict(False, "NO_PLAN", f"没有适用于{LEVEL_NAMES.get(level, level)}的预案。")
    return Verdict(True, "OK", changes=True)


def not_entitled(post: str, holders: tuple[str, ...]) -> Verdict:
    """Return the refusal for somebody who may not decide, naming the post and who may (names for people)."""
    names = "、".join(holders) or "无"
    return Verdict(False, "NOT_ENTITLED", f"须由{POSTS.get(post, post)}批准，现可批准人：{names}。")


def move(own_level: Level | None, level: Level) -> Move:
    """Return what approving `level` does to a response at `own_level` (None: no response)."""
    if own_level is None:
        return Move.ACTIVATE
    return Move.RAISE if rank(level) > rank(own_level) else Move.LOWER


def effective(own_level: Level | None, ordered_level: Level | None) -> Level:
    """Return the level in force: the higher of the own one and the ordered one."""
    return highest(own_level, ordered_level) or Level.UNKNOWN
