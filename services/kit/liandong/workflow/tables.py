"""The kit's own tables in a service's database. They live in a MetaData of their own, beside the service's tables.

Times are microseconds since the epoch on the world's clock. Whatever changes here needs a revision in `migrations`.
"""

import sqlalchemy as sa

metadata = sa.MetaData()

_big = sa.BigInteger().with_variant(sa.Integer, "sqlite")

inbox = sa.Table(
    "liandong_inbox",
    metadata,
    sa.Column("topic", sa.String, primary_key=True),
    sa.Column("partition", sa.Integer, primary_key=True),
    sa.Column("next", sa.BigInteger, nullable=False),
    sa.Column("mark", sa.String, doc="ids of the cluster and the topic that `next` belongs to"),
)
# AUTOINCREMENT: without it SQLite gives an id again once the table was emptied, and the relay would skip that event.
outbox = sa.Table(
    "liandong_outbox",
    metadata,
    sa.Column("id", _big, primary_key=True, autoincrement=True),
    sa.Column("topic", sa.String, nullable=False),
    sa.Column("key", sa.LargeBinary),
    sa.Column("headers", sa.LargeBinary, nullable=False),
    sa.Column("value", sa.LargeBinary),
    sqlite_autoincrement=True,
)
timer = sa.Table(
    "liandong_timer",
    metadata,
    sa.Column("kind", sa.String, primary_key=True),
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("due_us", sa.BigInteger, nullable=False, index=True),
    sa.Column("data", sa.JSON, nullable=False),
    sa.Column("cause", sa.LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
sequence = sa.Table(
    "liandong_sequence",
    metadata,
    sa.Column("topic", sa.String, primary_key=True),
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("last", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
fence = sa.Table(
    "liandong_fence",
    metadata,
    sa.Column("topic", sa.String, primary_key=True),
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("last", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
seen = sa.Table(
    "liandong_seen",
    metadata,
    sa.Column("event_id", sa.String, primary_key=True),
    sa.Column("at_us", sa.BigInteger, nullable=False, index=True),
    sqlite_with_rowid=False,
)
command = sa.Table(
    "liandong_command",
    metadata,
    sa.Column("request_id", sa.String, primary_key=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("reply", sa.LargeBinary, nullable=False),
    sa.Column("at_us", sa.BigInteger, nullable=False, index=True),
)
call = sa.Table(
    "liandong_call",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("method", sa.String, nullable=False),
    sa.Column("request", sa.LargeBinary, nullable=False),
    sa.Column("reply_type", sa.String, nullable=False),
    sa.Column("then", sa.String, nullable=False),
    sa.Column("due_us", sa.BigInteger, nullable=False),
    sa.Column("data", sa.JSON, nullable=False),
    sa.Column("cause", sa.LargeBinary, nullable=False),
)
# Events that wait: one that came too early, a dead letter that holds its key up, and what came behind either.
parked = sa.Table(
    "liandong_parked",
    metadata,
    sa.Column("id", _big, primary_key=True, autoincrement=True),
    sa.Column("topic", sa.String, nullable=False),
    sa.Column("key", sa.String, nullable=False),
    sa.Column("partition", sa.Integer, nullable=False),
    sa.Column("offset", sa.BigInteger, nullable=False),
    sa.Column("timestamp_ms", sa.BigInteger, nullable=False),
    sa.Column("event_id", sa.String, doc="none: not even the envelope could be read"),
    sa.Column("raw_key", sa.LargeBinary),
    sa.Column("headers", sa.LargeBinary, nullable=False),
    sa.Column("value", sa.LargeBinary),
    sa.Column("reason", sa.String, nullable=False),
    sa.Column("blocks", sa.Boolean, nullable=False, doc="later events of the key wait behind it"),
    sa.Column("error", sa.String, nullable=False),
    sa.Column("since_us", sa.BigInteger, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("due_us", sa.BigInteger, index=True, doc="next try; none: waits for a decision or behind another"),
    sa.Index("ix_liandong_parked_key", "topic", "key", "id"),
    sqlite_autoincrement=True,
)
# Filled by `liandong recover` only: what this database has forgotten but Kafka holds.
published = sa.Table(
    "liandong_published",
    metadata,
    sa.Column("event_id", sa.String, primary_key=True),
    sqlite_with_rowid=False,
)
