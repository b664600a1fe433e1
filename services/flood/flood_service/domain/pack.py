"""A rule pack: which measured conditions propose which response level. Data, read from YAML by `flood_service.packs`.

The pack says what counts; how a condition is measured is in `conditions`, when a level is lowered in `proposal`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from liandong_contracts.common import Colour, Hazard, Level
from liandong_contracts.flood import RainWindow, SpotLevel


@dataclass(frozen=True)
class RainAtLeast:
    """The largest rain of any station over a window, in mm."""

    kind: Literal["rain"]
    name: str
    label: str
    window: RainWindow
    mm: float


@dataclass(frozen=True)
class DeepFor:
    """So many main-road spots at least so deep for at least so long."""

    kind: Literal["deep"]
    name: str
    label: str
    cm: float
    minutes: float
    spots: int = 1


@dataclass(frozen=True)
class SpotsOpen:
    """More than so many spots under water."""

    kind: Literal["spots_open"]
    name: str
    label: str
    more_than: int


@dataclass(frozen=True)
class RoadsCut:
    """More than so many main-road spots at a level that closes the road."""

    kind: Literal["roads_cut"]
    name: str
    label: str
    more_than: int
    level: SpotLevel = SpotLevel.L3


@dataclass(frozen=True)
class WarningAtLeast:
    """A weather warning of at least this colour is in force."""

    kind: Literal["warning"]
    name: str
    label: str
    colour: Colour


@dataclass(frozen=True)
class DrainsOver:
    """At least so many drains or forebays over their limit."""

    kind: Literal["drains_over"]
    name: str
    label: str
    at_least: int = 1


Single = RainAtLeast | DeepFor | SpotsOpen | RoadsCut | WarningAtLeast | DrainsOver


@dataclass(frozen=True)
class AnyOf:
    """One of several conditions."""

    kind: Literal["any_of"]
    name: str
    label: str
    conditions: tuple[Single, ...]


Rule = Single | AnyOf


@dataclass(frozen=True)
class LevelRule:
    """A level and how many of its conditions must hold (`need`; None: all)."""

    level: Level
    conditions: tuple[Rule, ...]
    need: int | None = None


@dataclass(frozen=True)
class WatchRule:
    """Whether a warning of a colour alone proposes WATCH 关注."""

    propose: bool
    colour: Colour
    label: str


@dataclass(frozen=True)
class RulePack:
    """One version of the rules of one hazard, highest level first."""

    pack: str
    version: int
    title: str
    hazard: Hazard
    plan_id: str
    event_codes: tuple[str, ...]
    watch: WatchRule
    levels: tuple[LevelRule, ...]


def singles(pack: RulePack) -> Iterator[Single]:
    """Return every measured condition of a pack."""
    for level in pack.levels:
        for rule in level.conditions:
            yield from rule.conditions if isinstance(rule, AnyOf) else (rule,)


def rain_thresholds(pack: RulePack) -> tuple[tuple[RainWindow, float], ...]:
    """Return the amounts of rain that the pack asks for."""
    return tuple(sorted({(rule.window, rule.mm) for rule in singles(pack) if isinstance(rule, RainAtLeast)}))


def deep_thresholds(pack: RulePack) -> tuple[float, ...]:
    """Return the depths in cm that the pack asks for."""
    return tuple(sorted({rule.cm for rule in singles(pack) if isinstance(rule, DeepFor)}))


def problems_of(pack: RulePack) -> list[str]:
    """Return what makes a pack unusable, one sentence each; empty when it is fine."""
    found = []
    order = [Level.I, Level.II, Level.III, Level.IV]
    levels = [rule.level for rule in pack.levels]
    if levels != [level for level in order if level in levels]:
        found.append("levels must be out of I, II, III, IV, highest first, each once")
    for rule in pack.levels:
        names = [condition.name for condition in rule.conditions]
        if len(set(names)) != len(names):
            found.append(f"level {rule.level}: two conditions have one name")
        if rule.need is not None and not 1 <= rule.need <= len(names):
            found.append(f"level {rule.level}: {rule.need} of {len(names)} conditions can never be meant")
        if not names:
            found.append(f"level {rule.level}: no condition")
    supported = (RainWindow.H1, RainWindow.H3, RainWindow.H12, RainWindow.H24)
    found += [f"rain window {window} is not measured" for window, _ in rain_thresholds(pack) if window not in supported]
    return found
