"""Life of one waterlogging spot: SUSPECTED, CONFIRMED, HANDLING, RECEDING, CLEARED.

One spot whatever the source (FLO-4). An episode is detected once, updated when level, status, sources or depth (5 cm)
change, and cleared by a gauge that stayed dry or by a person on the spot. A road is reopened by people, never here.
"""

from datetime import datetime
from typing import NamedTuple

from liandong.pure.records import changed
from liandong_contracts.flood import (
    AreaEvidence,
    AreaEvidenceKind,
    ConfirmedBy,
    FloodEvidence,
    Spot,
    SpotLevel,
    SpotSource,
    SpotStatus,
    SpotWitness,
    WaterloggingCleared,
    WaterloggingDetected,
    WaterloggingUpdated,
)

from flood_service.domain.emission import Emission
from flood_service.domain.levels import held_level, plain_level
from flood_service.domain.place import SpotFacts
from flood_service.domain.policy import LATE_AFTER, SpotPolicy
from flood_service.domain.witness import (
    CONFIDENCE,
    confirms,
    depth_of,
    gauge_confirms_dry,
    heard,
    is_counted,
    opens,
    person_holds,
    person_says_dry,
    turns,
    witness_of,
)

FLOODED = (SpotStatus.CONFIRMED, SpotStatus.HANDLING)  # what counts as an open spot of the area
_HOUR_S = 3600.0


class Verdict(NamedTuple):
    """A spot after new evidence or time, what to publish, and when to look again (None: no need)."""

    spot: Spot
    emissions: list[Emission]
    recheck: datetime | None


def is_open(spot: Spot | None) -> bool:
    """Say whether an episode is going on."""
    return spot is not None and spot.status is not SpotStatus.CLEARED


def is_history(evidence: FloodEvidence, now: datetime) -> bool:
    """Say whether evidence came too late to raise anything."""
    return evidence.late or now - evidence.observed_at > LATE_AFTER


def remember(spot: Spot | None, evidence: FloodEvidence, policy: SpotPolicy) -> Spot | None:
    """Take late evidence into the history of an episode; None when it changes nothing."""
    word = witness_of(evidence, policy)
    if spot is None or not opens(word) or word.depth_cm is None or not spot.first_at <= word.at <= spot.at:
        return None
    if spot.max_depth_cm is not None and word.depth_cm <= spot.max_depth_cm:
        return None
    return changed(spot, max_depth_cm=word.depth_cm)


def assess(spot: Spot | None, evidence: FloodEvidence, facts: SpotFacts, policy: SpotPolicy) -> Verdict | None:
    """Judge a spot by live evidence; None when the evidence changes nothing."""
    word = witness_of(evidence, policy)
    if spot is None or spot.status is SpotStatus.CLEARED:
        if not opens(word) or _declared_dry(spot, word, policy):
            return None
        return _open(word, facts, policy)
    words = heard(spot.witnesses, word, policy.witnesses_kept)
    if words is None:
        return None
    new = word.wet and not is_counted(spot.witnesses, word)
    draft = changed(
        spot,
        witnesses=words,
        kinds=(*spot.kinds, word.source) if new and word.source not in spot.kinds else spot.kinds,
        source_ids_total=spot.source_ids_total + new,
        handled=spot.handled or (word.source is SpotSource.PATROL and word.wet),
    )
    at = max(word.at, spot.at)
    if person_says_dry((word,), at, policy):
        return _cleared(spot, changed(draft, depth_cm=word.depth_cm), facts, word.at, ConfirmedBy.PERSON)
    return _settled(spot, _judged(draft, at, policy), facts, word.at, policy)


def look_again(spot: Spot, facts: SpotFacts, at: datetime, policy: SpotPolicy) -> Verdict | None:
    """Judge an open spot by the passing of time; None when its episode is over."""
    if spot.status is SpotStatus.CLEARED:
        return None
    if spot.status is SpotStatus.SUSPECTED and at - _last_word(spot) >= policy.suspicion_lasts:
        return _cleared(spot, spot, facts, at, ConfirmedBy.UNKNOWN)
    return _settled(spot, _judged(spot, max(at, spot.at), policy), facts, at, policy)


def _declared_dry(spot: Spot | None, word: SpotWitness, policy: SpotPolicy) -> bool:
    """Say whether a gauge contradicts the person who has just declared its spot dry."""
    if spot is None or word.source is not SpotSource.SENSOR:
        return False
    return person_says_dry(spot.witnesses, word.at, policy)


def _open(word: SpotWitness, facts: SpotFacts, policy: SpotPolicy) -> Verdict:
    depth = word.depth_cm
    spot = Spot(
        spot_id=facts.spot_id,
        status=SpotStatus.SUSPECTED,
        level=SpotLevel.L1 if depth is None else plain_level(depth, policy),
        depth_cm=depth,
        max_depth_cm=depth,
        confirmed=confirms((word,), word.at, policy),
        handled=word.source is SpotSource.PATROL,
        first_at=word.at,
        at=word.at,
        below_since=None,
        witnesses=(word,),
        kinds=(word.source,),
        source_ids_total=1,
        shown_depth_cm=depth,
        shown_at=word.at,
    )
    spot = changed(spot, status=_standing(spot))
    emissions = [Emission(_detected(spot, word, facts), word.at)]
    if spot.status in FLOODED:
        emissions.append(_for_area(spot, facts, word.at))
    return Verdict(spot, emissions, _recheck(spot, policy))


