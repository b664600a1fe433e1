"""What both databases have in common: statements, which errors are the database's own, and the interface `Database`.

Differences live in `sqlite` and `postgres`, nowhere else. Both allow one writing transaction of a service at a time, so
a handler reads what it changes without locks of its own, and outbox ids become visible in their order.
"""

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

# Primary result codes of SQLite that a statement or its values cause; all others mean that the database is in trouble.
_STATEMENT_FAULTS = {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH,
                     sqlite3.SQLITE_MISUSE, sqlite3.SQLITE_RANGE}  # fmt: skip
# The same for PostgreSQL: feature, cardinality, data, constraint, failed transaction, syntax or access, limit.
_STATEMENT_CLASSES = ("0A", "21", "22", "23", "25P02", "42", "54")
_CALLER_FAULTS = (sa.exc.ProgrammingError, sa.exc.DataError, sa.exc.IntegrityError, sa.exc.NotSupportedError)


def is_database_trouble(error: BaseException) -> bool:
    """Say whether the database failed (back off, retry) rather than the statement (a bug of the handler)."""
    if not isinstance(error, DBAPIError):
        return False
    if isinstance(error.orig, sqlite3.Error):
        code = getattr(error.orig, "sqlite_errorcode", None)
        return code is not None and (code & 0xFF) not in _STATEMENT_FAULTS
    state = getattr(error.orig, "sqlstate", None)
    if state is None:  # raised by the driver: a lost connection, or values that it cannot send
        return not isinstance(error, _CALLER_FAULTS)
    return not str(state).startswith(_STATEMENT_CLASSES)


@cache
def upsert(dialect: str, table: sa.Table, keys: tuple[str, ...], columns: tuple[str, ...]) -> sa.Insert:
    """Return an insert, to be run with rows of `columns`, that replaces them when the `keys` exist already."""
    insert = sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
    others = {name: insert.excluded[name] for name in columns if name not in keys}
    if not others:
        return insert.on_conflict_do_nothing(index_elements=keys)
    return insert.on_conflict_do_update(index_elements=keys, set_=others)


class Database(ABC):
    """The database of one service process. `name` is what error messages call it.

    shared: other workers may write it at the same time (another replica); then nothing read earlier is certain.
    """

    name: str
    shared: bool
    writer: sa.Engine
    reader: sa.Engine

    @abstractmethod
    def top_of_outbox(self) -> int:
        """Return the highest outbox id ever given."""

    @abstractmethod
    def raise_outbox(self, connection: sa.Connection, top: int) -> None:
        """Let the next outbox id be larger than `top`."""

    @abstractmethod
    def lead(self, halted: Callable[[], bool]) -> AbstractContextManager[sa.Connection | None]:
        """Wait until this process may publish; yields a connection for reading, or None once `halted`."""

    @abstractmethod
    def announce(self, connection: sa.Connection) -> None:
        """Tell the replica that publishes that this transaction leaves something for it."""

    @abstractmethod
    def listen(self, heard: Callable[[], None], halted: Callable[[], bool]) -> None:
        """Call `heard` for each announcement of another replica, until `halted`; return at once where none can be."""

    def read(self, query: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
        """Run a query on the reader engine; it sees what is committed."""
        with self.reader.connect() as connection:
            return connection.execute(query).all()

    def reset(self) -> None:
        """Drop the pooled writer connection after trouble; the next transaction opens a new one."""
        self.writer.dispose()

    def close(self) -> None:
        """Close every connection."""
        self.writer.dispose()
        self.reader.dispose()
