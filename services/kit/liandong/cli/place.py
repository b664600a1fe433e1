"""Finds a workflow service's database for a command: LIANDONG_DATABASE_URL, LIANDONG_DATA_DIR, or the local stack's."""

from importlib.util import find_spec
from typing import TYPE_CHECKING

from liandong.local.layout import layout_of
from liandong.local.settings import LocalSettings

if TYPE_CHECKING:
    from liandong.workflow.dlq import ParkedLetters
    from liandong.workflow.settings import WorkflowSettings


def workflow_settings(service: str, world: str) -> "WorkflowSettings | None":
    """Return settings that name the database of a workflow service; None where there is none within reach."""
    if find_spec("sqlalchemy") is None:
        return None
    from liandong.workflow.settings import WorkflowSettings

    settings = WorkflowSettings(world=world) if world else WorkflowSettings()
    if settings.database_url:
        return settings
    for folder in (settings.data_dir, layout_of(LocalSettings()).data_of(settings.world, service)):
        if (folder / f"{service}.sqlite3").exists():
            return settings.model_copy(update={"data_dir": folder})
    return None


def workflow_letters(service: str, world: str) -> "ParkedLetters | None":
    """Return the dead letters of a workflow service, or None where it has no database within reach."""
    settings = workflow_settings(service, world)
    if settings is None:
        return None
    from liandong.workflow.dlq import parked_letters

    return parked_letters(settings, service)