def _detected(spot: Spot, word: SpotWitness, facts: SpotFacts) -> WaterloggingDetected:
    return WaterloggingDetected(
        spot_id=spot.spot_id,
        name=facts.name,
        depth_cm=spot.depth_cm,
        source=word.source,
        source_id=word.source_id,
        confidence=CONFIDENCE.get(word.source, 0.5),
        spot_kind=facts.kind,
        level=spot.level,
        first_at=spot.first_at,
        at=word.at,
        location=facts.location,
        area_code=facts.area_code,
    )


def _standing(spot: Spot) -> SpotStatus:
    """Return the status of a spot where water stands."""
    if not spot.confirmed:
        return SpotStatus.SUSPECTED
    return SpotStatus.HANDLING if spot.handled else SpotStatus.CONFIRMED


def _judged(spot: Spot, at: datetime, policy: SpotPolicy) -> Spot:
    """Return the spot with depth, level and status as its witnesses have them at a moment."""
    depth = depth_of(spot.witnesses, at, policy)
    level = spot.level if depth is None else held_level(depth, spot.level, policy)
    if level is SpotLevel.NONE and person_holds(spot.witnesses, at, policy):
        level = SpotLevel.L1
    spot = changed(
        spot,
        depth_cm=depth,
        max_depth_cm=spot.max_depth_cm if depth is None else max(depth, spot.max_depth_cm or 0.0),
        level=level,
        confirmed=spot.confirmed or confirms(spot.witnesses, at, policy),
        at=at,
    )
    if level is SpotLevel.NONE:
        return changed(spot, status=SpotStatus.RECEDING, below_since=spot.below_since or at)
    return changed(spot, status=_standing(spot), below_since=None)


def _settled(before: Spot, spot: Spot, facts: SpotFacts, at: datetime, policy: SpotPolicy) -> Verdict:
    """Publish what changed, and clear the spot when it has been dry for long enough."""
    if (
        spot.below_since is not None
        and spot.at - spot.below_since >= policy.clear_after
        and gauge_confirms_dry(spot.witnesses, spot.at, policy)
    ):
        return _cleared(before, spot, facts, at, ConfirmedBy.SENSOR)
    emissions = []
    stepped = _stepped(spot, policy)
    if stepped or (before.status, before.level, before.kinds, before.source_ids_total) != (
        spot.status,
        spot.level,
        spot.kinds,
        spot.source_ids_total,
    ):
        emissions.append(Emission(_update(spot, at), at))
        spot = changed(spot, shown_depth_cm=spot.depth_cm, shown_at=at)
    was, now = before.status in FLOODED, spot.status in FLOODED
    if was != now or (now and (stepped or before.level is not spot.level or _crosses(before, spot, policy))):
        emissions.append(_for_area(spot, facts, at))
    return Verdict(spot, emissions, _recheck(spot, policy))


def _stepped(spot: Spot, policy: SpotPolicy) -> bool:
    shown, depth = spot.shown_depth_cm, spot.depth_cm
    if shown is None or depth is None:
        return shown is not depth
    return abs(depth - shown) >= policy.shown_step_cm


def _crosses(before: Spot, spot: Spot, policy: SpotPolicy) -> bool:
    """Say whether the depth passed one that the rules of the area ask for."""
    old, new = before.depth_cm, spot.depth_cm
    if old is None or new is None:
        return old is not new
    return any((old >= step) != (new >= step) for step in policy.area_steps_cm)


def _update(spot: Spot, at: datetime) -> WaterloggingUpdated:
    recede = None
    hours = (at - spot.shown_at).total_seconds() / _HOUR_S
    if spot.depth_cm is not None and spot.shown_depth_cm is not None and hours > 0:
        fallen = spot.shown_depth_cm - spot.depth_cm
        recede = round(fallen / hours, 1) if fallen > 0 else None
    return WaterloggingUpdated(
        spot_id=spot.spot_id,
        depth_cm=spot.depth_cm,
        level=spot.level,
        status=spot.status,
        sources=spot.kinds,
        source_ids_total=spot.source_ids_total,
        at=at,
        recede_cm_per_h=recede,
    )


def _cleared(before: Spot, spot: Spot, facts: SpotFacts, at: datetime, by: ConfirmedBy) -> Verdict:
    at = max(at, spot.first_at)
    spot = changed(spot, status=SpotStatus.CLEARED, level=SpotLevel.NONE, below_since=None, at=at)
    record = WaterloggingCleared(
        spot_id=spot.spot_id,
        cleared_at=at,
        max_depth_cm=spot.max_depth_cm,
        duration_s=int((at - spot.first_at).total_seconds()),
        confirmed_by=by,
    )
    emissions = [Emission(record, at)]
    if before.status in FLOODED:
        emissions.append(_for_area(spot, facts, at))
    return Verdict(spot, emissions, None)


def _for_area(spot: Spot, facts: SpotFacts, at: datetime) -> Emission:
    evidence = AreaEvidence(
        area_code=facts.area_code[:6],
        kind=AreaEvidenceKind.SPOT,
        subject=spot.spot_id,
        observed_at=at,
        mm={},
        depth_cm=spot.depth_cm,
        level=spot.level,
        open=spot.status in FLOODED,
        main_road=facts.main_road,
    )
    return Emission(evidence, at)


def _last_word(spot: Spot) -> datetime:
    return max((w.at for w in spot.witnesses), default=spot.at)


def _recheck(spot: Spot, policy: SpotPolicy) -> datetime | None:
    """Return the next moment at which time alone may change the spot."""
    moments = turns(spot.witnesses, policy)
    if spot.below_since is not None:
        moments.append(spot.below_since + policy.clear_after)
    if spot.status is SpotStatus.SUSPECTED:
        moments.append(_last_word(spot) + policy.suspicion_lasts)
    return min((moment for moment in moments if moment > spot.at), default=None)
