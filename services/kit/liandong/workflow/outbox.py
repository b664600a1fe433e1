"""Reading and cleaning the outbox. Rows are written by `Unit.flush`; their ids become visible in order.

On SQLite the order follows from BEGIN IMMEDIATE: one writing transaction at a time.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from liandong.event import Headers
from liandong.workflow import tables
from liandong.workflow.sql import Database

_t = tables.outbox
_AFTER = sa.select(_t).where(_t.c.id > sa.bindparam("mark")).order_by(_t.c.id).limit(sa.bindparam("most"))
_headers = msgspec.msgpack.Decoder(list[tuple[str, bytes]]).decode


def rows_after(connection: sa.Connection, mark: int, most: int) -> Sequence[sa.Row[Any]]:
    """Return the next rows in the order of their ids."""
    return connection.execute(_AFTER, {"mark": mark, "most": most}).all()


def headers(row: sa.Row[Any]) -> Headers:
    """Return the Kafka headers of a row."""
    return _headers(row.headers)


def clean(database: Database, mark: int, *, remembered_since_us: int) -> None:
    """Remove published rows, and ids of commands and events older than the memory asked for; in the writer thread."""
    with database.writer.begin() as connection:
        connection.execute(sa.delete(_t).where(_t.c.id <= mark))
        for table in (tables.command, tables.seen):
            connection.execute(sa.delete(table).where(table.c.at_us < remembered_since_us))
