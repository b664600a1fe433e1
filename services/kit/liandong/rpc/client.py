"""gRPC channels to other services: one per peer, a deadline on every call, the trace carried along.

A caller builds the generated stub on `Clients.channel("flood")`. It must be ready for grpc.RpcError.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import grpc

from liandong.errors import ConfigError
from liandong.rpc.context import TRACEPARENT, current_traceparent
from liandong.settings import Settings
from liandong.telemetry.tracing import Tracing

DEADLINE_S = 0.3
_OPTIONS = [
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.enable_http_proxy", 0),  # peers are never behind a proxy
    ("grpc.max_receive_message_length", 8 * 2**20),
]


class Clients:
    """The channels of one process, by peer name as in `settings.peers`."""

    def __init__(self, settings: Settings, tracing: Tracing, *, deadline_s: float = DEADLINE_S) -> None:
        self._peers = settings.peers
        self._interceptor = _Outgoing(tracing, deadline_s)
        self._raw: dict[str, grpc.Channel] = {}
        self._channels: dict[str, grpc.Channel] = {}
        self._lock = threading.Lock()

    def channel(self, peer: str) -> grpc.Channel:
        """Return the channel of a peer. Raises ConfigError when its address is not known."""
        with self._lock:
            if peer not in self._channels:
                address = self._peers.get(peer)
                if not address:
                    raise ConfigError(f"no gRPC address for {peer}: add it to LIANDONG_PEERS")
                self._raw[peer] = grpc.insecure_channel(address, options=_OPTIONS)
                self._channels[peer] = grpc.intercept_channel(self._raw[peer], self._interceptor)
            return self._channels[peer]

    def close(self) -> None:
        """Close every channel."""
        with self._lock:
            for channel in self._raw.values():
                channel.close()
            self._raw.clear()
            self._channels.clear()


class _Details(NamedTuple):
    method: str
    timeout: float | None
    metadata: Sequence[tuple[str, str | bytes]] | None
    credentials: grpc.CallCredentials | None
    wait_for_ready: bool | None
    compression: grpc.Compression | None


class _Outgoing(grpc.UnaryUnaryClientInterceptor):  # type: ignore[type-arg]  # generic in the stubs only
    """Adds a deadline and the trace context; opens a client span when the chain is recorded."""

    def __init__(self, tracing: Tracing, deadline_s: float) -> None:
        self._tracing = tracing
        self._deadline_s = deadline_s

    def intercept_unary_unary(self, continuation: Callable[[Any, Any], Any], details: Any, request: Any) -> Any:
        """Make the call; it waits for the answer, so that the span ends with it."""
        metadata = list(details.metadata or ())
        given = next((value for key, value in metadata if key == TRACEPARENT), None)
        traceparent = given or current_traceparent()
        metadata = [pair for pair in metadata if pair[0] != TRACEPARENT]
        timeout = self._deadline_s if details.timeout is None else details.timeout
        with self._tracing.step(_text(details.method).lstrip("/"), traceparent, "client") as step:
            if step.traceparent:
                metadata.append((TRACEPARENT, step.traceparent))
            call = continuation(_Details(details.method, timeout, metadata, details.credentials, None, None), request)
            call.result()
            return call


def _text(method: str | bytes) -> str:
    return method.decode() if isinstance(method, bytes) else method
