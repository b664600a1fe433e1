"""Where the local runtime keeps things: one home folder, and the read-only parts around it. Paths only, no I/O."""

from pathlib import Path

import msgspec

from liandong.local.settings import LocalSettings

LOCK_NAME = "artifacts.lock"
TABLE_NAME = "tools/district/processes.yaml"


class Layout(msgspec.Struct, frozen=True):
    """All absolute. `lib` may be shared between homes; everything else under `home` belongs to one stack."""

    project: Path
    home: Path
    lib: Path
    table: Path

    @property
    def lock(self) -> Path:
        """The list of downloads."""
        return self.project / LOCK_NAME

    @property
    def run(self) -> Path:
        """What only a running supervisor needs: lock, socket, plan, pids."""
        return self.home / "run"

    @property
    def logs(self) -> Path:
        """One log a process; a world has a folder of its own."""
        return self.home / "logs"

    @property
    def data(self) -> Path:
        """What must outlive `down`: topics, schemas, stores, databases."""
        return self.home / "data"

    @property
    def keys(self) -> Path:
        """The key-encryption keys of this machine, shared by its worlds."""
        return self.home / "keys"

    def data_of(self, world: str, process: str) -> Path:
        """Return the folder of one service process in one world ("" is the real world)."""
        return self.data_of_world(world) / process

    def data_of_world(self, world: str) -> Path:
        """Return the folder that holds everything a world keeps outside Kafka."""
        return self.data / "worlds" / world if world else self.data / "real"

    def log_of(self, world: str, process: str) -> Path:
        """Return the log file of one process."""
        return self.logs / world / f"{process}.log" if world else self.logs / f"{process}.log"


def layout_of(
    settings: LocalSettings, *, home: Path | None = None, lib: Path | None = None, table: Path | None = None
) -> Layout:
    """Return the layout that the settings describe; arguments win over settings."""
    project = settings.project.resolve()
    root = (home or settings.home or project / ".liandong").resolve()
    return Layout(
        project=project,
        home=root,
        lib=(lib or settings.lib or (project / ".liandong" if home else root) / "lib").resolve(),
        table=(table or settings.table or project / TABLE_NAME).resolve(),
    )
