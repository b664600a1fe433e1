"""Settings of the local runtime, and the environment that its processes inherit. Services read `liandong.settings`."""

import os
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class LocalSettings(BaseSettings):
    """Where the local runtime finds its parts; every field is a LIANDONG_LOCAL_* variable."""

    model_config = SettingsConfigDict(env_prefix="LIANDONG_LOCAL_", env_file=None, extra="ignore")

    project: Path = Field(Path(), description="folder of the checkout: artifacts.lock and the process table are in it")
    home: Path | None = Field(None, description="data, logs and state; default .liandong in the project")
    lib: Path | None = Field(None, description="downloaded jars; default lib in the home, set it to share them")
    table: Path | None = Field(None, description="process table; default tools/district/processes.yaml in the project")
    port_base: int = Field(21000, ge=1024, le=31000, description="first port of the real world; the others follow it")
    ci: bool = Field(False, validation_alias="CI", description="true on a build machine: what is missing is a failure")


def inherited() -> dict[str, str]:
    """Return the environment for child processes, without any LIANDONG_* setting of the caller."""
    return {name: value for name, value in os.environ.items() if not name.startswith("LIANDONG_")}
