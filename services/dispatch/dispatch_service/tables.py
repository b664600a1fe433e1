"""The service's SQL tables. Columns only: rules are in `domain`, statements in `handlers` and `queries`."""

import sqlalchemy as sa
from liandong.workflow import SealedText, UtcDateTime

metadata = sa.MetaData()

report = sa.Table(
    "report",
    metadata,
    sa.Column("report_id", sa.String, primary_key=True),
    sa.Column("channel", sa.String, nullable=False),
    sa.Column("external_no", sa.String),
    sa.Column("property", sa.String, nullable=False),
    sa.Column("text", SealedText, nullable=False),
    sa.Column("address_text", SealedText, nullable=False),
    sa.Column("reporter_name", SealedText),
    sa.Column("reporter_phone", SealedText),
    sa.Column("lon", sa.Float),
    sa.Column("lat", sa.Float),
    sa.Column("datum", sa.String),
    sa.Column("class_code", sa.String, nullable=False),
    sa.Column("urgency", sa.String, nullable=False),
    sa.Column("occurred_at", UtcDateTime, nullable=False),
    sa.Column("received_at", UtcDateTime, nullable=False),
    sa.Column("case_id", sa.ForeignKey("case.case_id"), index=True),
    sa.UniqueConstraint("channel", "external_no"),
)

case = sa.Table(
    "case",
    metadata,
    sa.Column("case_id", sa.String, primary_key=True),
    sa.Column("state", sa.String, nullable=False, index=True),
    sa.Column("summary", sa.String, nullable=False),
    sa.Column("class_code", sa.String, nullable=False),
    sa.Column("property", sa.String, nullable=False),
    sa.Column("area_code", sa.String, nullable=False),
    sa.Column("spot_id", sa.String, index=True),
    sa.Column("urgency", sa.String, nullable=False),
    sa.Column("lon", sa.Float),
    sa.Column("lat", sa.Float),
    sa.Column("datum", sa.String),
    sa.Column("reports_total", sa.Integer, nullable=False),
    sa.Column("handler_person", sa.String),
    sa.Column("begun_at", UtcDateTime, nullable=False, doc="when the first report or the spot came: clocks start here"),
    sa.Column("opened_at", UtcDateTime),
    sa.Column("closed_at", UtcDateTime),
    sa.Column("outcome", sa.String, doc="while OPENING: to be closed with this as soon as it is open"),
)
sa.Index(
    "one_live_case_per_spot",
    case.c.spot_id,
    unique=True,
    sqlite_where=case.c.state.in_(["OPENING", "OPEN"]),
    postgresql_where=case.c.state.in_(["OPENING", "OPEN"]),
)

clock = sa.Table(
    "case_clock",
    metadata,
    sa.Column("case_id", sa.ForeignKey("case.case_id"), primary_key=True),
    sa.Column("clock", sa.String, primary_key=True),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("start_at", UtcDateTime, nullable=False),
    sa.Column("due_at", UtcDateTime, nullable=False),
)

spot = sa.Table(
    "spot",
    metadata,
    sa.Column("spot_id", sa.String, primary_key=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("area_code", sa.String, nullable=False),
    sa.Column("lon", sa.Float),
    sa.Column("lat", sa.Float),
    sa.Column("datum", sa.String),
    sa.Column("level", sa.String, nullable=False, doc="as last told by flood; NONE while dry"),
)
