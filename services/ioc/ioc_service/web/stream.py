"""GET /events: the state, then its changes, as server-sent events; taken up again from Last-Event-ID.

Each page holds one position and nothing else. A page that does not read is cut off after a while.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable

from starlette.types import Message as AsgiMessage
from starlette.types import Receive, Scope, Send

from ioc_service.view.state import Position
from ioc_service.web.hub import Hub

log = logging.getLogger(__name__)

BEAT_S = 5.0
GAP_S = 0.1
STALLED_S = 20.0
RETRY_MS = 1000

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


class EventStream:
    """One page's stream, as an ASGI response. `beat` returns the clock message."""

    def __init__(self, hub: Hub, seen: Position | None, beat: Callable[[], bytes]) -> None:
        self._hub = hub
        self._seen = seen
        self._beat = beat

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve until the page goes, stalls, or the process ends."""
        if not self._hub.enter():
            await _refuse(send)
            return
        talk = asyncio.create_task(self._talk(send))
        gone = asyncio.create_task(_disconnected(receive))
        try:
            await asyncio.wait({talk, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._hub.leave()
            for task in (talk, gone):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, TimeoutError, OSError):
                    await task

    async def _talk(self, send: Send) -> None:
        await _send(send, {"type": "http.response.start", "status": 200, "headers": _HEADERS})
        await _write(send, f"retry: {RETRY_MS}\n\n".encode() + self._beat())
        latest = -1
        loop = asyncio.get_running_loop()
        beat_at = loop.time() + BEAT_S
        while not self._hub.closed:
            version = self._hub.version
            message = await self._hub.message(self._seen)
            out = message.body if message.position != self._seen else b""
            self._seen = message.position
            if latest != self._hub.latest_version:
                latest = self._hub.latest_version
                out += self._hub.latest
            if loop.time() >= beat_at:
                beat_at = loop.time() + BEAT_S
                out += self._beat()
            if out:
                await _write(send, out)
                await asyncio.sleep(GAP_S)
            await self._hub.wait(version, latest, max(0.0, beat_at - loop.time()))
        await _send(send, {"type": "http.response.body", "body": b"", "more_body": False})


async def _write(send: Send, body: bytes) -> None:
    await _send(send, {"type": "http.response.body", "body": body, "more_body": True})


async def _send(send: Send, message: AsgiMessage) -> None:
    # the server waits while the page's socket is full: that is the back-pressure, and this is its end
    await asyncio.wait_for(send(message), STALLED_S)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


async def _refuse(send: Send) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"retry-after", b"5")]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": "打开的页面太多，请稍后再试".encode()})
