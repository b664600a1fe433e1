"""Does one unbroken trace lead from the frame at the gateway to the person who confirmed? Spans only, no topics."""

import time

from liandong.testing.otlp import CollectedSpan, SpanCollector

# the services which a chain must pass, in this order, from the frame to the confirmation
EDGES = ("sensing-gateway", "sensing", "flood", "emergency", "person")


def services_on(path: list[CollectedSpan]) -> list[str]:
    """Return the services of a path in order, neighbours joined."""
    services: list[str] = []
    for span in path:
        if not services or services[-1] != span.service:
            services.append(span.service)
    return services


def passes(path: list[CollectedSpan], edges: tuple[str, ...] = EDGES) -> bool:
    """Say whether the path starts at a root and passes all the edges in their order."""
    remaining = iter(services_on(path))
    return bool(path) and not path[0].parent_id and all(edge in remaining for edge in edges)


def wait_complete(collector: SpanCollector, trace_ids: set[str], seconds: float = 10) -> dict[str, list[CollectedSpan]]:
    """Wait until each trace has a person's span whose path is complete; return the longest path found by trace."""
    deadline = time.monotonic() + seconds
    while True:
        found = {trace_id: _best(collector, trace_id) for trace_id in trace_ids}
        if all(passes(path) for path in found.values()) or time.monotonic() > deadline:
            return found
        time.sleep(0.2)


def _best(collector: SpanCollector, trace_id: str) -> list[CollectedSpan]:
    paths = [collector.path_to_root(span) for span in collector.trace(trace_id) if span.service == "person"]
    complete = [path for path in paths if passes(path)]
    return max(complete or paths, key=len, default=[])
