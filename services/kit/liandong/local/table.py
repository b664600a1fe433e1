"""The process table: which service processes a district has, as data. The kit knows no service by name."""

from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from liandong.errors import ConfigError

Need = Literal["topics"]

# offsets from the port base of the real world; a process table must leave these free
INFRASTRUCTURE = {"kafka": {"broker": 92, "controller": 93}, "registry": {"http": 81, "management": 82}}


class ProcessRow(BaseModel):
    """One service process. `ports` maps a port's name to its offset from the port base."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    module: str
    args: tuple[str, ...] = ()
    ports: dict[str, int] = Field(default_factory=dict)
    serves: str | None = None
    open: str | None = None
    env: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _ports_are_there(self) -> "ProcessRow":
        if "ops" not in self.ports:
            raise ValueError(f"{self.name} has no ops port, so nobody could ask for its health")
        if self.serves and "grpc" not in self.ports:
            raise ValueError(f"{self.name} serves {self.serves} but has no grpc port")
        if self.open and self.open not in self.ports:
            raise ValueError(f"{self.name} opens {self.open}, which is none of its ports")
        return self


class ProcessTable(BaseModel):
    """All service processes of a district."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    processes: tuple[ProcessRow, ...]

    @model_validator(mode="after")
    def _nothing_twice(self) -> "ProcessTable":
        taken = {offset: name for name, ports in INFRASTRUCTURE.items() for offset in ports.values()}
        names = set(INFRASTRUCTURE)
        for row in self.processes:
            if row.name in names:
                raise ValueError(f"two processes are called {row.name}")
            names.add(row.name)
            for port, offset in row.ports.items():
                if offset in taken:
                    raise ValueError(f"{row.name}.{port} and {taken[offset]} have the same port offset {offset}")
                taken[offset] = f"{row.name}.{port}"
        return self

    def named(self, name: str) -> ProcessRow:
        """Return one row. Raises ConfigError when there is none."""
        for row in self.processes:
            if row.name == name:
                return row
        raise ConfigError(f"No process is called {name}; there are: {', '.join(row.name for row in self.processes)}")


def parse_table(text: str, where: str = "process table") -> ProcessTable:
    """Read a table. Raises ConfigError saying which entry is wrong."""
    try:
        return ProcessTable.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise ConfigError(f"{where} is not YAML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{where}: {place or 'processes'}: {first['msg']}") from error


def read_table(path: Path) -> ProcessTable:
    """Read the table file. Raises ConfigError when it is missing or wrong."""
    try:
        return parse_table(path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError:
        raise ConfigError(f"{path} is missing: run this in the folder of the checkout") from None
