"""Serves the page beside the workflow engine: one uvicorn server on the process's loop, without signal handlers."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Iterator

import uvicorn
from liandong.errors import ConfigError
from starlette.types import ASGIApp

log = logging.getLogger(__name__)
logging.getLogger("uvicorn.error").setLevel(logging.WARNING)


class PageServer(uvicorn.Server):
    """Runs until told to stop; the process, not the web server, listens to signals."""

    def __init__(self, app: ASGIApp, host: str, port: int, on_stop: Callable[[], None]) -> None:
        config = uvicorn.Config(
            app, lifespan="on", log_config=None, access_log=False, timeout_graceful_shutdown=1, server_header=False
        )
        super().__init__(config)
        self._on_stop = on_stop
        self._socket = _bound(host, port)
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{self.port}/"

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the process."""
        yield

    def stop(self) -> None:
        """Let the pages go (they come back by themselves) and end; from any thread."""
        self._on_stop()
        self.should_exit = True

    async def run_until_stopped(self) -> None:
        """Serve until stopped or cancelled; a cancelled server still ends in order."""
        log.info("console at %s", self.url)
        serving = asyncio.create_task(self.serve(sockets=[self._socket]))
        try:
            await asyncio.shield(serving)
        except asyncio.CancelledError:
            self.stop()
            await serving
            raise
        finally:
            self._socket.close()
        if not self.started:
            raise ConfigError("the console's web server did not start; its log lines say why")


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
