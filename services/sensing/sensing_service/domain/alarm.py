"""Alarms of one rule on one metric: raised by a run of readings, told of once a minute, cleared with hysteresis.

Pure: a reading and the alarm's track in, the new track and what is to be told out.
"""

from collections.abc import Callable
from typing import NamedTuple

from liandong.pure.records import changed
from liandong_contracts.common import DeviceKind, Quality
from liandong_contracts.sensing import (
    AlarmCleared,
    AlarmRaised,
    AlarmTrack,
    AlarmUpdated,
    ClearedBy,
    Measurement,
    MetricSpec,
)

from sensing_service.domain import policy

AlarmEvent = AlarmRaised | AlarmUpdated | AlarmCleared
NewId = Callable[[str], str]  # rule and episode -> id
_FEEDS = frozenset({Quality.GOOD, Quality.MANUAL})
_EVIDENCE_KEPT = 8


class Rule(NamedTuple):
    """One alarm rule of a device: what it watches and how soon it believes it."""

    rule_id: str
    device_id: str
    object_id: str | None
    metric: str
    unit: str
    threshold: float
    severity: int
    at_once: bool = False

    @property
    def alarm_key(self) -> str:
        """Return the key that all episodes share."""
        return f"{self.device_id}+{self.rule_id}"


class Sign(NamedTuple):
    """What a reading says about a rule: `met` or `over`; neither leaves the alarm as it is."""

    met: bool
    over: bool


NOTHING = Sign(False, False)


def limit_rule(device_id: str, object_id: str | None, kind: DeviceKind, spec: MetricSpec) -> Rule | None:
    """Return the limit rule of a metric, if it has a limit."""
    if spec.limit is None:
        return None
    severity = policy.LIMIT_SEVERITY_BY_KIND.get(kind, policy.LIMIT_SEVERITY)
    return Rule(f"limit-{spec.metric}", device_id, object_id, spec.metric, spec.unit, spec.limit, severity)


def jump_rule(device_id: str, object_id: str | None, spec: MetricSpec) -> Rule | None:
    """Return the rule that a jumping gauge needs repair; it speaks of the device, never of the world."""
    if spec.max_step is None:
        return None
    severity = policy.JUMP_SEVERITY
    return Rule(f"jump-{spec.metric}", device_id, object_id, spec.metric, spec.unit, spec.max_step, severity, True)


def limit_sign(rule: Rule, spec: MetricSpec, measurement: Measurement) -> Sign:
    """Say what a reading means for the limit. Only trusted qualities speak; above the instrument's range is over it."""
    value = measurement.value
    if measurement.quality is Quality.OVER_RANGE:
        return Sign(value is None or (spec.hi is not None and value > spec.hi) or value >= rule.threshold, False)
    if measurement.quality not in _FEEDS or value is None:
        return NOTHING
    if value >= rule.threshold:
        return Sign(True, False)
    return Sign(False, value < rule.threshold - abs(rule.threshold) * (1 - policy.CLEAR_AT))


def jump_sign(measurement: Measurement, jumped: bool) -> Sign:
    """Say what a reading means for the jump rule."""
    return Sign(jumped, not jumped and measurement.quality in _FEEDS)


def move(
    track: AlarmTrack | None, rule: Rule, sign: Sign, measurement: Measurement, report_id: str, new_id: NewId
) -> tuple[AlarmTrack | None, AlarmEvent | None]:
    """Return the alarm's track after a reading, and what there is to tell."""
    if sign.met:
        return _met(track or AlarmTrack(rule_id=rule.rule_id, metric=rule.metric), rule, measurement, report_id, new_id)
    if track is None:
        return None, None
    if track.alarm_id is None:
        ended = track.count == 0
        return (track if ended else changed(track, count=0, since=None, evidence=())), None
    if not sign.over:
        return track, None
    cleared = AlarmCleared(
        alarm_key=rule.alarm_key,
        alarm_id=track.alarm_id,
        by=ClearedBy.CONDITION,
        value=measurement.value,
        cleared_at=measurement.observed_at,
        severity=track.severity,
    )
    closed = changed(track, alarm_id=None, count=0, since=None, told_at=None, evidence=())
    return closed, cleared


def _met(
    track: AlarmTrack, rule: Rule, measurement: Measurement, report_id: str, new_id: NewId
) -> tuple[AlarmTrack, AlarmEvent | None]:
    at = measurement.observed_at
    since = track.since or at
    count = track.count + 1
    if track.alarm_id is not None:
        return _repeated(changed(track, count=count), track.alarm_id, rule, measurement)
    evidence = track.evidence
    if report_id not in evidence:
        evidence = (*evidence, report_id)[-_EVIDENCE_KEPT:]
    track = changed(track, count=count, since=since, evidence=evidence)
    if not (rule.at_once or count >= policy.OVER_COUNT or at - since >= policy.OVER_SPAN):
        return track, None
    return _raised(track, rule, measurement, new_id)


def _repeated(
    track: AlarmTrack, alarm_id: str, rule: Rule, measurement: Measurement
) -> tuple[AlarmTrack, AlarmEvent | None]:
    at = measurement.observed_at
    if track.told_at is not None and at - track.told_at < policy.UPDATE_EVERY:
        return track, None
    updated = AlarmUpdated(
        alarm_key=rule.alarm_key,
        alarm_id=alarm_id,
        severity=track.severity,
        repeat_count=track.count,
        value=measurement.value,
        last_at=at,
    )
    return changed(track, told_at=at), updated


def _raised(
    track: AlarmTrack, rule: Rule, measurement: Measurement, new_id: NewId
) -> tuple[AlarmTrack, AlarmEvent | None]:
    at = measurement.observed_at
    episode = track.episode + 1
    raised = AlarmRaised(
        alarm_key=rule.alarm_key,
        alarm_id=new_id(f"{rule.rule_id}|{episode}"),
        episode=episode,
        device_id=rule.device_id,
        rule_id=rule.rule_id,
        rule_version=policy.VERSION,
        severity=rule.severity,
        metric=rule.metric,
        value=measurement.value,
        threshold=rule.threshold,
        unit=rule.unit,
        first_at=track.since or at,
        object_id=rule.object_id,
        source_event_ids=track.evidence,
    )
    opened = changed(track, episode=episode, alarm_id=raised.alarm_id, severity=rule.severity, told_at=at, evidence=())
    return opened, raised
