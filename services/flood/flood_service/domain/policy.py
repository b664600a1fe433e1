"""Thresholds as data. Figures without a source are examples [EX] and may be set otherwise per node."""

from dataclasses import dataclass
from datetime import timedelta

from liandong_contracts.common import Quality
from liandong_contracts.flood import RainWindow

LATE_AFTER = timedelta(minutes=10)  # older news is history and wakes nobody
TRUSTED = frozenset({Quality.GOOD, Quality.MANUAL, Quality.OVER_RANGE})  # what feeds domain rules


@dataclass(frozen=True)
class RainPolicy:
    """When rain is published and when an area hears of it."""

    windows: tuple[tuple[RainWindow, int], ...] = (  # slots of five minutes
        (RainWindow.H1, 12),
        (RainWindow.H3, 36),
        (RainWindow.H12, 144),
        (RainWindow.H24, 288),
    )
    material_mm: float = 0.1  # one step of a tipping bucket
    material_completeness: float = 0.08  # one slot of an hour
    publish_every: timedelta = timedelta(hours=1)
    tell_mm: float = 1.0
    tell_every: timedelta = timedelta(minutes=10)
    usable_completeness: float = 0.8  # [EX]
    thresholds_mm: tuple[tuple[RainWindow, float], ...] = ()  # those of the rule pack


@dataclass(frozen=True)
class WaterPolicy:
    """When a water gauge's word is worth telling; thousands of quiet gauges must cost nothing."""

    tell_cm: float = 1.0
    quiet_below_cm: float = 10.0  # damp ground: changes below this depth concern nobody
    tell_every: timedelta = timedelta(minutes=5)
    dry_tellings: int = 3  # so often; enough for a spot to be cleared
    dry_every: timedelta = timedelta(minutes=20)  # then so seldom, as long as it stays dry
    spread: float = 0.2  # share of a pause by which gauges differ, so that those started together do not speak together
    drain_release: float = 0.95  # of the limit: hysteresis
    drain_every: timedelta = timedelta(minutes=10)


@dataclass(frozen=True)
class SpotPolicy:
    """Life cycle of a spot."""

    up_cm: tuple[float, float, float, float] = (
        15.0,
        27.0,
        40.0,
        60.0,
    )  # [EX]; 27 is the red mark of one city's underpasses
    release_cm: float = 3.0
    shown_step_cm: float = 5.0
    clear_after: timedelta = timedelta(minutes=10)
    last_word: timedelta = timedelta(minutes=6)  # how fresh the gauge's word must be at the end of clear_after
    person_holds: timedelta = timedelta(minutes=30)
    weak_join: timedelta = timedelta(hours=1)
    gauge_fresh: timedelta = timedelta(minutes=30)
    suspicion_lasts: timedelta = timedelta(hours=2)
    witnesses_kept: int = 64
    area_steps_cm: tuple[float, ...] = ()  # depths that the rule pack asks for, with their releases


@dataclass(frozen=True)
class AreaPolicy:
    """How long evidence counts for an area, and when a level may be lowered."""

    station_fresh: timedelta = timedelta(minutes=30)
    station_forgotten: timedelta = timedelta(hours=3)
    usable_completeness: float = 0.8  # less may raise but not lower
    calm: timedelta = timedelta(hours=1)
    look_again: timedelta = timedelta(minutes=5)
    deep_release_cm: float = 2.0


@dataclass(frozen=True)
class FloodPolicy:
    """Everything together."""

    rain: RainPolicy = RainPolicy()
    water: WaterPolicy = WaterPolicy()
    spot: SpotPolicy = SpotPolicy()
    area: AreaPolicy = AreaPolicy()
