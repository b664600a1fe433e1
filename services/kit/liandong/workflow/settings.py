"""Settings of a workflow service. The variables are read by `liandong.settings`, nowhere else."""

from typing import Literal

from pydantic import Field

from liandong.settings import Settings


class WorkflowSettings(Settings):
    """What every workflow service needs to know beyond the common settings."""

    database_url: str = Field(
        "", description="PostgreSQL, postgresql://user@host/database; empty: a SQLite file in the data directory"
    )
    workflow_source: Literal["faust", "aiokafka"] = Field("faust", description="consuming runtime of workflow services")
    workflow_session_s: float = Field(10.0, ge=6, description="consumer group session time-out, seconds")
    workflow_group: int = Field(200, ge=1, le=1000, description="most steps that share one SQL transaction")
    workflow_keep_h: float = Field(168.0, description="hours that handled command and event ids are remembered")
    workflow_early_h: float = Field(24.0, description="hours that an event which came too early is tried again")
