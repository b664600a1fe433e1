"""The state of the page, whole or since a change: one query per table, always from committed rows."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from ioc_service.domain import labels
from ioc_service.domain.names import Names
from ioc_service.tables import (
    alarm,
    case,
    change,
    device,
    feed,
    notice,
    proposal,
    rain,
    refused_device,
    rejection,
    report,
    response,
    source,
    spot,
    task,
    warning,
)
from ioc_service.view import rows as show

FEED_SHOWN = 120
ENDED_TASKS_SHOWN = 20
FURTHEST = 5_000
"""A page that is more changes behind than this gets the whole state: cheaper for both sides."""

Read = Callable[[sa.Select[Any]], Sequence[sa.Row[Any]]]
Tables = dict[str, list[show.Shown]]


class Position(msgspec.Struct, frozen=True):
    """Where a page stands: the number of the last change it has seen, in which life of the projection."""

    epoch: str
    rev: int

    def __str__(self) -> str:
        return f"{self.epoch}-{self.rev}"

    @classmethod
    def parse(cls, text: str) -> "Position | None":
        """Return the position in a Last-Event-ID, or None when it is not one."""
        epoch, _, rev = text.rpartition("-")
        return cls(epoch, int(rev)) if epoch and rev.isascii() and rev.isdigit() and len(rev) < 19 else None


class Snapshot(msgspec.Struct, frozen=True):
    """Rows by table, up to `position`; `whole` says that they replace what a page has."""

    position: Position
    tables: Tables
    whole: bool


class State:
    """Reads the projections for pages. Safe from any thread if `read` is."""

    def __init__(self, read: Read, names: Names) -> None:
        self._read = read
        self.names = names

    def position(self) -> Position:
        """Return the number of the last committed change."""
        found = self._read(sa.select(change.c.epoch, change.c.rev))
        return Position(found[0].epoch, found[0].rev) if found else Position("empty", 0)

    def since(self, seen: Position | None, now: datetime) -> Snapshot:
        """Return what changed after `seen`, or everything when that position is unknown, ahead or far behind."""
        here = self.position()
        whole = seen is None or seen.epoch != here.epoch or not 0 <= here.rev - seen.rev <= FURTHEST
        after = 0 if whole or seen is None else seen.rev
        tables = {
            "sources": self._rows(source, after, show.source),
            "alarms": self._rows(alarm, after, show.alarm, alarm.c.cleared_at.is_(None)),
            "offline": self._rows(device, after, show.device, device.c.online.is_(False)),
            "spots": self._rows(spot, after, show.spot, spot.c.cleared_at.is_(None)),
            "warnings": self._rows(
                warning, after, show.warning, warning.c.cancelled.is_(False) & (warning.c.expires > now)
            ),
            "responses": self._rows(response, after, show.response, response.c.ended_at.is_(None)),
            "proposals": self._proposals(after),
            "tasks": self._tasks(after),
            "cases": self._cases(after),
            "rain": self._rain(after),
            "feed": self._feed(after),
            **self._figures(after),
        }
        return Snapshot(here, {name: rows for name, rows in tables.items() if rows}, whole)

    def _rows(
        self,
        table: sa.Table,
        after: int,
        shown: Callable[[sa.Row[Any], Names], show.Shown],
        still_open: sa.ColumnElement[bool] | None = None,
    ) -> list[show.Shown]:
        """Changed rows; the whole state leaves out what has ended, a delta has to say that it ended."""
        query = sa.select(table).where(table.c.rev > after).order_by(table.c.rev)
        if not after and still_open is not None:
            query = query.where(still_open)
        return [shown(row, self.names) for row in self._read(query)]

    def _proposals(self, after: int) -> list[show.Shown]:
        own = response.c.own_level.label("own_now")
        joined = proposal.outerjoin(
            response, (response.c.response_key == proposal.c.proposal_key) & response.c.ended_at.is_(None)
        )
        query = sa.select(proposal, own).select_from(joined).where(proposal.c.rev > after)
        if not after:
            query = query.where(proposal.c.decided.is_(False))
        return [show.proposal(row, self.names, row.own_now) for row in self._read(query)]

    def _tasks(self, after: int) -> list[show.Shown]:
        called = sa.select(notice.c.task_id).where(notice.c.rev > after)
        ended = (
            sa.select(task.c.task_id)
            .where(task.c.ended_at.is_not(None))
            .order_by(task.c.rev.desc())
            .limit(ENDED_TASKS_SHOWN)
        )
        wanted = task.c.ended_at.is_(None) | task.c.task_id.in_(ended)
        if after:
            wanted = (task.c.rev > after) | task.c.task_id.in_(called)
        found = self._read(sa.select(task).where(wanted))
        ids = [row.task_id for row in found]
        chains = {
            row.task_id: row
            for row in self._read(sa.select(notice).where(notice.c.task_id.in_(ids)).order_by(notice.c.rev))
        }
        return [show.task(row, self.names, chains.get(row.task_id)) for row in found]

    def _cases(self, after: int) -> list[show.Shown]:
        joined = case.outerjoin(spot, spot.c.spot_id == case.c.spot_id)
        query = sa.select(case, spot.c.name.label("spot_name")).select_from(joined).where(case.c.rev > after)
        if not after:
            query = query.where(case.c.closed_at.is_(None))
        return [show.case(row, self.names, row.spot_name) for row in self._read(query)]

    def _rain(self, after: int) -> list[show.Shown]:
        stations = sa.select(rain.c.station_id).where(rain.c.rev > after)
        by_station: dict[str, dict[str, sa.Row[Any]]] = defaultdict(dict)
        for row in self._read(sa.select(rain).where(rain.c.station_id.in_(stations))):
            by_station[row.station_id][row.window] = row
        return [show.station(station, windows, self.names) for station, windows in by_station.items()]

    def _feed(self, after: int) -> list[show.Shown]:
        query = sa.select(feed).where(feed.c.rev > after).order_by(feed.c.rev.desc()).limit(FEED_SHOWN)
        return [show.feed(row, self.names) for row in self._read(query)]

    def _figures(self, after: int) -> Tables:
        """Single rows with a numerator and what it is of; sent whole when any part changed."""
        figures: Tables = {}
        refused = self._read(sa.select(rejection).order_by(rejection.c.total.desc()))
        if any(row.rev > after for row in refused):
            figures["rejected"] = [
                {
                    "key": "rejected",
                    "rev": max(row.rev for row in refused),
                    "total": sum(row.total for row in refused),
                    "devices": self._read(sa.select(sa.func.count()).select_from(refused_device))[0][0],
                    "reasons": "，".join(f"{labels.word(labels.REJECT, row.reason)} {row.total}" for row in refused),
                }
            ]
        received = self._read(sa.select(report))
        if any(row.rev > after for row in received):
            total = sum(row.total for row in received)
            figures["reports"] = [{"key": "reports", "rev": max(row.rev for row in received), "total": total}]
        devices = self.names.device_total()
        if devices is not None:
            figures["registry"] = [{"key": "registry", "rev": 0, "total": devices}]
        return figures
