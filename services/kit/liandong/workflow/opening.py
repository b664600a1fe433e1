"""Opens the database that the settings name."""

from liandong.errors import ConfigError
from liandong.workflow.settings import WorkflowSettings
from liandong.workflow.sql import Database
from liandong.workflow.sqlite import SqliteDatabase


def open_database(settings: WorkflowSettings, service: str, *, worker: bool = True, wait_s: float = 10.0) -> Database:
    """Return the database of a service.

    `worker`: False for a tool that works beside the running service; a worker waits `wait_s` seconds for the last one.

    Raises ConfigError for another kind of URL, and where SQLite has its one worker already.
    """
    if not settings.database_url:
        return SqliteDatabase(settings.data_dir / f"{service}.sqlite3", worker=worker, wait_s=wait_s)
    if not settings.database_url.startswith(("postgresql:", "postgresql+psycopg:")):
        kind = settings.database_url.partition(":")[0]
        raise ConfigError(f"LIANDONG_DATABASE_URL names {kind!r}: only postgresql:// is known beside embedded SQLite")
    from liandong.workflow.postgres import PostgresDatabase  # its driver is needed there only

    return PostgresDatabase(settings.database_url)
