"""What a call carries on: the trace context of the request that this thread or task is serving."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

TRACEPARENT = "traceparent"
REQUEST_ID = "request-id"

_traceparent: ContextVar[str | None] = ContextVar("liandong_traceparent", default=None)


def current_traceparent() -> str | None:
    """Return the trace context of the call being served, if there is one."""
    return _traceparent.get()


@contextmanager
def serving(traceparent: str | None) -> Iterator[None]:
    """Serve a call of this trace: outgoing calls and commands continue it."""
    token = _traceparent.set(traceparent or None)
    try:
        yield
    finally:
        _traceparent.reset(token)
