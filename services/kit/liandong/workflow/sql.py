"""The service's database: one writer engine, one reader engine, and every SQL dialect difference.

SQLite in WAL mode with synchronous=FULL. Never weaker: after a power loss, outbox ids that were already published
would be given again and the relay would skip the events that carry them.
"""

import fcntl
import sqlite3
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import IO, Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError

from liandong.errors import ConfigError
from liandong.workflow import tables

_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000", "foreign_keys=ON", "wal_autocheckpoint=4000")
# Primary result codes that a statement or its values cause; all others mean that the database itself is in trouble.
_STATEMENT_FAULTS = {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH,
                     sqlite3.SQLITE_MISUSE, sqlite3.SQLITE_RANGE}  # fmt: skip


def is_database_trouble(error: BaseException) -> bool:
    """Say whether the database failed (back off, retry) rather than the statement (a bug of the handler)."""
    if not isinstance(error, DBAPIError):
        return False
    code = getattr(error.orig, "sqlite_errorcode", None)
    return code is not None and (code & 0xFF) not in _STATEMENT_FAULTS


@cache
def upsert(table: sa.Table, keys: tuple[str, ...], columns: tuple[str, ...]) -> sa.Insert:
    """Return an insert, to be run with rows of `columns`, that replaces them when the `keys` exist already."""
    insert = sqlite.insert(table)
    others = {name: insert.excluded[name] for name in columns if name not in keys}
    if not others:
        return insert.on_conflict_do_nothing(index_elements=keys)
    return insert.on_conflict_do_update(index_elements=keys, set_=others)


class Database:
    """The database of one service process; `path` None keeps it in memory (tests)."""

    def __init__(self, path: Path | None, *, wait_s: float = 10.0) -> None:
        self.path = path
        self._lock: IO[bytes] | None = None
        if path is None:
            self.writer = self.reader = self._engine("BEGIN")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = _only_worker(path, wait_s)
            self.writer, self.reader = self._engine("BEGIN IMMEDIATE"), self._engine("BEGIN")

    def _engine(self, begin: str) -> sa.Engine:
        if self.path is None:
            arguments: dict[str, Any] = {"check_same_thread": False}
            engine = sa.create_engine(
                "sqlite://", poolclass=sa.StaticPool, connect_args=arguments, hide_parameters=True
            )
        else:
            arguments = {"check_same_thread": False, "timeout": 10}
            engine = sa.create_engine(f"sqlite:///{self.path}", connect_args=arguments, hide_parameters=True)

        @sa.event.listens_for(engine, "connect")
        def on_connect(connection: sqlite3.Connection, _record: object) -> None:
            connection.isolation_level = None  # SQLAlchemy begins and commits; the driver must not
            for pragma in _PRAGMAS:
                connection.execute(f"PRAGMA {pragma}")

        @sa.event.listens_for(engine, "begin")
        def on_begin(connection: sa.Connection) -> None:
            connection.exec_driver_sql(begin)

        return engine

    def create(self, metadata: sa.MetaData, version: int) -> None:
        """Create what is missing, under the writer's lock.

        Raises ConfigError when the database was written by another version of the code.
        """
        with self.writer.begin() as connection:
            tables.metadata.create_all(connection)
            metadata.create_all(connection)
            for name, ours in (("kit", tables.VERSION), ("service", version)):
                where = tables.meta.c.name == name
                theirs = connection.scalar(sa.select(tables.meta.c.value).where(where))
                if theirs is None:
                    connection.execute(tables.meta.insert().values(name=name, value=str(ours)))
                elif int(theirs) != ours:
                    raise ConfigError(_other_version(self.path, name, int(theirs), ours))

    def top_of_outbox(self) -> int:
        """Return the highest outbox id ever given."""
        query = "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'liandong_outbox'), 0)"
        with self.reader.connect() as connection:
            return int(connection.exec_driver_sql(query).scalar_one())

    def read(self, query: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
        """Run a query on the reader engine; it sees what is committed."""
        with self.reader.connect() as connection:
            return connection.execute(query).all()

    def reset(self) -> None:
        """Drop the pooled writer connection after trouble; the next transaction opens a new one."""
        if self.path is not None:
            self.writer.dispose()

    def close(self) -> None:
        """Close every connection and give the lock back."""
        self.writer.dispose()
        self.reader.dispose()
        if self._lock is not None:
            self._lock.close()


def _only_worker(path: Path, wait_s: float) -> IO[bytes]:
    """Take the file lock that makes this process the only worker; it dies with the process."""
    handle = path.with_suffix(".lock").open("ab")
    until = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() < until:
                time.sleep(0.1)
                continue
            handle.close()
            raise ConfigError(
                f"another process works on {path} and SQLite serves one: stop it, or set another LIANDONG_DATA_DIR"
            ) from None
        return handle


def _other_version(path: Path | None, name: str, theirs: int, ours: int) -> str:
    whose = "the kit's tables" if name == "kit" else "the service's tables"
    advice = "run the newer program" if theirs > ours else "migrate it, or move the file away to start empty"
    return f"{path}: {whose} have version {theirs}, this program needs {ours}: {advice}"
