"""First tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "case",
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("summary", sa.String(), nullable=False),
        sa.Column("class_code", sa.String(), nullable=False),
        sa.Column("property", sa.String(), nullable=False),
        sa.Column("area_code", sa.String(), nullable=False),
        sa.Column("spot_id", sa.String(), nullable=True),
        sa.Column("urgency", sa.String(), nullable=False),
        sa.Column("lon", sa.Float(), nullable=True),
        sa.Column("lat", sa.Float(), nullable=True),
        sa.Column("datum", sa.String(), nullable=True),
        sa.Column("reports_total", sa.Integer(), nullable=False),
        sa.Column("handler_person", sa.String(), nullable=True),
        sa.Column("begun_at", sa.DateTime(), nullable=False),
        sa.Column("opened_at", sa.DateTime(), nullable=True),
        sa.Column("closed_at", sa.DateTime(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("case_id"),
    )
    op.create_index(op.f("ix_case_spot_id"), "case", ["spot_id"], unique=False)
    op.create_index(op.f("ix_case_state"), "case", ["state"], unique=False)
    op.create_index(
        "one_live_case_per_spot",
        "case",
        ["spot_id"],
        unique=True,
        sqlite_where=sa.text("state IN ('OPENING', 'OPEN')"),
        postgresql_where=sa.text("state IN ('OPENING', 'OPEN')"),
    )
    op.create_table(
        "spot",
        sa.Column("spot_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("area_code", sa.String(), nullable=False),
        sa.Column("lon", sa.Float(), nullable=True),
        sa.Column("lat", sa.Float(), nullable=True),
        sa.Column("datum", sa.String(), nullable=True),
        sa.Column("level", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("spot_id"),
    )
    op.create_table(
        "case_clock",
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("clock", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("start_at", sa.DateTime(), nullable=False),
        sa.Column("due_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["case.case_id"],
        ),
        sa.PrimaryKeyConstraint("case_id", "clock"),
    )
    op.create_table(
        "report",
        sa.Column("report_id", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("external_no", sa.String(), nullable=True),
        sa.Column("property", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("address_text", sa.String(), nullable=False),
        sa.Column("reporter_name", sa.String(), nullable=True),
        sa.Column("reporter_phone", sa.String(), nullable=True),
        sa.Column("lon", sa.Float(), nullable=True),
        sa.Column("lat", sa.Float(), nullable=True),
        sa.Column("datum", sa.String(), nullable=True),
        sa.Column("class_code", sa.String(), nullable=False),
        sa.Column("urgency", sa.String(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(), nullable=False),
        sa.Column("received_at", sa.DateTime(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["case.case_id"],
        ),
        sa.PrimaryKeyConstraint("report_id"),
        sa.UniqueConstraint("channel", "external_no"),
    )
    op.create_index(op.f("ix_report_case_id"), "report", ["case_id"], unique=False)
