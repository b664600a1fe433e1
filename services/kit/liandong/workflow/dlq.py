"""The open dead letters of a workflow service, as an operator sees them, and orders about them.

Both are rows of the service's own database, so a replay reaches this service only; the running service looks twice a
second and carries orders out in a transaction of its own.
"""

import time
from datetime import UTC, datetime

import sqlalchemy as sa
from liandong_contracts.kit import HeldHeader, HeldRecord

from liandong.clock import Clock
from liandong.stream.dlq import OpenLetter, named
from liandong.stream.held import place_of
from liandong.workflow import parked, tables
from liandong.workflow.opening import open_database
from liandong.workflow.settings import WorkflowSettings
from liandong.workflow.sql import Database
from liandong.workflow.unit import micros

_t = tables.parked
_OPEN = sa.select(_t).where(_t.c.due_us.is_(None), _t.c.reason != parked.WAITING).order_by(_t.c.id)


class ParkedLetters:
    """The dead letters of one service, in its database."""

    def __init__(self, service: str, database: Database, clock: Clock) -> None:
        self._service = service
        self._database = database
        self._clock = clock

    def open(self) -> list[OpenLetter]:
        """Return what waits for a decision, oldest first."""
        count = sa.select(_t.c.topic, _t.c.key, sa.func.count().label("n")).where(_t.c.reason == parked.WAITING)
        counted = self._database.read(count.group_by(_t.c.topic, _t.c.key))
        behind = {(row.topic, row.key): row.n for row in counted}
        return [
            OpenLetter(_record(row), behind.get((row.topic, row.key), 0) if row.blocks else 0, row.error)
            for row in self._database.read(_OPEN)
        ]

    def find(self, names: list[str]) -> list[OpenLetter]:
        """Return open dead letters by name. Raises ConfigError for one that is not open."""
        return named(self.open(), names, self._service)

    def order(self, letters: list[OpenLetter], *, replay: bool) -> None:
        """Have dead letters handled again, or give them up; what waits behind them follows."""
        now = micros(self._clock.now())
        with self._database.writer.begin() as connection:
            for letter in letters:
                topic, partition, offset = place_of(letter.record)
                at = (_t.c.topic == topic, _t.c.partition == partition, _t.c.offset == offset)
                row = connection.execute(_OPEN.where(*at)).one_or_none()
                if row is None:
                    continue
                if replay:
                    connection.execute(sa.update(_t).where(_t.c.id == row.id).values(due_us=now))
                else:
                    parked.settled(connection, row, now)

    def wait(self, letters: list[OpenLetter], seconds: float) -> list[OpenLetter]:
        """Wait until orders have been carried out; return those of the letters that are open all the same."""
        end = time.monotonic() + seconds
        tried = {letter.name: letter.record.attempts for letter in letters}
        places = [place_of(letter.record) for letter in letters]
        where = sa.tuple_(_t.c.topic, _t.c.partition, _t.c.offset).in_(places)
        while True:
            rows = self._database.read(sa.select(_t).where(where))
            left = [OpenLetter(_record(row), 0, row.error) for row in rows]
            undone = [letter for letter in left if letter.record.attempts == tried[letter.name]]
            if not undone or time.monotonic() > end:
                return left
            time.sleep(0.1)

    def close(self) -> None:
        """Close the database."""
        self._database.close()


def parked_letters(settings: WorkflowSettings, service: str) -> ParkedLetters | None:
    """Open the dead letters of a workflow service; None where there is no database of that name."""
    if not settings.database_url and not (settings.data_dir / f"{service}.sqlite3").exists():
        return None
    return ParkedLetters(service, open_database(settings, service, worker=False), settings.clock())


def _record(row: sa.Row[tuple[object, ...]]) -> HeldRecord:
    delivery = parked.delivery_of(row)
    return HeldRecord(
        topic=delivery.topic,
        partition=delivery.partition,
        offset=delivery.offset,
        timestamp=datetime.fromtimestamp(delivery.timestamp_ms / 1000, UTC),
        key=delivery.key,
        value=delivery.value,
        headers=tuple(HeldHeader(name=name, value=value) for name, value in delivery.headers),
        reason=row.reason,
        parks=row.blocks,
        attempts=row.tries,
    )
