"""Between the writer and the open pages: says that something changed, and makes each change into text once for all.

No queue per page: a page that reads slowly simply skips to the newest state, so its cost is bounded by one message.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime

import msgspec

from ioc_service.view.state import Position, State

_encode = msgspec.json.encode


class Message(msgspec.Struct, frozen=True):
    """One server-sent event, ready to send; `position` is where a page stands after it."""

    body: bytes
    position: Position


class Hub:
    """Shared by all pages of one process; everything but `changed` belongs to the event loop."""

    def __init__(self, state: State, now: Callable[[], datetime], most: int) -> None:
        self._state = state
        self._now = now
        self._most = most
        self._loop: asyncio.AbstractEventLoop | None = None
        self._bell = asyncio.Event()
        self._made: dict[str, asyncio.Task[Message]] = {}
        self.version = 0
        self.pages = 0
        self.latest = event("latest", [])
        self.latest_version = 0
        self.closed = False

    def start(self) -> None:
        """Take the running loop: the one that serves pages."""
        self._loop = asyncio.get_running_loop()

    def changed(self) -> None:
        """Say that rows were committed; from any thread, before and after the loop's life too."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._ring)

    def close(self) -> None:
        """End every page's stream; from any thread. The browser comes back by itself when a server is there again."""
        self.closed = True
        self.changed()

    def publish_latest(self, values: list[dict[str, object]]) -> None:
        """Keep values asked from the devices' owner for every page; not stored anywhere."""
        self.latest = event("latest", values)
        self.latest_version += 1
        self._ring()

    def enter(self) -> bool:
        """Count a page in, unless there are too many."""
        if self.pages >= self._most:
            return False
        self.pages += 1
        return True

    def leave(self) -> None:
        """Count a page out."""
        self.pages -= 1

    async def message(self, seen: Position | None) -> Message:
        """Return what a page that has seen `seen` needs now; made once for all pages that stand there."""
        key = str(seen)
        task = self._made.get(key)
        if task is None:
            task = self._made[key] = asyncio.create_task(self._make(seen))
        return await asyncio.shield(task)

    async def _make(self, seen: Position | None) -> Message:
        found = await asyncio.to_thread(self._state.since, seen, self._now())
        name = "snapshot" if found.whole else "delta"
        return Message(event(name, found.tables, str(found.position)), found.position)

    async def wait(self, version: int, latest_version: int, timeout_s: float) -> None:
        """Return when something is newer than these versions, or after the time-out."""
        if (version, latest_version) != (self.version, self.latest_version) or self.closed:
            return
        bell = self._bell
        try:
            await asyncio.wait_for(bell.wait(), timeout_s)
        except TimeoutError:
            return

    def _ring(self) -> None:
        self.version += 1
        self._made.clear()
        self._bell.set()
        self._bell = asyncio.Event()


def event(name: str, data: object, position: str = "") -> bytes:
    """Return one server-sent event. JSON has no raw line ends, so the data is one line whatever the text says."""
    head = f"event: {name}\nid: {position}\n" if position else f"event: {name}\n"
    return head.encode() + b"data: " + _encode(data) + b"\n\n"
