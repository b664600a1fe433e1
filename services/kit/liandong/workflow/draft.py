"""Drafts the next revision of a service's tables from what its declarations and its revisions differ in.

For the developer's machine: `liandong migration SERVICE "what changes"`. A draft is read before it is kept: a renamed
column looks like one dropped and one added.
"""

import re
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa
from alembic.autogenerate import produce_migrations, render_python_code
from alembic.autogenerate.api import AutogenContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from liandong.workflow.migrate import migrate
from liandong.workflow.sqlite import SqliteDatabase

_FILE = '''"""{message}."""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = {before}


def upgrade() -> None:
    """Change the tables."""
    {body}
'''


def draft(metadata: sa.MetaData, folder: Path, message: str) -> Path | None:
    """Write the next revision and return its file; None when there is nothing to change."""
    (folder / "versions").mkdir(parents=True, exist_ok=True)
    scripts = ScriptDirectory(str(folder))
    before = scripts.get_current_head()
    database = SqliteDatabase(None)
    migrate(database, metadata, folder)
    with database.writer.begin() as connection:
        options: dict[str, Any] = {
            "render_item": _plain,
            "include_name": lambda name, kind, _: kind != "table" or name in metadata.tables,
        }
        context = MigrationContext.configure(connection, opts=options)
        script = produce_migrations(context, metadata)
        upgrades = script.upgrade_ops
        if upgrades is None or upgrades.is_empty():
            return None
        body = render_python_code(upgrades, migration_context=context, render_item=_plain)
    revision = f"{int(before or 0) + 1:04d}"
    name = re.sub(r"\W+", "_", message.lower()).strip("_")
    path = folder / "versions" / f"{revision}_{name}.py"
    body = re.sub(r"^ *# ###.*\n", "", body + "\n", flags=re.MULTILINE).strip()
    quoted = f'"{before}"' if before else "None"
    path.write_text(
        _FILE.format(
            message=message[:1].upper() + message[1:].rstrip("."), revision=revision, before=quoted, body=body
        ),
        encoding="utf-8",
    )
    return path


def _plain(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """Write the kit's own column types as what the database stores: a revision must not change with the kit."""
    return f"sa.{item.impl_instance!r}" if kind == "type" and isinstance(item, sa.types.TypeDecorator) else False
