"""The HTTP server of the gateway: uvicorn inside the gateway's own loop, hanging up on clients that dawdle."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Any

import h11
import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol


def bound(host: str, port: int) -> socket.socket:
    """Return a bound socket; OSError when the port is taken."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener


def http_server(app: Starlette, head_s: float) -> uvicorn.Server:
    """Return the server of an application, to be served on a bound socket.

    `head_s`: how long a client may take for the head of a request; bodies have their own limit.
    """

    class Punctual(_PunctualProtocol):
        limit_s = head_s

    config = uvicorn.Config(
        app,
        http=Punctual,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        limit_concurrency=2_000,
        h11_max_incomplete_event_size=32_768,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=5,
    )
    return _Server(config)


class _Server(uvicorn.Server):
    """Leaves signals to the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _PunctualProtocol(H11Protocol):
    """Closes a connection whose request head is not complete in time."""

    limit_s = 15.0
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._deadline = self.loop.call_later(self.limit_s, transport.close)

    def data_received(self, data: bytes) -> None:
        """Take bytes; a head that has begun must end in time."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._cancel()
        elif self._deadline is None and data:
            self._deadline = self.loop.call_later(self.limit_s, self.transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._cancel()
        super().connection_lost(exc)

    def _cancel(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
