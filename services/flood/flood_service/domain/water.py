"""Water at one gauge: depth on a road, level in a drain or forebay. Decides only whether its word is worth telling.

Thousands of gauges are quiet; telling is decided from the few bytes last told, and a quiet reading changes nothing.
"""

from collections.abc import Iterable
from datetime import datetime
from zlib import crc32

from liandong.pure.records import changed
from liandong.pure.units import to_cm, to_m
from liandong_contracts.common import Quality
from liandong_contracts.flood import (
    AreaEvidence,
    AreaEvidenceKind,
    DepthMark,
    DrainMark,
    FloodEvidence,
    SpotSource,
)
from liandong_contracts.sensing import Measurement, MetricSpec

from flood_service.domain.levels import plain_level
from flood_service.domain.policy import LATE_AFTER, TRUSTED, SpotPolicy, WaterPolicy

DEPTH_METRIC = "water_depth"
DRAIN_METRIC = "drain_level"


def is_late(m: Measurement, now: datetime) -> bool:
    """Say whether a measurement is history only."""
    return m.late or now - m.observed_at > LATE_AFTER


def depth_mark(m: Measurement) -> DepthMark | None:
    """Return what a depth measurement says; None when its unit is no length."""
    depth = None if m.value is None else to_cm(m.value, m.unit)
    if depth is None and m.value is not None:
        return None
    return DepthMark(depth_cm=None if depth is None else round(depth, 1), quality=m.quality, at=m.observed_at)


def telling(
    device_id: str, told: DepthMark | None, new: DepthMark, water: WaterPolicy, spot: SpotPolicy
) -> DepthMark | None:
    """Return what a gauge's spot should hear of a reading; None when it is not worth telling.

    Worth telling are 1 cm, another band, another quality, and after a pause anything: a spot must know that its gauge
    still speaks. A gauge that stays dry speaks seldom.
    """
    dry = _is_dry(new, water)
    if told is None:
        return changed(new, dry_told=int(dry))
    resting = dry and told.dry_told >= water.dry_tellings
    if new.at - told.at >= (water.dry_every if resting else water.tell_every) * (1 - _share(device_id) * water.spread):
        return changed(new, dry_told=told.dry_told + 1 if dry else 0)
    return changed(new, dry_told=int(dry)) if _is_news(told, new, water, spot) else None


def _is_news(told: DepthMark, new: DepthMark, water: WaterPolicy, spot: SpotPolicy) -> bool:
    old_cm, new_cm = told.depth_cm, new.depth_cm
    if new.quality != told.quality:
        return True
    if old_cm is None or new_cm is None:
        return old_cm is not new_cm
    if max(old_cm, new_cm) < water.quiet_below_cm:
        return False
    return abs(new_cm - old_cm) >= water.tell_cm or plain_level(old_cm, spot) is not plain_level(new_cm, spot)


def _is_dry(mark: DepthMark, water: WaterPolicy) -> bool:
    return mark.quality in TRUSTED and mark.depth_cm is not None and mark.depth_cm < water.quiet_below_cm


def _share(device_id: str) -> float:
    """Return a number in [0, 1) that is always the same for a device."""
    return (crc32(device_id.encode()) & 0xFF) / 256


def worth_remembering(new: DepthMark, spot: SpotPolicy) -> bool:
    """Say whether late news belongs into the history of a spot: only water does."""
    return new.quality in TRUSTED and new.depth_cm is not None and new.depth_cm >= spot.up_cm[0]


def depth_evidence(device_id: str, spot_id: str, new: DepthMark, late: bool) -> FloodEvidence:
    """Return the word of a gauge about its spot."""
    return FloodEvidence(
        spot_id=spot_id,
        source=SpotSource.SENSOR,
        source_id=device_id,
        depth_cm=new.depth_cm,
        quality=new.quality,
        observed_at=new.at,
        late=late,
    )


def limit_of(specs: Iterable[MetricSpec]) -> float | None:
    """Return the limit in metres of a drain gauge, as its registry entry has it."""
    spec = next((spec for spec in specs if spec.metric == DRAIN_METRIC), None)
    return None if spec is None or spec.limit is None else to_m(spec.limit, spec.unit)


def drain_mark(told: DrainMark | None, m: Measurement, limit_m: float | None, policy: WaterPolicy) -> DrainMark | None:
    """Return what the area should hear of a drain: over its limit or back below 95 % of it; None: nothing new."""
    if limit_m is None or m.value is None or m.quality not in TRUSTED:
        return None
    level = to_m(m.value, m.unit)
    if level is None:
        return None
    was_over = told is not None and told.over
    over = m.quality is Quality.OVER_RANGE or level >= limit_m * (policy.drain_release if was_over else 1.0)
    if over is was_over and not (over and told and m.observed_at - told.at >= policy.drain_every):
        return None
    return DrainMark(over=over, at=m.observed_at)


def drain_evidence(device_id: str, area6: str, new: DrainMark) -> AreaEvidence:
    """Return what the area hears of a drain."""
    return AreaEvidence(
        area_code=area6, kind=AreaEvidenceKind.DRAIN, subject=device_id, observed_at=new.at, mm={}, over=new.over
    )
