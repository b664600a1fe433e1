"""Serves the page beside the workflow engine: one uvicorn server on the process's loop, without signal handlers."""

import contextlib
import logging
import socket
from collections.abc import Iterator

import uvicorn
from liandong.errors import ConfigError
from starlette.types import ASGIApp

log = logging.getLogger(__name__)


class PageServer(uvicorn.Server):
    """Runs until told to stop; the process, not the web server, listens to signals."""

    def __init__(self, app: ASGIApp, host: str, port: int) -> None:
        config = uvicorn.Config(
            app, lifespan="on", log_config=None, access_log=False, timeout_graceful_shutdown=2, server_header=False
        )
        super().__init__(config)
        self._socket = _bound(host, port)
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{self.port}/"

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the process."""
        yield

    async def run_until_stopped(self) -> None:
        """Serve; when cancelled, let the pages go and close the port."""
        log.info("console at %s", self.url)
        try:
            await self.serve(sockets=[self._socket])
            if not self.started:
                raise ConfigError("the console's web server did not start; its log lines say why")
        finally:
            self.should_exit = True
            self._socket.close()


def _bound(host: str, port: int) -> socket.socket:
    """Bind now, so that a port in use ends the start with one clear sentence."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
    except OSError as error:
        made.close()
        reason = f"{host}:{port} cannot be opened for the console ({error.strerror}); set LIANDONG_HTTP_PORT"
        raise ConfigError(reason) from error
    return made
