"""Which process listens where: fixed ports for the real world, free ones for every other, always below the range that
outgoing connections use (a broker once lost its port to one)."""

import random
import socket
from collections.abc import Callable, Iterable
from pathlib import Path

import psutil

from liandong.errors import ConfigError
from liandong.local.table import INFRASTRUCTURE, ProcessTable

HOST = "127.0.0.1"
Ports = dict[str, dict[str, int]]  # process name -> port name -> port

_FIRST_FREE = 22000
_RANGE_FILE = Path("/proc/sys/net/ipv4/ip_local_port_range")


def fixed(base: int, table: ProcessTable, *, services: bool = True) -> Ports:
    """Return the ports of the real world: the base plus the table's offsets."""
    plan = {name: {port: base + offset for port, offset in ports.items()} for name, ports in INFRASTRUCTURE.items()}
    if services:
        plan |= {row.name: {port: base + offset for port, offset in row.ports.items()} for row in table.processes}
    return plan


def infrastructure(choose: Callable[[], int]) -> Ports:
    """Return ports for a broker and a registry of their own."""
    return {name: {port: choose() for port in ports} for name, ports in INFRASTRUCTURE.items()}


def of_services(table: ProcessTable, choose: Callable[[], int], only: Iterable[str] | None = None) -> Ports:
    """Return ports for a second set of the service processes."""
    wanted = {table.named(name).name for name in only} if only is not None else {row.name for row in table.processes}
    return {row.name: {port: choose() for port in row.ports} for row in table.processes if row.name in wanted}


class FreePorts:
    """Chooses ports that nothing listens on; never the same one twice, never one that outgoing connections may get."""

    def __init__(self, taken: Iterable[int] = (), seed: int | None = None) -> None:
        self._taken = set(taken)
        self._chance = random.Random(seed)
        self._end = min(ephemeral_start(), 32768)

    def __call__(self) -> int:
        """Return one more port. Raises ConfigError when there is none left."""
        for _ in range(2000):
            port = self._chance.randrange(_FIRST_FREE, self._end)
            if port not in self._taken and is_free(port):
                self._taken.add(port)
                return port
        raise ConfigError(f"No free port between {_FIRST_FREE} and {self._end} after 2000 attempts")


def ephemeral_start() -> int:
    """Return the first port that the kernel may give to an outgoing connection."""
    try:
        return int(_RANGE_FILE.read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return 32768


def is_free(port: int) -> bool:
    """Say whether a server could listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def require_free(ports: Ports) -> None:
    """Raise ConfigError for the first port in use, saying which process of ours wants it and who has it."""
    for name, named in ports.items():
        for port_name, port in named.items():
            if not is_free(port):
                raise ConfigError(
                    f"Port {port} ({name} {port_name}) is in use by {user_of(port)}: "
                    "stop that, or choose other ports with PORT_BASE=23000"
                )


def user_of(port: int) -> str:
    """Return who listens on a port, as far as this user may see it."""
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr[1:2] == (port,) and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    except psutil.Error:
        pass
    return f"another process (ask `ss -ltnp sport = :{port}`)"
