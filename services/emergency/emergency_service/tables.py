"""The service's SQL tables. Columns only: rules are in `domain`, statements in `handlers` and `queries`."""

import sqlalchemy as sa
from liandong.workflow.columns import UtcDateTime

metadata = sa.MetaData()

proposal = sa.Table(
    "proposal",
    metadata,
    sa.Column("hazard", sa.String, primary_key=True),
    sa.Column("area_code", sa.String, primary_key=True),
    sa.Column("plan_id", sa.String, nullable=False),
    sa.Column("level", sa.String, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("conditions", sa.JSON, nullable=False),
    sa.Column("proposed_at", UtcDateTime, nullable=False),
    sa.Column("traceparent", sa.String, nullable=False),
    sa.Column("correlation_id", sa.String, nullable=False),
)

response = sa.Table(
    "response",
    metadata,
    sa.Column("response_id", sa.String, primary_key=True),
    sa.Column("hazard", sa.String, nullable=False),
    sa.Column("area_code", sa.String, nullable=False),
    sa.Column("plan_id", sa.String, nullable=False),
    sa.Column("plan_version", sa.Integer, nullable=False),
    sa.Column("plan", sa.String, nullable=False, doc="the plan version, frozen for the response, as JSON"),
    sa.Column("own_level", sa.String, nullable=False),
    sa.Column("ordered_level", sa.String),
    sa.Column("effective_level", sa.String, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("approved_by", sa.String, nullable=False),
    sa.Column("effective_at", UtcDateTime, nullable=False),
    sa.Column("ended_at", UtcDateTime),
    sa.Column("traceparent", sa.String, nullable=False),
    sa.Column("correlation_id", sa.String, nullable=False),
)
sa.Index(
    "one_active_response",
    response.c.hazard,
    response.c.area_code,
    unique=True,
    sqlite_where=response.c.state == "ACTIVE",
    postgresql_where=response.c.state == "ACTIVE",
)

task = sa.Table(
    "task",
    metadata,
    sa.Column("task_id", sa.String, primary_key=True),
    sa.Column("response_id", sa.ForeignKey("response.response_id"), nullable=False, index=True),
    sa.Column("template_id", sa.String, nullable=False),
    sa.Column("level", sa.String, nullable=False, doc="the level that brings the task, not the one in force"),
    sa.Column("title", sa.String, nullable=False),
    sa.Column("area_code", sa.String, nullable=False),
    sa.Column("post", sa.String, nullable=False),
    sa.Column("assignee", sa.String),
    sa.Column("gap", sa.Boolean, nullable=False, doc="nobody was on duty for the post itself"),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("state", sa.String, nullable=False, index=True),
    sa.Column("assigned_at", UtcDateTime, nullable=False),
    sa.Column("ack_due_at", UtcDateTime, nullable=False),
    sa.Column("done_due_at", UtcDateTime, nullable=False),
    sa.Column("acked_by", sa.String),
    sa.Column("acked_at", UtcDateTime),
    sa.Column("closed_at", UtcDateTime, doc="completed or cancelled"),
    sa.Column("result", sa.String),
    sa.Column("traceparent", sa.String, nullable=False),
    sa.Column("correlation_id", sa.String, nullable=False),
)
sa.Index(
    "one_open_task",
    task.c.response_id,
    task.c.template_id,
    task.c.area_code,
    unique=True,
    sqlite_where=task.c.state.in_(["ASSIGNED", "ACKNOWLEDGED"]),
    postgresql_where=task.c.state.in_(["ASSIGNED", "ACKNOWLEDGED"]),
)

notice = sa.Table(
    "notice",
    metadata,
    sa.Column("notice_id", sa.String, primary_key=True),
    sa.Column("task_id", sa.ForeignKey("task.task_id"), nullable=False, unique=True),
    sa.Column("area_code", sa.String, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("step", sa.Integer, nullable=False, doc="the last step that went out, from 1"),
    sa.Column("step_due_at", UtcDateTime, nullable=False),
    sa.Column("step_limit_s", sa.Integer, nullable=False),
    sa.Column("calls", sa.JSON, nullable=False, doc="the steps with their persons, as when the task was assigned"),
    sa.Column("text", sa.String, nullable=False),
)
