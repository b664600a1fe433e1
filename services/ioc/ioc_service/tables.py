"""The console's own SQL tables: projections of topics, nothing that anybody else relies on.

Every row carries `rev`, the number of the change that wrote it last: "everything after rev N" is one query per table,
and that is all that a page needs to take up its stream again. Rows that end are marked, not deleted.
"""

import sqlalchemy as sa
from liandong.workflow.columns import UtcDateTime

metadata = sa.MetaData()


def _projection(name: str, key: str, *columns: sa.Column[object]) -> sa.Table:
    """A table of current states: its key, what it shows, and where the newest of it came from."""
    return sa.Table(
        name,
        metadata,
        sa.Column(key, sa.String, primary_key=True),
        *columns,
        sa.Column("at", UtcDateTime, nullable=False, doc="time of the newest event behind the row"),
        sa.Column("event_id", sa.String, nullable=False, doc="that event"),
        sa.Column("traceparent", sa.String, doc="its trace, for what is done about it"),
        sa.Column("rev", sa.Integer, nullable=False, index=True),
    )


change = sa.Table(
    "change",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("rev", sa.Integer, nullable=False, doc="number of the last change"),
    sa.Column("epoch", sa.String, nullable=False, doc="names this life of the projection: its first event"),
)

source = _projection("source", "topic", sa.Column("events", sa.Integer, nullable=False))

