"""The supervisor's socket: one line of JSON in, one out. A Unix socket in the home folder, for its owner only."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import msgspec

from liandong.errors import Unavailable
from liandong.local.messages import Reply, Request

_NAME = "control.sock"
_LONGEST_LINE = 1 << 22
_requests = msgspec.json.Decoder(Request)
_replies = msgspec.json.Decoder(Reply)

Answer = Callable[[Request], Awaitable[Reply]]


@contextlib.contextmanager
def _address(run: Path) -> Iterator[str]:
    """Yield a short name of the socket: a path of more than 107 characters is refused by the kernel."""
    folder = os.open(run, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{_NAME}"
    finally:
        os.close(folder)


async def serve(run: Path, answer: Answer) -> asyncio.Server:
    """Listen in the folder `run`; a socket that a dead supervisor left is replaced."""

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            request = _requests.decode(await reader.readuntil(b"\n"))
            writer.write(msgspec.json.encode(await answer(request)) + b"\n")
            await writer.drain()
        writer.close()

    (run / _NAME).unlink(missing_ok=True)
    with _address(run) as path:
        server = await asyncio.start_unix_server(client, path, limit=_LONGEST_LINE)
    (run / _NAME).chmod(0o600)
    return server


def call(run: Path, request: Request, timeout_s: float = 60.0) -> Reply:
    """Send one request to the supervisor of this folder and return its answer.

    Raises Unavailable when no supervisor listens or it does not answer in time.
    """
    try:
        with _address(run) as path, socket.socket(socket.AF_UNIX) as line:
            line.settimeout(timeout_s)
            line.connect(path)
            line.sendall(msgspec.json.encode(request) + b"\n")
            with line.makefile("rb") as answer:
                text = answer.readline()
    except OSError as error:
        raise Unavailable("Nothing runs here: start it with `make up`") from error
    if not text:
        raise Unavailable("The supervisor ended without an answer: see .liandong/logs/supervisor.log")
    return _replies.decode(text)
