"""The only place that reads the time of day.

A world may run on a shared scaled clock (local demos and drills only): a small JSON file holds
`{"real": epoch seconds, "shown": epoch seconds, "rate": factor}` and every process of the world reads it.
Latency is always measured in real time: use `real_now`.
"""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

_CHECK_EVERY_S = 0.2


class Clock(Protocol):
    """Something that tells the time of a world."""

    def now(self) -> datetime:
        """Return the world's time, UTC."""
        ...

    def seconds_until(self, due: datetime) -> float:
        """Return how many real seconds remain until `due` (negative when it has passed)."""
        ...


def real_now() -> datetime:
    """Return the machine's time, UTC."""
    return datetime.now(UTC)


class WallClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the machine's time, UTC."""
        return real_now()

    def seconds_until(self, due: datetime) -> float:
        """Return the real seconds until `due`."""
        return (due - real_now()).total_seconds()


class ScaledClock:
    """A clock that runs `rate` times faster from a common origin, re-read from its file when that changes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._checked = 0.0
        self._mtime = -1
        self._real = self._shown = time.time()
        self._rate = 1.0
        self._refresh()

    def _refresh(self) -> None:
        self._checked = time.monotonic()
        try:
            mtime = self._path.stat().st_mtime_ns
            if mtime != self._mtime:
                raw = json.loads(self._path.read_text(encoding="utf-8"))
                self._real, self._shown, self._rate = float(raw["real"]), float(raw["shown"]), float(raw["rate"])
                self._mtime = mtime
        except (OSError, ValueError, KeyError):
            return  # the file is being replaced: the last known origin still holds

    def now(self) -> datetime:
        """Return the world's time, UTC."""
        if time.monotonic() - self._checked > _CHECK_EVERY_S:
            self._refresh()
        return datetime.fromtimestamp(self._shown + (time.time() - self._real) * self._rate, UTC)

    def seconds_until(self, due: datetime) -> float:
        """Return the real seconds until `due` at the present rate."""
        return (due - self.now()).total_seconds() / self._rate


class ManualClock:
    """A clock that tests move by hand."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> datetime:
        """Return the time last set."""
        return self._now

    def set(self, now: datetime) -> None:
        """Move the clock."""
        self._now = now

    def seconds_until(self, due: datetime) -> float:
        """Return the seconds until `due`; nothing passes by itself."""
        return (due - self._now).total_seconds()


def write_scaled(path: Path, shown: datetime, rate: float) -> None:
    """Start a shared scaled clock that shows `shown` now and runs `rate` times faster; atomic."""
    body = {"real": time.time(), "shown": shown.timestamp(), "rate": rate}
    part = path.with_suffix(".part")
    part.write_text(json.dumps(body), encoding="utf-8")
    part.replace(path)


def clock_of(path: Path | None) -> Clock:
    """Return the world's clock: the scaled one when a clock file is set, else the machine's."""
    return ScaledClock(path) if path else WallClock()
