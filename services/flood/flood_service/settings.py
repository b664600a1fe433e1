"""Settings of the flood process; the only module of the service that the environment reaches."""

from pathlib import Path

from liandong.settings import Settings
from pydantic import Field


class FloodSettings(Settings):
    """What the flood process needs beyond the kit's settings."""

    rule_pack: Path | None = Field(None, description="rule pack (YAML) that proposes levels; empty: the sample")
    submit_deadline_s: float = Field(5.0, gt=0, description="how long a submitted warning may wait for Kafka, seconds")
