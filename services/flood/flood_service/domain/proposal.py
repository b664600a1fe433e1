"""When a response level is proposed: raised as soon as the rules are satisfied, lowered one step after an hour of calm.

A person decides; this only proposes. Incomplete data may raise a level but never lower it.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from liandong.pure.records import changed
from liandong_contracts.common import Colour, Level
from liandong_contracts.emergency import Condition, ResponseProposed
from liandong_contracts.flood import Area, SpotLevel

from flood_service.domain.area import tidy
from flood_service.domain.conditions import Assessed, Measured, assess_level, fresh_stations, in_force
from flood_service.domain.levels import colour_rank, one_lower, rank, spot_rank
from flood_service.domain.pack import DeepFor, RulePack, singles
from flood_service.domain.policy import AreaPolicy


class Decision(NamedTuple):
    """An area after a look at the rules, what to propose, and when time alone may change it."""

    area: Area
    proposal: ResponseProposed | None
    recheck: datetime | None


def decide(area: Area, now: datetime, pack: RulePack, policy: AreaPolicy) -> Decision:
    """Hold the rule pack against the books of an area."""
    area = tidy(area, now, policy)
    assessed = [assess_level(rule, area, now, pack, policy) for rule in pack.levels]
    top = next((level for level in assessed if level.satisfied), None)
    watch = _watch(area, now, pack) if top is None else None
    satisfied = top.rule.level if top else (Level.WATCH if watch else Level.UNKNOWN)
    proposal = None
    if rank(satisfied) > rank(area.proposed):
        area = changed(area, proposed=satisfied, calm_since=None)
        measured = top.measured if top else tuple(filter(None, (watch,)))
        proposal = _raise(area, measured, now, pack)
    elif rank(satisfied) == rank(area.proposed) or lowering_blocked_by(area, now, pack, policy):
        area = area if area.calm_since is None else changed(area, calm_since=None)
    elif area.calm_since is None:
        area = changed(area, calm_since=now)
    elif now - area.calm_since >= policy.calm:
        left = next((level for level in assessed if level.rule.level is area.proposed), None)
        area = changed(area, proposed=one_lower(area.proposed), calm_since=now)
        proposal = _lower(area, left, now, pack, policy)
    return Decision(area, proposal, _next_look(area, now, pack, policy))


def lowering_blocked_by(area: Area, now: datetime, pack: RulePack, policy: AreaPolicy) -> list[str]:
    """Return what keeps a level from being lowered although its rule no longer holds."""
    found = []
    warnings = in_force(area, now, pack)
    if warnings and colour_rank(warnings[0].colour) >= colour_rank(Colour.ORANGE):
        found.append("orange or red warning in force")
    if any(spot_rank(spot.level) >= spot_rank(SpotLevel.L3) for spot in area.spots):
        found.append("an open spot at L3 or deeper")
    fresh = fresh_stations(area, now, policy)
    if not fresh or len(fresh) < len(area.stations):
        found.append("a rain station is silent")
    if any(station.completeness < policy.usable_completeness for station in fresh):
        found.append("the rain of the last hour is incomplete")
    return found


def _watch(area: Area, now: datetime, pack: RulePack) -> Measured | None:
    """Return the condition of WATCH when the pack proposes it and a warning asks for it."""
    warnings = in_force(area, now, pack)
    if not pack.watch.propose or not warnings:
        return None
    value, wanted = colour_rank(warnings[0].colour), colour_rank(pack.watch.colour)
    if value < wanted:
        return None
    condition = Condition(
        name="warning", label=pack.watch.label, value=float(value), threshold=float(wanted), unit="1", met=True
    )
    return Measured(condition, (warnings[0].event_id,), 1.0)


def _raise(area: Area, measured: tuple[Measured, ...], now: datetime, pack: RulePack) -> ResponseProposed:
    met = [m for m in measured if m.met]
    ids = dict.fromkeys(event_id for m in met for event_id in m.evidence)
    return _proposed(area, measured, tuple(ids), min((m.confidence for m in met), default=1.0), now, pack)


def _lower(
    area: Area, left: Assessed | None, now: datetime, pack: RulePack, policy: AreaPolicy
) -> ResponseProposed | None:
    """Return the proposal to go one step down, with the conditions of the level left; below WATCH nothing is said."""
    if area.proposed is Level.UNKNOWN:
        return None
    measured = left.measured if left else ()
    stations = fresh_stations(area, now, policy)
    confidence = min((station.completeness for station in stations), default=0.0)
    ids = dict.fromkeys(station.event_id for station in stations)
    return _proposed(area, measured, tuple(ids), confidence, now, pack)


def _proposed(
    area: Area,
    measured: tuple[Measured, ...],
    evidence_ids: tuple[str, ...],
    confidence: float,
    now: datetime,
    pack: RulePack,
) -> ResponseProposed:
    return ResponseProposed(
        hazard=pack.hazard,
        area_code=area.area_code,
        plan_id=pack.plan_id,
        level=area.proposed,
        conditions=tuple(m.condition for m in measured),
        evidence_ids=evidence_ids,
        confidence=confidence,
        proposed_at=now,
        rule_pack=pack.pack,
        rule_version=pack.version,
    )


def _next_look(area: Area, now: datetime, pack: RulePack, policy: AreaPolicy) -> datetime | None:
    """Return the next moment at which time alone may change what is proposed."""
    waits = {(rule.cm, rule.minutes) for rule in singles(pack) if isinstance(rule, DeepFor)}
    moments = [
        mark.since + timedelta(minutes=minutes)
        for spot in area.spots
        if spot.main_road
        for mark in spot.deep
        for cm, minutes in waits
        if cm == mark.cm
    ]
    moments += [moment for warning in area.warnings for moment in (warning.effective, warning.expires)]
    if area.calm_since is not None:
        moments.append(area.calm_since + policy.calm)
    if area.proposed is not Level.UNKNOWN:
        moments.append(now + policy.look_again)
    return min((moment for moment in moments if moment > now), default=None)
