"""SQLite: the embedded database, in WAL mode with synchronous=FULL, for one worker.

Never weaker: after a power loss, outbox ids that were already published would be given again and the relay would skip
the events that carry them.
"""

import fcntl
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import sqlalchemy as sa

from liandong.errors import ConfigError
from liandong.workflow.sql import Database

_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000", "foreign_keys=ON", "wal_autocheckpoint=4000")


class SqliteDatabase(Database):
    """A file for one worker, or (path None) a database in memory for tests.

    worker: take the lock that only one process can hold; a tool that works beside the service does without.
    """

    shared = False

    def __init__(self, path: Path | None, *, wait_s: float = 10.0, worker: bool = True) -> None:
        self.name = str(path) if path else "the database in memory"
        self._path = path
        self._lock: IO[bytes] | None = None
        if path is None:
            self.writer = self.reader = self._engine("BEGIN")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = _only_worker(path, wait_s) if worker else None
            self.writer, self.reader = self._engine("BEGIN IMMEDIATE"), self._engine("BEGIN")

    def _engine(self, begin: str) -> sa.Engine:
        arguments: dict[str, Any] = {"check_same_thread": False}
        if self._path is None:
            engine = sa.create_engine(
                "sqlite://", poolclass=sa.StaticPool, connect_args=arguments, hide_parameters=True
            )
        else:
            arguments["timeout"] = 10
            engine = sa.create_engine(f"sqlite:///{self._path}", connect_args=arguments, hide_parameters=True)

        @sa.event.listens_for(engine, "connect")
        def on_connect(connection: sqlite3.Connection, _record: object) -> None:
            connection.isolation_level = None  # SQLAlchemy begins and commits; the driver must not
            for pragma in _PRAGMAS:
                connection.execute(f"PRAGMA {pragma}")

        @sa.event.listens_for(engine, "begin")
        def on_begin(connection: sa.Connection) -> None:
            connection.exec_driver_sql(begin)

        return engine

    def top_of_outbox(self) -> int:
        """Return the highest outbox id ever given."""
        query = "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'liandong_outbox'), 0)"
        with self.reader.connect() as connection:
            return int(connection.exec_driver_sql(query).scalar_one())

    def raise_outbox(self, connection: sa.Connection, top: int) -> None:
        """Let the next outbox id be larger than `top`."""
        connection.exec_driver_sql("DELETE FROM sqlite_sequence WHERE name = 'liandong_outbox'")
        connection.exec_driver_sql("INSERT INTO sqlite_sequence (name, seq) VALUES ('liandong_outbox', ?)", (top,))

    @contextmanager
    def lead(self, halted: Callable[[], bool]) -> Iterator[sa.Connection | None]:
        """Yield at once: the worker's lock has decided."""
        with self.reader.connect() as connection:
            yield connection

    def announce(self, connection: sa.Connection) -> None:
        """Do nothing: nobody else publishes."""

    def listen(self, heard: Callable[[], None], halted: Callable[[], bool]) -> None:
        """Return: nobody else announces."""

    def reset(self) -> None:
        """Drop the pooled writer connection, unless it is the database."""
        if self._path is not None:
            super().reset()

    def close(self) -> None:
        """Close every connection and give the lock back."""
        super().close()
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
                f"another process works on {path} and SQLite serves one: stop it, set another LIANDONG_DATA_DIR, or "
                "run replicas on PostgreSQL (LIANDONG_DATABASE_URL)"
            ) from None
        return handle
