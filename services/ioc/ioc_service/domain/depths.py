"""The recent course of one depth: kept short, and turned into a trend that says when it does not know."""

from collections.abc import Sequence

Point = tuple[int, float]

KEPT = 60
SPAN_MS = 3 * 3_600_000
TREND_MS = 30 * 60_000
TREND_LEAST_MS = 4 * 60_000


def appended(history: Sequence[Sequence[float]], at_ms: int, depth_cm: float | None) -> list[Point]:
    """Return the history with one more depth; in order of time, the last three hours, at most 60 points."""
    points = {int(at): float(depth) for at, depth in history}
    if depth_cm is not None:
        points[at_ms] = depth_cm
    newest = max(points, default=at_ms)
    kept = sorted((at, depth) for at, depth in points.items() if at >= newest - SPAN_MS)
    return kept[-KEPT:]


def trend(history: Sequence[Sequence[float]]) -> int | None:
    """Return the change over the last half hour in cm/h, or None when the points span less than four minutes."""
    if len(history) < 2:
        return None
    newest_at, newest = history[-1]
    since = [(at, depth) for at, depth in history if at >= newest_at - TREND_MS]
    first_at, first = since[0]
    span = newest_at - first_at
    if span < TREND_LEAST_MS:
        return None
    return round((newest - first) * 3_600_000 / span)
