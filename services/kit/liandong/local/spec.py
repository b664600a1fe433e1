"""What the supervisor needs to know about one process; built by `plan`, carried out by `child`. Data only."""

from typing import Literal

import msgspec

from liandong.local.probes import Probe

Kind = Literal["server", "once"]


class ProcessSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One process to keep running, or (`once`) to run until it has succeeded.

    `first` is a command to run before the first start unless `first_done` exists. `needs` names processes that must be
    ready before each start. `stop_s` is how long a stop may take before SIGKILL. `address` is what a person opens.
    """

    name: str
    world: str
    command: tuple[str, ...]
    env: dict[str, str]
    cwd: str
    log: str
    kind: Kind = "server"
    probe: Probe | None = None
    needs: tuple[str, ...] = ()
    first: tuple[str, ...] = ()
    first_done: str = ""
    stop_s: float = 5.0
    address: str = ""

    @property
    def full_name(self) -> str:
        """Name within the whole stack: `flood`, in a world `demo-1a2b/flood`."""
        return f"{self.world}/{self.name}" if self.world else self.name
