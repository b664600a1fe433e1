"""The operations endpoint of a process: GET /health and GET /metrics over HTTP. It reads, it never acts."""

import json
import logging
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest

log = logging.getLogger(__name__)


class Health(msgspec.Struct, frozen=True):
    """What /health answers: 200 when ready, else 503. `lag` counts input events not yet taken."""

    ready: bool
    detail: str = ""
    lag: int | None = None


class OpsServer:
    """Serves health and metrics on its own daemon thread; `port` is the port really bound."""

    def __init__(self, port: int, health: Callable[[], Health], host: str = "127.0.0.1") -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/metrics":
                    self._answer(200, CONTENT_TYPE_LATEST, generate_latest(REGISTRY))
                elif self.path == "/health":
                    state = health()
                    body = json.dumps({"ready": state.ready, "lag": state.lag, "detail": state.detail}).encode()
                    self._answer(200 if state.ready else 503, "application/json", body)
                else:
                    self._answer(404, "text/plain", b"only /health and /metrics live here\n")

            def _answer(self, status: int, kind: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                log.debug(format, *args)

        self._server = ThreadingHTTPServer((host, port), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, name="ops", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Close the port."""
        self._server.shutdown()
        self._server.server_close()
