"""Settings of the dispatch process; the only module of the service that the environment reaches."""

from datetime import timedelta

from liandong.workflow import WorkflowSettings
from pydantic import Field


class DispatchSettings(WorkflowSettings):
    """What the dispatch process needs beyond the kit's settings."""

    match_deadline_s: float = Field(10.0, gt=0, description="how long a report waits for its spot, seconds")
    duty_deadline_s: float = Field(10.0, gt=0, description="how long a case waits for its handler's name, seconds")

    @property
    def match_deadline(self) -> timedelta:
        """How long a report waits for its spot before it goes on by itself."""
        return timedelta(seconds=self.match_deadline_s)

    @property
    def duty_deadline(self) -> timedelta:
        """How long a case waits for its handler's name before it opens without."""
        return timedelta(seconds=self.duty_deadline_s)
