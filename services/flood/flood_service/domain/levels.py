"""Levels of waterlogging and of response as an order. Thresholds come from the policy."""

from liandong_contracts.common import Colour, Level
from liandong_contracts.flood import SpotLevel

from flood_service.domain.policy import SpotPolicy

SPOT_LEVELS = (SpotLevel.NONE, SpotLevel.L1, SpotLevel.L2, SpotLevel.L3, SpotLevel.L4)
LEVELS = (Level.UNKNOWN, Level.WATCH, Level.IV, Level.III, Level.II, Level.I)
COLOURS = (Colour.UNKNOWN, Colour.WHITE, Colour.BLUE, Colour.YELLOW, Colour.ORANGE, Colour.RED)

_SPOT_RANK = {level: rank for rank, level in enumerate(SPOT_LEVELS)} | {SpotLevel.UNKNOWN: 0}
_RANK = {level: rank for rank, level in enumerate(LEVELS)}
_COLOUR_RANK = {colour: rank for rank, colour in enumerate(COLOURS)}


def plain_level(depth_cm: float, policy: SpotPolicy) -> SpotLevel:
    """Return the level of a depth, without hysteresis."""
    return SPOT_LEVELS[sum(depth_cm >= limit for limit in policy.up_cm)]


def held_level(depth_cm: float, before: SpotLevel, policy: SpotPolicy) -> SpotLevel:
    """Return the level of a depth when it was `before`: it falls only once the depth is clearly below a threshold."""
    rising = sum(depth_cm >= limit for limit in policy.up_cm)
    falling = sum(depth_cm >= limit - policy.release_cm for limit in policy.up_cm)
    return SPOT_LEVELS[max(rising, min(falling, _SPOT_RANK[before]))]


def spot_rank(level: SpotLevel) -> int:
    """Return 0 (none) to 4."""
    return _SPOT_RANK[level]


def rank(level: Level) -> int:
    """Return 0 (nothing) to 5 (level I)."""
    return _RANK[level]


def one_lower(level: Level) -> Level:
    """Return the next lower level; nothing lies below WATCH."""
    return LEVELS[max(0, _RANK[level] - 1)]


def colour_rank(colour: Colour) -> int:
    """Return the order of a warning colour, 0 (none) to 5 (red)."""
    return _COLOUR_RANK[colour]
