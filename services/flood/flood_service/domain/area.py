"""What counts for the level of one district: rain stations, open spots, drains over their limit, warnings.

Only keeps the books; `conditions` measures, `proposal` decides. Older news about a subject never replaces newer.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol, TypeVar

from liandong.pure.records import changed
from liandong_contracts.common import Level
from liandong_contracts.flood import (
    Area,
    AreaDrain,
    AreaEvidence,
    AreaEvidenceKind,
    AreaSpot,
    AreaStation,
    AreaWarning,
    DeepSince,
    SpotLevel,
    WarningAction,
    WeatherWarningReceived,
    WeatherWarningSubmitted,
)

from flood_service.domain.pack import RulePack, deep_thresholds
from flood_service.domain.policy import AreaPolicy


class _Dated(Protocol):
    @property
    def at(self) -> datetime: ...


T = TypeVar("T", bound=_Dated)


def empty_area(area_code: str) -> Area:
    """Return a district of which nothing is known yet."""
    return Area(
        area_code=area_code, stations=(), spots=(), drains=(), warnings=(), proposed=Level.UNKNOWN, calm_since=None
    )


def take_evidence(area: Area, evidence: AreaEvidence, event_id: str, pack: RulePack, policy: AreaPolicy) -> Area | None:
    """Write one piece of evidence into the books; None when it is older than what is known, or of no known kind."""
    match evidence.kind:
        case AreaEvidenceKind.RAIN:
            return _take_rain(area, evidence, event_id, policy)
        case AreaEvidenceKind.SPOT:
            return _take_spot(area, evidence, event_id, pack, policy)
        case AreaEvidenceKind.DRAIN:
            return _take_drain(area, evidence, event_id)
        case _:
            return None


def take_warning(
    area: Area, submitted: WeatherWarningSubmitted, event_id: str, now: datetime, pack: RulePack
) -> tuple[Area, WeatherWarningReceived] | None:
    """Take a weather warning into force, change or cancel it; None when the books hold it already.

    A warning replaces the earlier one of the same issuer and kind. One that has run out is published as history only;
    one of another hazard than the pack's is published and counts for nothing here.
    """
    same = [w for w in area.warnings if w.warning_id == submitted.warning_id or _succeeds(submitted, w)]
    rest = tuple(w for w in area.warnings if w not in same)
    fact = _received(submitted)
    if submitted.action is WarningAction.CANCEL:
        return (changed(area, warnings=rest), fact) if same else None
    held = AreaWarning(
        warning_id=submitted.warning_id,
        event_code=submitted.event_code,
        issuer=submitted.issuer,
        colour=submitted.colour,
        effective=submitted.effective,
        expires=submitted.expires,
        event_id=event_id,
    )
    if any(changed(w, event_id=event_id) == held for w in same):
        return None
    if submitted.expires <= now:
        return area, fact
    return changed(area, warnings=(*rest, held)), fact


def _received(submitted: WeatherWarningSubmitted) -> WeatherWarningReceived:
    return WeatherWarningReceived(
        warning_id=submitted.warning_id,
        event_code=submitted.event_code,
        colour=submitted.colour,
        action=submitted.action,
        areas=(submitted.area_code,),
        effective=submitted.effective,
        expires=submitted.expires,
        issuer=submitted.issuer,
    )


def tidy(area: Area, now: datetime, policy: AreaPolicy) -> Area:
    """Return the area without expired warnings and stations silent for hours."""
    warnings = tuple(w for w in area.warnings if w.expires > now)
    stations = tuple(s for s in area.stations if now - s.at < policy.station_forgotten)
    if len(warnings) == len(area.warnings) and len(stations) == len(area.stations):
        return area
    return changed(area, warnings=warnings, stations=stations)


def _succeeds(submitted: WeatherWarningSubmitted, held: AreaWarning) -> bool:
    return (
        submitted.action is not WarningAction.CANCEL
        and submitted.issuer == held.issuer
        and submitted.event_code == held.event_code
    )


def _without(marks: Iterable[T], old: T | None) -> tuple[T, ...]:
    return tuple(mark for mark in marks if mark is not old)


def _take_rain(area: Area, evidence: AreaEvidence, event_id: str, policy: AreaPolicy) -> Area | None:
    old = next((s for s in area.stations if s.station_id == evidence.subject), None)
    if old is not None and old.at >= evidence.observed_at:
        return None
    station = AreaStation(
        station_id=evidence.subject,
        mm=evidence.mm,
        completeness=evidence.completeness or 0.0,
        at=evidence.observed_at,
        event_id=event_id,
    )
    return changed(area, stations=(*_without(area.stations, old), station))


def _take_spot(area: Area, evidence: AreaEvidence, event_id: str, pack: RulePack, policy: AreaPolicy) -> Area | None:
    old = next((s for s in area.spots if s.spot_id == evidence.subject), None)
    if old is not None and old.at > evidence.observed_at:
        return None
    if not evidence.open:
        return changed(area, spots=_without(area.spots, old)) if old is not None else None
    depth = evidence.depth_cm if evidence.depth_cm is not None else (old.depth_cm if old else None)
    spot = AreaSpot(
        spot_id=evidence.subject,
        depth_cm=depth,
        level=evidence.level or SpotLevel.UNKNOWN,
        main_road=bool(evidence.main_road),
        deep=_deep(old.deep if old else (), evidence, pack, policy),
        at=evidence.observed_at,
        event_id=event_id,
    )
    return changed(area, spots=(*_without(area.spots, old), spot))


def _deep(
    held: tuple[DeepSince, ...], evidence: AreaEvidence, pack: RulePack, policy: AreaPolicy
) -> tuple[DeepSince, ...]:
    """Return since when the spot has been as deep as the rules ask; an unknown depth changes nothing."""
    depth = evidence.depth_cm
    if depth is None:
        return held
    since = {mark.cm: mark for mark in held}
    marks = []
    for cm in deep_thresholds(pack):
        if cm in since and depth >= cm - policy.deep_release_cm:
            marks.append(since[cm])
        elif depth >= cm:
            marks.append(DeepSince(cm=cm, since=evidence.observed_at))
    return tuple(marks)


def _take_drain(area: Area, evidence: AreaEvidence, event_id: str) -> Area | None:
    old = next((d for d in area.drains if d.subject == evidence.subject), None)
    if old is not None and old.at > evidence.observed_at:
        return None
    if not evidence.over:
        return changed(area, drains=_without(area.drains, old)) if old is not None else None
    drain = AreaDrain(subject=evidence.subject, at=evidence.observed_at, event_id=event_id)
    return changed(area, drains=(*_without(area.drains, old), drain))
