"""Migrations: they lead to the declared tables, from nothing and from older databases, and refuse newer ones."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dispatch_service.app
import emergency_service.app
import ioc_service.service
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from liandong.errors import ConfigError
from liandong.workflow import WorkflowService, tables
from liandong.workflow.draft import draft
from liandong.workflow.migrate import migrate
from liandong.workflow.postgres import PostgresDatabase
from liandong.workflow.sql import Database
from liandong.workflow.sqlite import SqliteDatabase

SERVICES: dict[str, Callable[[], WorkflowService]] = {
    "emergency": emergency_service.app.build,
    "dispatch": dispatch_service.app.build,
    "ioc": lambda: ioc_service.service.console,
}


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        found: Database = SqliteDatabase(tmp_path / "x.sqlite3")
    else:
        found = PostgresDatabase(request.getfixturevalue("postgres").database())
    yield found
    found.close()


def differences(database: Database, *declared: sa.MetaData) -> list[Any]:
    """Return what the database lacks or has too much, revision tables apart."""
    names = {name for metadata in declared for name in metadata.tables}
    include = {"include_name": lambda name, kind, _: kind != "table" or name in names}
    with database.reader.connect() as connection:
        context = MigrationContext.configure(connection, opts={**include, "compare_type": True})
        return list(compare_metadata(context, list(declared)))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", SERVICES)
def test_revisions_lead_to_the_declared_tables(name: str, database: Database) -> None:
    service: WorkflowService = SERVICES[name]()
    for _ in range(2):  # the second start finds nothing to do
        migrate(database, service.tables, service.migrations)
    assert differences(database, tables.metadata, service.tables) == []


def test_database_from_before_the_revisions_is_taken_over(database: Database) -> None:
    service = emergency_service.app.build()
    migrate(database, service.tables, service.migrations)
    with database.writer.begin() as connection:
        for name in ("liandong_kit_revision", "liandong_service_revision", "liandong_parked", "liandong_published"):
            connection.exec_driver_sql(f"DROP TABLE {name}")
        connection.exec_driver_sql("ALTER TABLE liandong_inbox DROP COLUMN mark")
        connection.exec_driver_sql("CREATE TABLE liandong_meta (name varchar, value varchar)")
        connection.exec_driver_sql("INSERT INTO liandong_inbox (topic, partition, next) VALUES ('t', 0, 7)")
    migrate(database, service.tables, service.migrations)
    assert differences(database, tables.metadata, service.tables) == []
    assert database.read(sa.select(tables.inbox.c.next)) == [(7,)]
    assert not sa.inspect(database.reader).has_table("liandong_meta")


@pytest.mark.parametrize(("owner", "whose"), [("kit", "the kit's"), ("service", "the service's")])
def test_newer_database_is_refused(database: Database, owner: str, whose: str) -> None:
    service = emergency_service.app.build()
    migrate(database, service.tables, service.migrations)
    with database.writer.begin() as connection:
        connection.exec_driver_sql(f"UPDATE liandong_{owner}_revision SET version_num = '0099'")
    with pytest.raises(ConfigError, match=f"{whose} tables are at revision 0099, .* run the newer program"):
        migrate(database, service.tables, service.migrations)


def test_failed_migration_changes_nothing(database: Database, tmp_path: Path) -> None:
    metadata = sa.MetaData()
    sa.Table("one", metadata, sa.Column("id", sa.Integer, primary_key=True))
    path = draft(metadata, tmp_path / "m", "first table")
    assert path is not None
    text = path.read_text(encoding="utf-8")
    path.write_text(text + "    raise RuntimeError('half way')\n", encoding="utf-8")
    with pytest.raises(RuntimeError, match="half way"):
        migrate(database, metadata, tmp_path / "m")
    assert not sa.inspect(database.reader).has_table("one")
    path.write_text(text, encoding="utf-8")
    migrate(database, metadata, tmp_path / "m")
    assert sa.inspect(database.reader).has_table("one")


def test_draft_holds_what_changed(tmp_path: Path) -> None:
    write: Callable[..., Path | None] = draft
    metadata = sa.MetaData()
    one = sa.Table("one", metadata, sa.Column("id", sa.Integer, primary_key=True))
    assert (write(metadata, tmp_path, "first table") or tmp_path).name == "0001_first_table.py"
    assert write(metadata, tmp_path, "nothing") is None
    one.append_column(sa.Column("name", sa.String))
    second = write(metadata, tmp_path, "one has a name")
    assert second is not None
    assert 'op.add_column("one"' in second.read_text(encoding="utf-8").replace("'", '"')


def test_replicas_that_start_together_migrate_once(postgres: Any) -> None:
    from concurrent.futures import ThreadPoolExecutor

    url, service = postgres.database(), emergency_service.app.build()
    replicas = [PostgresDatabase(url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda database: migrate(database, service.tables, service.migrations), replicas))
    assert differences(replicas[0], tables.metadata, service.tables) == []
    for database in replicas:
        database.close()