feed = sa.Table(
    "feed",
    metadata,
    sa.Column("rev", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("event_id", sa.String, nullable=False),
    sa.Column("topic", sa.String, nullable=False),
    sa.Column("what", sa.String, nullable=False),
    sa.Column("place", sa.String, nullable=False),
    sa.Column("tone", sa.String, nullable=False),
    sa.Column("mode", sa.String, doc="DRILL or TEST when the event says so"),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("traceparent", sa.String),
)

alarm = _projection(
    "alarm",
    "alarm_key",
    sa.Column("alarm_id", sa.String, nullable=False),
    sa.Column("device_id", sa.String, nullable=False),
    sa.Column("area_code", sa.String),
    sa.Column("severity", sa.Integer, nullable=False),
    sa.Column("metric", sa.String, nullable=False),
    sa.Column("unit", sa.String, nullable=False),
    sa.Column("value", sa.Float),
    sa.Column("threshold", sa.Float),
    sa.Column("repeats", sa.Integer, nullable=False),
    sa.Column("first_at", UtcDateTime, nullable=False),
    sa.Column("cleared_at", UtcDateTime),
)

device = _projection(
    "device",
    "device_id",
    sa.Column("online", sa.Boolean, nullable=False),
    sa.Column("scope", sa.String),
    sa.Column("area_code", sa.String),
    sa.Column("missed", sa.Integer, nullable=False),
    sa.Column("last_seen_at", UtcDateTime, nullable=False),
)

rejection = _projection(
    "rejection",
    "reason",
    sa.Column("total", sa.Integer, nullable=False),
    sa.Column("last_detail", sa.String, nullable=False),
)

refused_device = _projection("refused_device", "device_id", sa.Column("total", sa.Integer, nullable=False))

report = _projection("report", "channel", sa.Column("total", sa.Integer, nullable=False))

rain = sa.Table(
    "rain",
    metadata,
    sa.Column("station_id", sa.String, primary_key=True),
    sa.Column("window", sa.String, primary_key=True),
    sa.Column("window_end", UtcDateTime, nullable=False),
    sa.Column("mm", sa.Float, nullable=False),
    sa.Column("completeness", sa.Float, nullable=False),
    sa.Column("provisional", sa.Boolean, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("area_code", sa.String),
    sa.Column("event_id", sa.String, nullable=False),
    sa.Column("traceparent", sa.String),
    sa.Column("rev", sa.Integer, nullable=False, index=True),
)

spot = _projection(
    "spot",
    "spot_id",
    sa.Column("name", sa.String, nullable=False),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("area_code", sa.String, nullable=False),
    sa.Column("level", sa.String, nullable=False),
    sa.Column("status", sa.String, nullable=False),
    sa.Column("depth_cm", sa.Float),
    sa.Column("recede_cm_per_h", sa.Float),
    sa.Column("sources", sa.JSON, nullable=False),
    sa.Column("sources_total", sa.Integer, nullable=False),
    sa.Column("gauge_id", sa.String, doc="device that measures the spot, as far as an event named it"),
    sa.Column("history", sa.JSON, nullable=False, doc="[[epoch ms, cm], …], the last hours"),
    sa.Column("first_at", UtcDateTime, nullable=False),
    sa.Column("cleared_at", UtcDateTime),
)

warning = _projection(
    "warning",
    "warning_id",
    sa.Column("event_code", sa.String, nullable=False),
    sa.Column("colour", sa.String, nullable=False),
    sa.Column("areas", sa.JSON, nullable=False),
    sa.Column("issuer", sa.String, nullable=False),
    sa.Column("effective", UtcDateTime, nullable=False),
    sa.Column("expires", UtcDateTime, nullable=False),
    sa.Column("cancelled", sa.Boolean, nullable=False),
)

proposal = _projection(
    "proposal",
    "proposal_key",
    sa.Column("hazard", sa.String, nullable=False),
    sa.Column("area_code", sa.String, nullable=False),
    sa.Column("level", sa.String, nullable=False),
    sa.Column("conditions", sa.JSON, nullable=False),
    sa.Column("confidence", sa.Float, nullable=False),
    sa.Column("rule_pack", sa.String, nullable=False),
    sa.Column("rule_version", sa.Integer, nullable=False),
    sa.Column("proposed_at", UtcDateTime, nullable=False),
    sa.Column("decided", sa.Boolean, nullable=False),
)

response = _projection(
    "response",
    "response_key",
    sa.Column("hazard", sa.String, nullable=False),
    sa.Column("area_code", sa.String, nullable=False),
    sa.Column("response_id", sa.String, nullable=False),
    sa.Column("level", sa.String, nullable=False, doc="the effective level: higher of own and ordered"),
    sa.Column("own_level", sa.String, nullable=False),
    sa.Column("approved_by", sa.String, nullable=False),
    sa.Column("effective_at", UtcDateTime, nullable=False),
    sa.Column("ended_at", UtcDateTime),
)

task = _projection(
    "task",
    "task_id",
    sa.Column("title", sa.String, nullable=False),
    sa.Column("post", sa.String, nullable=False),
    sa.Column("person", sa.String),
    sa.Column("area_code", sa.String, nullable=False),
    sa.Column("level", sa.String, nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("state", sa.String, nullable=False, doc="ASSIGNED, ACKED, DONE or CANCELLED"),
    sa.Column("overdue", sa.String, doc="ACK or DONE: the clock that ran out last"),
    sa.Column("assigned_at", UtcDateTime, nullable=False),
    sa.Column("ack_due_at", UtcDateTime, nullable=False),
    sa.Column("done_due_at", UtcDateTime, nullable=False),
    sa.Column("acked_by", sa.String),
    sa.Column("acked_via", sa.String),
    sa.Column("acked_at", UtcDateTime),
    sa.Column("ended_at", UtcDateTime),
    sa.Column("outcome", sa.String, doc="result of a done task, reason of a cancelled one"),
)

notice = _projection(
    "notice",
    "notice_id",
    sa.Column("task_id", sa.String, nullable=False, index=True),
    sa.Column("step", sa.Integer, nullable=False),
    sa.Column("channel", sa.String, nullable=False),
    sa.Column("person", sa.String, nullable=False),
    sa.Column("state", sa.String, nullable=False, doc="SENT, DELIVERED, READ, CONFIRMED, UNANSWERED or EXHAUSTED"),
    sa.Column("ack_due_at", UtcDateTime, nullable=False),
)

case = _projection(
    "case_file",
    "case_id",
    sa.Column("summary", sa.String, nullable=False),
    sa.Column("class_code", sa.String, nullable=False),
    sa.Column("area_code", sa.String, nullable=False),
    sa.Column("spot_id", sa.String),
    sa.Column("urgency", sa.String, nullable=False),
    sa.Column("handler", sa.String),
    sa.Column("clocks", sa.JSON, nullable=False, doc="[{clock, due_ms, state}]; state calm, warned or breached"),
    sa.Column("reports", sa.Integer, nullable=False),
    sa.Column("opened_at", UtcDateTime, nullable=False),
    sa.Column("closed_at", UtcDateTime),
    sa.Column("outcome", sa.String),
    sa.Column("on_time", sa.Boolean),
)
