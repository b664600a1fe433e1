"""Fail points: named places where a crash test lets the process kill itself. Nothing is armed in production."""

import os
import signal

POINTS = (
    "changelog produced",
    "offsets sent",
    "timer-only transaction",
    "committed, store not written",
    "some stores written",
    "restoring",
)

_armed: dict[str, int] = {}


def arm(point: str, hits: int) -> None:
    """Kill this process (SIGKILL) when `point` is reached for the `hits`-th time. Called by test workers only."""
    if point not in POINTS:
        raise ValueError(f"no fail point is called {point!r}; there are {', '.join(POINTS)}")
    _armed[point] = hits


def is_armed(point: str) -> bool:
    """Say whether a test waits for this point."""
    return point in _armed


def hit(point: str) -> None:
    """Mark that the process is at `point`."""
    if _armed and point in _armed:
        _armed[point] -= 1
        if _armed[point] <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
