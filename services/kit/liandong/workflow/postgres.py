"""PostgreSQL: the deployed database, for several workers of one service.

Every writing transaction begins with an advisory lock, so that workers take turns as on SQLite: a handler needs no row
locks, two replicas cannot give one sequence twice, and outbox ids become visible in order. What replicas add is
availability and decoding power, not parallel handlers. A worker that stops in the middle (a zombie) is disconnected by
the server, which gives its lock back.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
import sqlalchemy as sa

from liandong.workflow.sql import Database

_LOOK_S = 0.5
_CHANNEL = "liandong_outbox"
_OPTIONS = " ".join(
    f"-c {setting}"
    for setting in (
        "synchronous_commit=on",  # weaker: published outbox ids would be given again after a power loss
        "idle_in_transaction_session_timeout=5000",
        "lock_timeout=15000",
        "timezone=UTC",
    )
)
_LOCK = "(hashtext('liandong.{}'), hashtext(current_schema()))"
_TAKE_TURN = "SELECT pg_advisory_xact_lock" + _LOCK.format("writer")
_TRY_LEAD = "SELECT pg_try_advisory_lock" + _LOCK.format("relay")


class PostgresDatabase(Database):
    """One database, or one schema of it (`?options=-csearch_path=NAME`), for one service."""

    shared = True

    def __init__(self, url: str) -> None:
        parsed = sa.make_url(url).set(drivername="postgresql+psycopg")
        self.name = parsed.render_as_string(hide_password=True)
        self._leading = False
        options = f"{parsed.query.get('options', '')} {_OPTIONS}".strip()
        parsed = parsed.set(query={k: v for k, v in parsed.query.items() if k != "options"})
        arguments = {"options": options, "connect_timeout": 10, "application_name": "liandong"}
        common: dict[str, Any] = {"connect_args": arguments, "hide_parameters": True}
        self.writer = sa.create_engine(parsed, pool_size=1, max_overflow=1, **common)
        self.reader = sa.create_engine(parsed, pool_size=4, max_overflow=4, **common)
        sa.event.listen(self.writer, "begin", _take_turn)

    def top_of_outbox(self) -> int:
        """Return the highest outbox id ever given."""
        query = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM liandong_outbox_id_seq"
        with self.reader.connect() as connection:
            return int(connection.exec_driver_sql(query).scalar_one())

    def raise_outbox(self, connection: sa.Connection, top: int) -> None:
        """Let the next outbox id be larger than `top`."""
        connection.exec_driver_sql("SELECT setval('liandong_outbox_id_seq', %s)", (top,))

    @contextmanager
    def lead(self, halted: Callable[[], bool]) -> Iterator[sa.Connection | None]:
        """Wait for the lock of the publishing replica; the server gives it back when this session ends."""
        with self.reader.connect() as connection:
            if not _lead_when_free(connection, halted):
                yield None
                return
            self._leading = True
            try:
                yield connection
            finally:
                self._leading = False
                connection.invalidate()  # ends the session and with it the lock

    def announce(self, connection: sa.Connection) -> None:
        """Notify, unless this process publishes itself and is told without the database."""
        if not self._leading:
            connection.exec_driver_sql(f"NOTIFY {_CHANNEL}")

    def listen(self, heard: Callable[[], None], halted: Callable[[], bool]) -> None:
        """Call `heard` for each announcement; a lost connection is made again."""
        while not halted():
            try:
                with self._own_session() as session:
                    session.execute(f"LISTEN {_CHANNEL}")
                    while not halted():
                        for _ in session.notifies(timeout=_LOOK_S, stop_after=1):
                            heard()
            except (sa.exc.DBAPIError, psycopg.Error):
                time.sleep(_LOOK_S)  # the relay looks by itself as often as this

    @contextmanager
    def _own_session(self) -> Iterator[psycopg.Connection]:
        """Yield a connection of the driver, apart from the pool, that commits every statement."""
        pooled = self.reader.raw_connection()
        session = pooled.driver_connection
        assert isinstance(session, psycopg.Connection)
        pooled.detach()
        with closing(session):
            session.autocommit = True
            yield session


def _take_turn(connection: sa.Connection) -> None:
    connection.exec_driver_sql(_TAKE_TURN)


def _lead_when_free(connection: sa.Connection, halted: Callable[[], bool]) -> bool:
    while not halted():
        with connection.begin():
            if connection.exec_driver_sql(_TRY_LEAD).scalar_one():
                return True
        time.sleep(_LOOK_S)
    return False
