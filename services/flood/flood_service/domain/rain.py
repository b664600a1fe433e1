"""Rain of one station: windows published when they change, revised when a report comes late, told to the area if live.

A late report revises history and never alerts.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from liandong.pure.records import changed
from liandong.pure.units import to_mm
from liandong.pure.windows import RainLog, Sums, Window, end_of, slot_of
from liandong_contracts.flood import (
    AreaEvidence,
    AreaEvidenceKind,
    GaugeTrack,
    RainfallAggregated,
    RainMark,
    RainTold,
    RainWindow,
)
from liandong_contracts.sensing import Measurement, ReadingCorrected

from flood_service.domain.emission import Emission
from flood_service.domain.policy import LATE_AFTER, TRUSTED, RainPolicy

RAIN_METRICS: Mapping[str, bool] = {"rain_5min": False, "rain_total": True}  # metric -> cumulative?
_HOUR = 12


class RainReport(NamedTuple):
    """One amount of rain, checked. `mm` None takes the amount of the slot away (a correction)."""

    at: datetime
    mm: float | None
    total: bool
    live: bool
    correction: bool = False


class RainStep(NamedTuple):
    """What a report led to; `live` holds the newest windows when the area may hear of them."""

    track: GaugeTrack
    emissions: list[Emission]
    live: dict[RainWindow, Window] | None


def reports_of(measurements: Iterable[Measurement], now: datetime) -> list[RainReport]:
    """Return the rain in a device's report that may be counted: trusted, with a value in a unit known."""
    found = []
    for m in measurements:
        total = RAIN_METRICS.get(m.metric)
        if total is None or m.value is None or m.quality not in TRUSTED:
            continue
        mm = to_mm(m.value, m.unit)
        if mm is not None:
            found.append(RainReport(m.observed_at, mm, total, not m.late and now - m.observed_at <= LATE_AFTER))
    return found


def correction_of(correction: ReadingCorrected) -> list[RainReport]:
    """Return the rain that a correction changes, if it is about rain."""
    total = RAIN_METRICS.get(correction.metric)
    if total is None:
        return []
    mm = None if correction.new_value is None else to_mm(correction.new_value, correction.unit)
    if mm is None and correction.new_value is not None:
        return []
    return [RainReport(correction.observed_at, mm, total, live=False, correction=True)]


def follow_rain(track: GaugeTrack, reports: Iterable[RainReport], policy: RainPolicy) -> RainStep | None:
    """Take reports into a station's log; None when they say nothing new."""
    log = RainLog.unpack(track.rain)
    before_newest = log.newest
    taken = [report for report in reports if _write(log, report)]
    if not taken:
        return None
    sums = log.sums()
    emissions = _revised(track, log, sums, {slot_of(report.at) for report in taken}, policy)
    current = {window: sums.window(log.newest, slots) for window, slots in policy.windows}
    newest = [report for report in taken if slot_of(report.at) == log.newest]
    live = [report for report in newest if report.live]
    at = max(report.at for report in newest) if newest else end_of(log.newest)
    marks = _published(track, log, current, log.newest > before_newest, policy)
    emissions += [Emission(_fact(track.device_id, mark), at) for mark in marks.values()]
    kept = {mark.window: mark for mark in track.windows} | marks
    track = changed(track, rain=log.pack(), windows=tuple(kept.values()))
    return RainStep(track, emissions, current if live else None)


def tell_area(
    track: GaugeTrack, windows: Mapping[RainWindow, Window], at: datetime, area6: str, policy: RainPolicy
) -> tuple[GaugeTrack, list[Emission]]:
    """Tell the area about live rain when it changed by 1 mm, crossed a threshold, or was not told for a while."""
    completeness = windows[RainWindow.H1].completeness
    told = RainTold(mm={w.value: value.mm for w, value in windows.items()}, completeness=completeness, at=at)
    if track.rain_told is not None and not _worth_telling(track.rain_told, told, policy):
        return track, []
    evidence = AreaEvidence(
        area_code=area6,
        kind=AreaEvidenceKind.RAIN,
        subject=track.device_id,
        observed_at=at,
        mm=told.mm,
        completeness=completeness,
    )
    return changed(track, rain_told=told), [Emission(evidence, at)]


def _write(log: RainLog, report: RainReport) -> bool:
    slot = slot_of(report.at)
    if report.correction:
        return log.correct(slot, report.mm, total=report.total)
    if report.mm is None:
        return False
    return log.add_total(slot, report.mm) if report.total else log.add_interval(slot, report.mm)


def _revised(track: GaugeTrack, log: RainLog, sums: Sums, slots: set[int], policy: RainPolicy) -> list[Emission]:
    """Return the hours that ended before the newest report and that the reports changed."""
    touched = {slot for changed_slot in slots for slot in log.touched(changed_slot)}
    ends = {end for slot in touched for end in range(slot, slot + _HOUR) if end < log.newest and log.reported(end)}
    if not ends:
        return []
    before_log = RainLog.unpack(track.rain)
    before = before_log.sums()
    emissions = []
    for end in sorted(ends):
        new = sums.window(end, _HOUR)
        if before_log.reported(end) and not _differs(before.window(end, _HOUR), new, policy):
            continue
        mark = RainMark(
            window=RainWindow.H1,
            end=end_of(end),
            mm=new.mm,
            completeness=new.completeness,
            revision=log.revise(end),
        )
        emissions.append(Emission(_fact(track.device_id, mark), mark.end))
    return emissions


def _published(
    track: GaugeTrack, log: RainLog, current: Mapping[RainWindow, Window], advanced: bool, policy: RainPolicy
) -> dict[RainWindow, RainMark]:
    """Return the newest windows that changed materially since they were last published."""
    marks = {mark.window: mark for mark in track.windows}
    end = end_of(log.newest)
    due = [
        window
        for window, value in current.items()
        if (mark := marks.get(window)) is None
        or _differs(Window(mark.mm, mark.completeness), value, policy)
        or end - mark.end >= policy.publish_every
    ]
    if not due:
        return {}
    revision = log.revision(log.newest) if advanced else log.revise(log.newest)
    return {
        window: RainMark(
            window=window,
            end=end,
            mm=current[window].mm,
            completeness=current[window].completeness,
            revision=revision,
        )
        for window in due
    }


def _differs(old: Window, new: Window, policy: RainPolicy) -> bool:
    if abs(new.mm - old.mm) >= policy.material_mm - 1e-9:
        return True
    return abs(new.completeness - old.completeness) >= policy.material_completeness


def _worth_telling(old: RainTold, new: RainTold, policy: RainPolicy) -> bool:
    if new.at - old.at >= policy.tell_every:
        return True
    if (old.completeness < policy.usable_completeness) != (new.completeness < policy.usable_completeness):
        return True
    if any(abs(mm - old.mm.get(window, 0.0)) >= policy.tell_mm for window, mm in new.mm.items()):
        return True
    return any(
        (old.mm.get(window.value, 0.0) >= limit) != (new.mm.get(window.value, 0.0) >= limit)
        for window, limit in policy.thresholds_mm
    )


def _fact(station_id: str, mark: RainMark) -> RainfallAggregated:
    return RainfallAggregated(
        station_id=station_id,
        window=mark.window,
        window_end=mark.end,
        mm=mark.mm,
        completeness=mark.completeness,
        provisional=mark.completeness < 1.0,
        revision=mark.revision,
    )
