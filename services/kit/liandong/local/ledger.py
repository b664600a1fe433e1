"""Remembers on disk which processes a supervisor started, so that the next one ends those and nothing else.

A process id alone proves nothing, it may have been given out again: an entry counts only with its start time.
"""

import logging
from contextlib import suppress
from pathlib import Path

import msgspec
import psutil

log = logging.getLogger(__name__)


class Entry(msgspec.Struct, frozen=True):
    """One started process; `born` is its start time in epoch seconds as the kernel tells it."""

    pid: int
    born: float


class Ledger:
    """The file `children.json` of one home."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._entries: dict[str, Entry] = {}

    def note(self, name: str, pid: int | None) -> None:
        """Remember the process that now runs under a name; None forgets it."""
        self._entries.pop(name, None)
        if pid is not None:
            with suppress(psutil.NoSuchProcess):
                self._entries[name] = Entry(pid, psutil.Process(pid).create_time())
        part = self._file.with_suffix(".part")
        try:
            part.write_bytes(msgspec.json.encode(self._entries))
            part.replace(self._file)
        except OSError as error:  # a full disk must not stop the supervision
            log.warning("cannot remember that %s runs as %s: %s", name, pid, error)

    def end_leftovers(self) -> list[str]:
        """Kill what an earlier supervisor left running; return the names."""
        try:
            left = msgspec.json.decode(self._file.read_bytes(), type=dict[str, Entry])
        except (OSError, msgspec.DecodeError):
            return []
        running = {name: process for name, entry in left.items() if (process := alive(entry)) is not None}
        for process in running.values():
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(list(running.values()), timeout=10)
        return sorted(running)


def alive(entry: Entry) -> psutil.Process | None:
    """Return the process of an entry if it is still the same one and runs."""
    try:
        process = psutil.Process(entry.pid)
        same = abs(process.create_time() - entry.born) < 0.05 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return None
    return process if same else None
