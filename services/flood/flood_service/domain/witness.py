"""What the sources say about one spot, weighed: a person beats the gauge, a gauge beats a camera."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from liandong.pure.records import changed
from liandong_contracts.common import Quality
from liandong_contracts.flood import FloodEvidence, SpotSource, SpotWitness

from flood_service.domain.policy import TRUSTED, SpotPolicy

PERSONS = (SpotSource.CITIZEN, SpotSource.PATROL)
CONFIDENCE = {  # of a spot found by one source [EX]
    SpotSource.PATROL: 1.0,
    SpotSource.SENSOR: 0.95,
    SpotSource.VIDEO: 0.6,
    SpotSource.CITIZEN: 0.5,
}


def witness_of(evidence: FloodEvidence, policy: SpotPolicy) -> SpotWitness:
    """Return what a piece of evidence says; neither wet nor with a depth means that its source is mute."""
    usable = evidence.quality in TRUSTED or evidence.quality is Quality.SUSPECT
    depth = evidence.depth_cm if usable else None
    if evidence.source is SpotSource.SENSOR:
        wet = depth is not None and depth >= policy.up_cm[0]
        wet = wet or evidence.quality is Quality.OVER_RANGE
    else:
        wet = usable and (depth is None or depth >= policy.up_cm[0])
    return SpotWitness(
        source=evidence.source,
        source_id=evidence.source_id,
        depth_cm=depth,
        quality=evidence.quality,
        wet=wet,
        counted=wet,
        at=evidence.observed_at,
    )


def opens(word: SpotWitness) -> bool:
    """Say whether one word opens a spot; a suspect value never does (FLO-5)."""
    return word.wet and word.quality in TRUSTED


def confirms(words: Iterable[SpotWitness], at: datetime, policy: SpotPolicy) -> bool:
    """Say whether the words confirm water: one gauge, one person on the spot, or two weak sources within an hour."""
    weak = 0
    for word in words:
        if not word.wet or at - word.at >= policy.weak_join:
            continue
        if word.quality in TRUSTED and word.source in (SpotSource.SENSOR, SpotSource.PATROL):
            return True
        weak += 1
    return weak >= 2


def depth_of(words: Iterable[SpotWitness], at: datetime, policy: SpotPolicy) -> float | None:
    """Return the depth that holds: the deepest of fresh gauges and persons, a camera's only without those."""
    depths = [w.depth_cm for w in words if w.depth_cm is not None and at - w.at < _counts_for(w, policy)]
    if depths:
        return max(depths)
    seen = [w for w in words if w.source is SpotSource.VIDEO and at - w.at < policy.gauge_fresh]
    return max((w.depth_cm for w in seen if w.depth_cm is not None), default=None)


def person_holds(words: Iterable[SpotWitness], at: datetime, policy: SpotPolicy) -> bool:
    """Say whether a person saw water so lately that a dry gauge is not believed."""
    return any(w.wet and w.source in PERSONS and at - w.at < policy.person_holds for w in words)


def person_says_dry(words: Iterable[SpotWitness], at: datetime, policy: SpotPolicy) -> bool:
    """Say whether somebody on the spot declared it dry so lately that a wet gauge is not believed."""
    return any(
        not w.wet and w.depth_cm is not None and w.source is SpotSource.PATROL and at - w.at < policy.person_holds
        for w in words
    )


def gauge_confirms_dry(words: Iterable[SpotWitness], at: datetime, policy: SpotPolicy) -> bool:
    """Say whether a trusted gauge has just said that no water stands."""
    return any(
        w.source is SpotSource.SENSOR
        and not w.wet
        and w.depth_cm is not None
        and w.quality in TRUSTED
        and at - w.at <= policy.last_word
        for w in words
    )


def turns(words: Iterable[SpotWitness], policy: SpotPolicy) -> list[datetime]:
    """Return when words stop counting, so that the spot is looked at again."""
    found = []
    for word in words:
        if word.source in PERSONS and word.wet:
            found.append(word.at + policy.person_holds)
        elif word.depth_cm is not None and word.source in (SpotSource.SENSOR, SpotSource.VIDEO):
            found.append(word.at + policy.gauge_fresh)
    return found


def heard(words: tuple[SpotWitness, ...], word: SpotWitness, limit: int) -> tuple[SpotWitness, ...] | None:
    """Return the words with the latest of this source last; None when a later one of the same source is known."""
    same = [w for w in words if w.source is word.source and w.source_id == word.source_id]
    if any(w.at >= word.at for w in same):
        return None
    counted = word.wet or any(w.counted for w in same)
    return (*(w for w in words if w not in same), changed(word, counted=counted))[-limit:]


def is_counted(words: Iterable[SpotWitness], word: SpotWitness) -> bool:
    """Say whether this source has said before that water stands."""
    return any(w.counted and w.source is word.source and w.source_id == word.source_id for w in words)


def _counts_for(word: SpotWitness, policy: SpotPolicy) -> timedelta:
    """Return how long a depth counts; that of a suspect gauge never does, a camera's is asked for last."""
    if word.source in PERSONS:
        return policy.person_holds
    if word.source is SpotSource.SENSOR and word.quality in TRUSTED:
        return policy.gauge_fresh
    return timedelta(0)
