"""A small OTLP/HTTP span collector on loopback, to prove what a trace says in demos and tests. Not for production."""

import gzip
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


class CollectedSpan(msgspec.Struct, frozen=True):
    """One finished span; ids are lower-case hex, times are nanoseconds since the epoch."""

    trace_id: str
    span_id: str
    parent_id: str
    service: str
    name: str
    start_ns: int
    end_ns: int


class SpanCollector:
    """Receives spans over OTLP/HTTP (protobuf) and keeps them by trace."""

    def __init__(self, port: int = 0) -> None:
        self._spans: dict[str, CollectedSpan] = {}
        self._lock = threading.Lock()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                collector._take(ExportTraceServiceRequest.FromString(body))
                answer = ExportTraceServiceResponse().SerializeToString()
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:
                """Stay quiet: one line a batch says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, name="otlp", daemon=True).start()

    def _take(self, request: ExportTraceServiceRequest) -> None:
        with self._lock:
            for resource in request.resource_spans:
                named = {item.key: item.value.string_value for item in resource.resource.attributes}
                for scope in resource.scope_spans:
                    for span in scope.spans:
                        one = CollectedSpan(
                            trace_id=span.trace_id.hex(),
                            span_id=span.span_id.hex(),
                            parent_id=span.parent_span_id.hex(),
                            service=named.get("service.name", ""),
                            name=span.name,
                            start_ns=span.start_time_unix_nano,
                            end_ns=span.end_time_unix_nano,
                        )
                        self._spans[one.span_id] = one

    def trace(self, trace_id: str) -> list[CollectedSpan]:
        """Return the spans of one trace in the order they started."""
        with self._lock:
            return sorted((s for s in self._spans.values() if s.trace_id == trace_id), key=lambda s: s.start_ns)

    def path_to_root(self, span: CollectedSpan) -> list[CollectedSpan]:
        """Return the chain root → `span`; it stops where a parent is missing, so check that the first is a root."""
        path = [span]
        with self._lock:
            while path[0].parent_id and path[0].parent_id in self._spans and len(path) < 200:
                path.insert(0, self._spans[path[0].parent_id])
        return path

    def stop(self) -> None:
        """Close the port."""
        self._server.shutdown()
        self._server.server_close()
