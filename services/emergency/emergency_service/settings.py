"""Settings of the emergency process; the only module of the service that the environment reaches."""

from pathlib import Path

from liandong.workflow.settings import WorkflowSettings
from pydantic import Field


class EmergencySettings(WorkflowSettings):
    """What the emergency process needs beyond the kit's settings."""

    plan_dir: Path | None = Field(None, description="directory of plan files *.yaml; empty: the example plans shipped")
