"""One projection row -> what the page shows of it: codes with their words, times as epoch milliseconds, names resolved.

`open: False` tells the page to take a row away. Text stays text: the page never reads it as markup.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ioc_service.domain import labels
from ioc_service.domain.depths import trend
from ioc_service.domain.labels import measured, number, word
from ioc_service.domain.names import Names

Row = sa.Row[Any]
Shown = dict[str, Any]


def ms(at: datetime | None) -> int | None:
    """Return epoch milliseconds."""
    return None if at is None else int(at.timestamp() * 1000)


def trace_of(traceparent: str | None) -> str | None:
    """Return the trace id of a W3C header."""
    parts = (traceparent or "").split("-")
    return parts[1] if len(parts) == 4 else None


def source(row: Row, names: Names) -> Shown:
    """How fresh a topic is."""
    return {"key": row.topic, "rev": row.rev, "at": ms(row.at), "events": row.events}


def feed(row: Row, names: Names) -> Shown:
    """One line of the event stream."""
    return {
        "key": str(row.rev),
        "rev": row.rev,
        "at": ms(row.at),
        "what": row.what,
        "where": row.place,
        "tone": row.tone,
        "tag": word(labels.MODE, row.mode),
        "topic": row.topic,
        "event_id": row.event_id,
        "event_short": row.event_id[:8],
        "trace": trace_of(row.traceparent),
    }


def alarm(row: Row, names: Names) -> Shown:
    """One alarm."""
    metric = word(labels.METRIC, row.metric)
    limit = f" / {number(row.threshold)}" if row.threshold is not None else ""
    unit = word(labels.UNIT, row.unit)
    return {
        "key": row.alarm_key,
        "rev": row.rev,
        "open": row.cleared_at is None,
        "severity": row.severity,
        "severity_label": labels.SEVERITY.get(row.severity, str(row.severity)),
        "tone": labels.SEVERITY_TONE.get(row.severity, "none"),
        "title": f"{metric}达到 {measured(row.threshold, row.unit)}" if row.threshold is not None else f"{metric}异常",
        "device": names.device(row.device_id),
        "area": names.area(row.area_code),
        "repeat_count": row.repeats - 1,
        "value_text": f"{number(row.value)}{limit} {unit}".strip(),
        "first_at": ms(row.first_at),
        "at": ms(row.at),
        "trace": trace_of(row.traceparent),
    }


def device(row: Row, names: Names) -> Shown:
    """One silent device."""
    scope = word(labels.OFFLINE_SCOPE, row.scope)
    return {
        "key": row.device_id,
        "rev": row.rev,
        "open": not row.online,
        "severity": 9,
        "severity_label": "离线",
        "tone": "none",
        "title": names.device(row.device_id),
        "device": f"{scope}连续 {row.missed} 次未报",
        "area": names.area(row.area_code),
        "repeat_count": 0,
        "value_text": "",
        "word": "最后上报 ",
        "at": ms(row.last_seen_at),
        "trace": trace_of(row.traceparent),
    }


def spot(row: Row, names: Names) -> Shown:
    """One waterlogging spot."""
    sources = "、".join(word(labels.SPOT_SOURCE, code) for code in row.sources)
    gauges = names.gauges.get(row.spot_id) or ((row.gauge_id,) if row.gauge_id else ())
    return {
        "key": row.spot_id,
        "rev": row.rev,
        "open": row.cleared_at is None,
        "name": row.name,
        "level": row.level,
        "level_label": word(labels.SPOT_LEVEL, row.level),
        "tone": labels.SPOT_TONE.get(row.level, "none"),
        "status": row.status,
        "status_label": word(labels.SPOT_STATUS, row.status),
        "kind_label": word(labels.SPOT_KIND, row.kind),
        "area": names.area(row.area_code),
        "sources_label": f"{sources} 共 {row.sources_total} 处" if row.sources_total > 1 else sources,
        "depth_cm": None if row.depth_cm is None else round(row.depth_cm, 1),
        "history": row.history,
        "trend": trend(row.history),
        "device_id": gauges[0] if gauges else None,
        "first_at": ms(row.first_at),
        "at": ms(row.at),
        "trace": trace_of(row.traceparent),
    }


def warning(row: Row, names: Names) -> Shown:
    """One weather warning."""
    event = word(labels.WARNING_EVENT, row.event_code)
    return {
        "key": row.warning_id,
        "rev": row.rev,
        "open": not row.cancelled,
        "event_short": f"{event[:2]} {labels.COLOUR_SHORT.get(row.colour, '')}".strip(),
        "title": f"{event}{word(labels.COLOUR, row.colour)}预警信号",
        "tone": labels.COLOUR_TONE.get(row.colour, "none"),
        "areas": "、".join(names.area(code) for code in row.areas),
        "issuer": row.issuer,
        "effective": ms(row.effective),
        "expires": ms(row.expires),
        "at": ms(row.at),
        "trace": trace_of(row.traceparent),
    }


def response(row: Row, names: Names) -> Shown:
    """One response in force."""
    return {
        "key": row.response_key,
        "rev": row.rev,
        "open": row.ended_at is None,
        "hazard_label": word(labels.HAZARD, row.hazard),
        "area": names.area(row.area_code),
        "level": row.level,
        "level_label": word(labels.LEVEL, row.level),
        "tone": labels.LEVEL_TONE.get(row.level, "none"),
        "approved_by": names.person(row.approved_by),
        "at": ms(row.effective_at),
        "trace": trace_of(row.traceparent),
    }


def proposal(row: Row, names: Names, own_level: str | None) -> Shown:
    """One proposal to decide; `own_level` is what is in force now and makes it a start, a rise or a fall."""
    level = word(labels.LEVEL, row.level)
    rank = labels.LEVEL_RANK.get
    action = f"启动{level}响应"
    if own_level:
        action = f"升至{level}响应" if rank(row.level, 0) > rank(own_level, 0) else f"降至{level}响应"
    return {
        "key": row.proposal_key,
        "rev": row.rev,
        "open": not row.decided,
        "level": row.level,
        "level_label": level,
        "tone": labels.LEVEL_TONE.get(row.level, "none"),
        "hazard_label": word(labels.HAZARD, row.hazard),
        "area": names.area(row.area_code),
        "action": action,
        "conditions": [_condition(item) for item in row.conditions],
        "rule_label": f"规则 {row.rule_pack} 第 {row.rule_version} 版",
        "confidence": row.confidence,
        "at": ms(row.proposed_at),
        "trace": trace_of(row.traceparent),
    }


def _condition(item: Mapping[str, Any]) -> Shown:
    return {
        "label": item["label"],
        "value": None if item["value"] is None else number(item["value"]),
        "threshold": None if item["threshold"] is None else number(item["threshold"]),
        "unit": word(labels.UNIT, item["unit"]),
        "met": item["met"],
    }


def task(row: Row, names: Names, notice: Row | None) -> Shown:
    """One task with the newest step of its notice chain."""
    late = row.overdue is not None
    return {
        "key": row.task_id,
        "rev": max(row.rev, notice.rev if notice else 0),
        "title": row.title,
        "post_name": word(labels.POST, row.post),
        "person_name": names.person(row.person),
        "area": names.area(row.area_code),
        "level_label": word(labels.LEVEL, row.level),
        "priority": row.priority,
        "state": row.state,
        "overdue": row.overdue,
        "state_label": word(labels.OVERDUE, row.overdue) if late else word(labels.TASK_STATE, row.state),
        "tone": "red" if late else labels.TASK_TONE.get(row.state, "none"),
        "ack_due_at": ms(row.ack_due_at),
        "done_due_at": ms(row.done_due_at),
        "acked_at": ms(row.acked_at),
        "acked_by": f"{names.person(row.acked_by)} {word(labels.VIA, row.acked_via)}" if row.acked_by else None,
        "ended_at": ms(row.ended_at),
        "outcome": word(labels.CANCEL_REASON, row.outcome),
        "notice": _notice(notice, names, row.state) if notice else None,
        "at": ms(row.assigned_at),
        "trace": trace_of(row.traceparent),
    }


def _notice(row: Row, names: Names, task_state: str) -> Shown:
    """The task's own word counts more than the chain's, which comes by another topic and may be seen later."""
    waiting = task_state == "ASSIGNED" or row.state == "CONFIRMED"
    return {
        "step": row.step,
        "channel_label": word(labels.CHANNEL, row.channel),
        "person_name": names.person(row.person),
        "state": row.state,
        "state_label": word(labels.NOTICE_STATE, row.state) if waiting else "",
    }


_CLOCK_TONE = {"calm": "blue", "warned": "orange", "breached": "red"}


def case(row: Row, names: Names, spot_name: str | None) -> Shown:
    """One case with the clock that strikes next, or the one that has struck."""
    clocks = sorted(row.clocks, key=lambda clock: int(clock["due_ms"]))
    breached = [clock for clock in clocks if clock["state"] == "breached"]
    nearest = (breached or clocks or [None])[0]
    return {
        "key": row.case_id,
        "rev": row.rev,
        "open": row.closed_at is None,
        "summary": row.summary,
        "urgent": row.urgency == "URGENT",
        "area": names.area(row.area_code),
        "spot": spot_name or row.spot_id,
        "handler": names.person(row.handler),
        "reports_total": row.reports,
        "breached": bool(breached),
        "tone": _CLOCK_TONE.get(nearest["state"], "none") if nearest else "none",
        "clock": {"label": word(labels.CASE_CLOCK, nearest["clock"]), "due_at": nearest["due_ms"]} if nearest else None,
        "opened_at": ms(row.opened_at),
        "at": ms(row.at),
        "trace": trace_of(row.traceparent),
    }


_RAIN_TONES = ((50.0, "orange"), (30.0, "yellow"))  # mm in one hour, the sample pack's limits of III and IV [EX]


def station(station_id: str, windows: Mapping[str, Row], names: Names) -> Shown:
    """One rain gauge with its three windows."""
    hour = windows.get("H1")
    newest = max(windows.values(), key=lambda row: row.window_end)
    tone = next((tone for limit, tone in _RAIN_TONES if hour is not None and hour.mm >= limit), "none")
    return {
        "key": station_id,
        "rev": max(row.rev for row in windows.values()),
        "name": names.device(station_id),
        "area": names.area(newest.area_code),
        "tone": tone,
        "at": ms((hour or newest).window_end),
        "trace": trace_of(newest.traceparent),
        **{code.lower(): _window(windows.get(code)) for code in ("H1", "H3", "H24")},
    }


def _window(row: Row | None) -> Shown | None:
    if row is None:
        return None
    return {
        "mm": round(row.mm, 1),
        "completeness": row.completeness,
        "provisional": row.provisional,
        "revision": row.revision,
        "end": ms(row.window_end),
    }
