"""The gRPC server of a process: a thread pool, the standard health service, traces, and errors mapped to status codes.

A servicer holds no logic: it calls `service.execute` or `service.read` and translates.
"""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from liandong.errors import ConfigError, Fenced, Unavailable
from liandong.rpc.context import TRACEPARENT, serving
from liandong.telemetry.tracing import Tracing

log = logging.getLogger(__name__)

Servicer = tuple[Callable[[Any, grpc.Server], None], object]
"""The generated `add_…Servicer_to_server` function and the servicer."""

_MAX_MESSAGE = 8 * 2**20
_CODES: tuple[tuple[type[BaseException], grpc.StatusCode], ...] = (
    (TimeoutError, grpc.StatusCode.DEADLINE_EXCEEDED),
    (Unavailable, grpc.StatusCode.UNAVAILABLE),
    (Fenced, grpc.StatusCode.UNAVAILABLE),
    (PermissionError, grpc.StatusCode.PERMISSION_DENIED),
    (KeyError, grpc.StatusCode.INTERNAL),
    (LookupError, grpc.StatusCode.NOT_FOUND),
    (ValueError, grpc.StatusCode.INVALID_ARGUMENT),
)


class RpcServer:
    """Serves until stopped; `port` is the port really bound."""

    def __init__(
        self, port: int, servicers: list[Servicer], tracing: Tracing, *, host: str = "127.0.0.1", threads: int = 8
    ) -> None:
        self._server = grpc.server(
            ThreadPoolExecutor(threads, "grpc"),
            interceptors=[_Serving(tracing)],
            options=[("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", _MAX_MESSAGE)],
        )
        self._health = health.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        for add, servicer in servicers:
            add(servicer, self._server)
        self.set_ready(False)
        try:
            self.port = self._server.add_insecure_port(f"{host}:{port}")
        except RuntimeError as error:
            raise ConfigError(f"port {port} for gRPC cannot be opened; is it in use? set LIANDONG_GRPC_PORT") from error

    def set_ready(self, ready: bool) -> None:
        """Tell the health service whether calls are welcome."""
        status = health_pb2.HealthCheckResponse.SERVING if ready else health_pb2.HealthCheckResponse.NOT_SERVING
        self._health.set("", status)

    def start(self) -> None:
        """Begin to answer."""
        self._server.start()

    def stop(self, grace_s: float = 2.0) -> None:
        """Refuse new calls and let those under way finish within the grace time."""
        self.set_ready(False)
        self._server.stop(grace_s).wait(grace_s + 1)


class _Serving(grpc.ServerInterceptor):  # type: ignore[type-arg]  # generic in the stubs only
    """Opens the server span of a recorded chain and maps what a servicer raises."""

    def __init__(self, tracing: Tracing) -> None:
        self._tracing = tracing

    def intercept_service(self, continuation: Any, details: Any) -> Any:
        """Wrap unary and server-streaming methods."""
        handler = continuation(details)
        if handler is None or handler.request_streaming or details.method.startswith("/grpc.health."):
            return handler
        metadata = dict(details.invocation_metadata or ())
        traceparent = metadata.get(TRACEPARENT)
        traceparent = traceparent if isinstance(traceparent, str) else None
        wrap = self._stream if handler.response_streaming else self._unary
        make = (
            grpc.unary_stream_rpc_method_handler if handler.response_streaming else grpc.unary_unary_rpc_method_handler
        )
        inner = handler.unary_stream if handler.response_streaming else handler.unary_unary
        return make(
            wrap(details.method.lstrip("/"), traceparent, inner),
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )

    def _unary(self, method: str, traceparent: str | None, inner: Any) -> Any:
        def serve(request: Any, context: grpc.ServicerContext) -> Any:
            try:
                with self._tracing.step(method, traceparent, "server") as step, serving(step.traceparent):
                    return inner(request, context)
            except Exception as error:
                return _abort(context, method, error)

        return serve

    def _stream(self, method: str, traceparent: str | None, inner: Any) -> Any:
        def serve(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
            try:
                with self._tracing.step(method, traceparent, "server") as step, serving(step.traceparent):
                    yield from inner(request, context)
            except Exception as error:
                _abort(context, method, error)

        return serve


def _abort(context: grpc.ServicerContext, method: str, error: Exception) -> None:
    if context.code() is not None:  # type: ignore[attr-defined]
        raise error  # the servicer has aborted the call itself
    code = next((code for kind, code in _CODES if isinstance(error, kind)), grpc.StatusCode.INTERNAL)
    if code is grpc.StatusCode.INTERNAL:
        log.exception("%s failed", method)
        context.abort(code, f"{method} failed: {type(error).__name__}; see the server's log")
    context.abort(code, str(error)[:500])
