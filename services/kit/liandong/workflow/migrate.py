"""Brings a database to the tables that this program knows: the kit's own and the service's, by numbered revisions.

Runs on start, in one transaction under the writer's lock, so replicas that start together take turns. A database that a
newer program has migrated is refused.
"""

import logging
from pathlib import Path

import sqlalchemy as sa
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from alembic.util import CommandError

from liandong.errors import ConfigError
from liandong.workflow import tables
from liandong.workflow.sql import Database

log = logging.getLogger(__name__)
logging.getLogger("alembic").setLevel(logging.WARNING)

KIT = Path(__file__).parent / "migrations"
FIRST = "0001"


def create(database: Database, metadata: sa.MetaData) -> None:
    """Create all tables as they are declared now; for databases that live no longer than a test."""
    with database.writer.begin() as connection:
        tables.metadata.create_all(connection)
        metadata.create_all(connection)


def migrate(database: Database, metadata: sa.MetaData, folder: Path | None) -> None:
    """Run the revisions that are missing. `folder` holds the service's `versions`; without it tables are only created.

    Raises ConfigError when a newer program has been here.
    """
    with database.writer.begin() as connection:
        _Revisions(database.name, "kit", KIT).run(connection, tables.metadata)
        if folder is None:
            metadata.create_all(connection)
        else:
            _Revisions(database.name, "service", folder).run(connection, metadata)


class _Revisions:
    """The revisions of one owner; the database notes in a table of its own how far it is."""

    def __init__(self, database: str, owner: str, folder: Path) -> None:
        self._database = database
        self._owner = owner
        self._scripts = ScriptDirectory(str(folder))
        self._table = f"liandong_{owner}_revision"

    def run(self, connection: sa.Connection, metadata: sa.MetaData) -> None:
        there = set(sa.inspect(connection).get_table_names())
        context = MigrationContext.configure(
            connection, opts={"version_table": self._table, "fn": lambda revision, _: self._steps(revision)}
        )
        if self._table not in there and there & metadata.tables.keys():  # made before there were revisions
            context.stamp(self._scripts, FIRST)
        with Operations.context(context):
            context.run_migrations()
        log.debug("%s: tables of %s at revision %s", self._database, self._owner, context.get_current_revision())

    def _steps(self, revision: str | tuple[str, ...]) -> list[object]:
        try:
            return list(self._scripts._upgrade_revs("head", revision))  # type: ignore[arg-type]
        except (CommandError, RevisionError) as error:
            whose = "the kit's tables" if self._owner == "kit" else "the service's tables"
            at = revision if isinstance(revision, str) else ", ".join(revision)
            raise ConfigError(
                f"{self._database}: {whose} are at revision {at}, this program knows them up to "
                f"{self._scripts.get_current_head()}: run the newer program"
            ) from error
