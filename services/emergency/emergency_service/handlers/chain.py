"""Chains of cause: what a person decides goes on in the chain of what was decided about."""

from liandong.workflow import Work


def go_on(work: Work, traceparent: str, correlation_id: str) -> None:
    """Go on in a stored chain; a caller whose own step belongs to that trace already keeps its place in it."""
    same = work.traceparent[3:35] == traceparent[3:35]
    work.continue_trace(None if same else traceparent, correlation_id=correlation_id)
