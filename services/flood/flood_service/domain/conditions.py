"""How a condition of the rule pack is measured: its value now, whether it is met, and by which evidence."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from liandong_contracts.emergency import Condition
from liandong_contracts.flood import Area, AreaSpot, AreaStation, AreaWarning

from flood_service.domain.levels import colour_rank, spot_rank
from flood_service.domain.pack import (
    AnyOf,
    DeepFor,
    DrainsOver,
    LevelRule,
    RainAtLeast,
    RoadsCut,
    Rule,
    RulePack,
    Single,
    SpotsOpen,
    WarningAtLeast,
)
from flood_service.domain.policy import AreaPolicy


class Measured(NamedTuple):
    """A condition measured. `confidence` 0-1: how complete the data behind it are."""

    condition: Condition
    evidence: tuple[str, ...]
    confidence: float

    @property
    def met(self) -> bool:
        """Whether it holds."""
        return self.condition.met


class Assessed(NamedTuple):
    """A level with its conditions measured."""

    rule: LevelRule
    measured: tuple[Measured, ...]

    @property
    def satisfied(self) -> bool:
        """Whether enough of its conditions hold."""
        needed = len(self.measured) if self.rule.need is None else self.rule.need
        return sum(m.met for m in self.measured) >= needed


def assess_level(rule: LevelRule, area: Area, now: datetime, pack: RulePack, policy: AreaPolicy) -> Assessed:
    """Measure every condition of a level."""
    return Assessed(rule, tuple(measure(condition, area, now, pack, policy) for condition in rule.conditions))


def measure(rule: Rule, area: Area, now: datetime, pack: RulePack, policy: AreaPolicy) -> Measured:
    """Measure one condition."""
    if isinstance(rule, AnyOf):
        return _any_of(rule, [measure(part, area, now, pack, policy) for part in rule.conditions])
    match rule:
        case RainAtLeast():
            return _rain(rule, area, now, policy)
        case DeepFor():
            return _deep(rule, area, now)
        case SpotsOpen():
            return _count(rule, area.spots, rule.more_than + 1)
        case RoadsCut():
            cut = [s for s in area.spots if s.main_road and spot_rank(s.level) >= spot_rank(rule.level)]
            return _count(rule, cut, rule.more_than + 1)
        case WarningAtLeast():
            return _warning(rule, area, now, pack)
        case DrainsOver():
            ids = tuple(drain.event_id for drain in area.drains)
            return _result(rule, float(len(ids)), float(rule.at_least), "1", len(ids) >= rule.at_least, ids)


def fresh_stations(area: Area, now: datetime, policy: AreaPolicy) -> list[AreaStation]:
    """Return the stations whose rain still says something about now."""
    return [s for s in area.stations if now - s.at <= policy.station_fresh]


def in_force(area: Area, now: datetime, pack: RulePack) -> list[AreaWarning]:
    """Return the warnings of the pack's hazard in force, highest colour first."""
    now_valid = [w for w in area.warnings if w.event_code in pack.event_codes and w.effective <= now < w.expires]
    return sorted(now_valid, key=lambda w: (-colour_rank(w.colour), w.warning_id))


def _result(
    rule: Single | AnyOf,
    value: float | None,
    threshold: float | None,
    unit: str,
    met: bool,
    evidence: Iterable[str] = (),
    confidence: float = 1.0,
) -> Measured:
    condition = Condition(name=rule.name, label=rule.label, value=value, threshold=threshold, unit=unit, met=met)
    return Measured(condition, tuple(evidence), confidence)


def _rain(rule: RainAtLeast, area: Area, now: datetime, policy: AreaPolicy) -> Measured:
    stations = [s for s in fresh_stations(area, now, policy) if rule.window.value in s.mm]
    if not stations:
        return _result(rule, None, rule.mm, "mm", False, confidence=0.0)
    top = max(stations, key=lambda s: (s.mm[rule.window.value], s.station_id))
    mm = top.mm[rule.window.value]
    return _result(rule, mm, rule.mm, "mm", mm >= rule.mm, (top.event_id,), top.completeness)


def _deep(rule: DeepFor, area: Area, now: datetime) -> Measured:
    roads = [s for s in area.spots if s.main_road]
    long_enough = timedelta(minutes=rule.minutes)
    deep = [s for s in roads if any(d.cm == rule.cm and now - d.since >= long_enough for d in s.deep)]
    if rule.spots > 1:
        return _count(rule, deep, rule.spots)
    value = max((s.depth_cm for s in roads if s.depth_cm is not None), default=None)
    return _result(rule, value, rule.cm, "cm", len(deep) >= 1, (s.event_id for s in deep))


def _count(rule: Single, spots: Iterable[AreaSpot], threshold: int) -> Measured:
    ids = tuple(spot.event_id for spot in spots)
    return _result(rule, float(len(ids)), float(threshold), "1", len(ids) >= threshold, ids)


def _warning(rule: WarningAtLeast, area: Area, now: datetime, pack: RulePack) -> Measured:
    warnings = in_force(area, now, pack)
    value = colour_rank(warnings[0].colour) if warnings else 0
    wanted = colour_rank(rule.colour)
    ids = tuple(w.event_id for w in warnings[:1])
    return _result(rule, float(value), float(wanted), "1", value >= wanted, ids)


def _any_of(rule: AnyOf, parts: list[Measured]) -> Measured:
    best = next((part for part in parts if part.met), parts[0])
    held = best.condition
    return _result(rule, held.value, held.threshold, held.unit, held.met, best.evidence, best.confidence)
