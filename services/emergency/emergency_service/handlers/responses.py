"""Responses: an approval activates, raises or lowers; tasks follow; a termination cancels what is open."""

from typing import Any, cast

import msgspec
import sqlalchemy as sa
from liandong.workflow import Work
from liandong_contracts import topics
from liandong_contracts.common import Hazard, Level, Tier
from liandong_contracts.emergency import CancelReason, ResponseActivated, ResponseLevelChanged, ResponseTerminated

from emergency_service.domain import response as life
from emergency_service.domain.plan import Plan, place
from emergency_service.domain.policy import COMMANDER, LEVEL_NAMES, LEVELS, rank
from emergency_service.domain.response import Move, ProposalState, ResponseState, effective
from emergency_service.domain.verdict import Verdict
from emergency_service.handlers import chain, tasks
from emergency_service.handlers.proposals import held_of
from emergency_service.reference import References
from emergency_service.tables import proposal, response

Row = sa.Row[Any]
_TIERS = {4: Tier.CITY, 6: Tier.DISTRICT, 9: Tier.STREET, 12: Tier.COMMUNITY}  # by the digits of an area code


def active(work: Work, hazard: str, area_code: str) -> Row | None:
    """Return the running response of a hazard and area."""
    return work.one(response, hazard=hazard, area_code=area_code, state=ResponseState.ACTIVE)


def approve(
    work: Work, hazard: Hazard, area_code: str, level: Level, version: int, approved_by: str
) -> tuple[Verdict, str]:
    """Carry out the approval of the proposal that the approver has seen; return the verdict and the response's id."""
    references: References = work.refs
    asked = work.one(proposal, hazard=hazard, area_code=area_code)
    running = active(work, hazard, area_code)
    own = Level(running.own_level) if running else None
    plan = _plan(references, running, hazard, asked.plan_id if asked else "")
    verdict = life.approve(held_of(asked), plan, level, version, own)
    if not verdict.changes or asked is None or plan is None:
        return verdict, running.response_id if running else ""
    refused = _entitled(work, life.approver_post(plan, own, level), area_code, approved_by)
    if refused is not None:
        return refused, running.response_id if running else ""
    chain.go_on(work, asked.traceparent, asked.correlation_id)
    work.update(proposal, {"hazard": hazard, "area_code": area_code}, state=ProposalState.APPROVED)
    if running is None:
        return verdict, _activate(work, asked, plan, level, approved_by)
    _change(work, running, plan, level, approved_by)
    return verdict, running.response_id


def terminate(work: Work, hazard: Hazard, area_code: str, version: int, approved_by: str) -> tuple[Verdict, str]:
    """End the running response and cancel its open tasks; return the verdict and the response's id."""
    row = active(work, hazard, area_code)
    if row is None:
        return Verdict(False, "NO_RESPONSE", "没有正在进行的响应。"), ""
    if version and version != row.version:
        return Verdict(False, "STALE_VERSION", f"响应已更新（版本 {row.version}），请刷新后重试。"), row.response_id
    plan = _frozen(row)
    own = Level(row.own_level)
    refused = _entitled(work, life.approver_post(plan, own, own), area_code, approved_by)
    if refused is not None:
        return refused, row.response_id
    chain.go_on(work, row.traceparent, row.correlation_id)
    done = {"response_id": row.response_id}
    work.update(response, done, state=ResponseState.TERMINATED, ended_at=work.now, version=row.version + 1)
    ended = ResponseTerminated(
        hazard=hazard, area_code=area_code, response_id=row.response_id, ended_at=work.now, approved_by=approved_by
    )
    work.emit(topics.EMERGENCY_RESPONSE, ended, area_code=area_code)
    tasks.cancel_open(work, row.response_id, CancelReason.TERMINATED, LEVELS)
    return Verdict(True, "OK", changes=True), row.response_id


def _activate(work: Work, asked: Row, plan: Plan, level: Level, approved_by: str) -> str:
    references: References = work.refs
    activated = ResponseActivated(
        hazard=Hazard(asked.hazard),
        area_code=asked.area_code,
        response_id=work.new_id("response", asked.area_code[:6]),
        plan_id=plan.plan_id,
        plan_version=plan.version,
        level=level,
        ordered_by_tier=_TIERS.get(len(asked.area_code), Tier.UNKNOWN),
        approved_by=approved_by,
        effective_at=work.now,
    )
    _store(work, activated, plan)
    work.emit(topics.EMERGENCY_RESPONSE, activated, area_code=asked.area_code)
    placed = place(plan.up_to(level), references.areas, asked.area_code)
    tasks.assign(work, activated.response_id, plan, level, placed)
    return activated.response_id


def _store(work: Work, activated: ResponseActivated, plan: Plan) -> None:
    work.insert(
        response,
        response_id=activated.response_id,
        hazard=activated.hazard,
        area_code=activated.area_code,
        plan_id=plan.plan_id,
        plan_version=plan.version,
        plan=msgspec.json.encode(plan).decode(),
        own_level=activated.level,
        effective_level=activated.level,
        state=ResponseState.ACTIVE,
        version=1,
        approved_by=activated.approved_by,
        effective_at=activated.effective_at,
        traceparent=work.traceparent,
        correlation_id=work.correlation_id,
    )


def _change(work: Work, running: Row, plan: Plan, level: Level, approved_by: str) -> None:
    references: References = work.refs
    ordered = Level(running.ordered_level) if running.ordered_level else None
    before, after = Level(running.effective_level), effective(level, ordered)
    upward = life.move(Level(running.own_level), level) is Move.RAISE
    changed = ResponseLevelChanged(
        hazard=Hazard(running.hazard),
        area_code=running.area_code,
        response_id=running.response_id,
        from_level=before,
        to_level=level,
        own_level=level,
        ordered_level=ordered,
        effective_level=after,
        reason=f"按建议{'升' if upward else '降'}为{LEVEL_NAMES[level]}",
        approved_by=approved_by,
        effective_at=work.now,
    )
    work.update(
        response,
        {"response_id": running.response_id},
        own_level=level,
        effective_level=after,
        version=running.version + 1,
        approved_by=approved_by,
        effective_at=work.now,
    )
    work.emit(topics.EMERGENCY_RESPONSE, changed, area_code=running.area_code)
    dropped = [step for step in LEVELS if rank(step) > rank(after)]
    tasks.cancel_open(work, running.response_id, CancelReason.LEVEL_LOWERED, dropped)
    placed = place(plan.added(before, after), references.areas, running.area_code)
    tasks.assign(work, running.response_id, plan, after, placed)


def _plan(references: References, running: Row | None, hazard: Hazard, plan_id: str) -> Plan | None:
    """Return the plan frozen for the running response, else the published one."""
    return _frozen(running) if running else references.plans.match(hazard, plan_id)


def _frozen(row: Row) -> Plan:
    return msgspec.json.decode(row.plan, type=Plan)


def _entitled(work: Work, post: str, area_code: str, person_id: str) -> Verdict | None:
    """Return None when the person may decide: a holder of the post, its deputy or superior, or the commander's."""
    roster = cast(References, work.refs).roster
    holders = roster.holders(post, area_code, work.now)
    if person_id in (*holders, *roster.holders(COMMANDER, area_code, work.now)):
        return None
    return life.not_entitled(post, tuple(roster.shown(holder) for holder in holders))
