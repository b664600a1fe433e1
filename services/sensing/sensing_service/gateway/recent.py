"""Reports that Kafka lately got from this process, by id: what a device sends again is not published again.

A convenience, not a promise: a new process remembers nothing, and then the judge fences the repeat by its id.
"""

import asyncio
from functools import partial

_SIZE = 32_768


class Recent:
    """The last ids, with the future of each while Kafka has not acknowledged it."""

    def __init__(self, size: int = _SIZE) -> None:
        self._size = size
        self._ids: dict[str, asyncio.Future[None] | None] = {}

    def find(self, report_id: str) -> "asyncio.Future[None] | None":
        """Return when the report is safe, if it is known; None if it is not."""
        if report_id not in self._ids:
            return None
        sent = self._ids[report_id]
        if sent is None:
            sent = asyncio.get_running_loop().create_future()
            sent.set_result(None)
        return sent

    def note(self, report_id: str, sent: "asyncio.Future[None]") -> None:
        """Remember a report that was just sent; forget it again if Kafka refuses it."""
        self._ids[report_id] = sent
        if len(self._ids) > self._size:
            del self._ids[next(iter(self._ids))]
        sent.add_done_callback(partial(self._settled, report_id))

    def _settled(self, report_id: str, sent: "asyncio.Future[None]") -> None:
        if self._ids.get(report_id) is not sent:
            return
        if sent.cancelled() or sent.exception() is not None:
            del self._ids[report_id]
        else:
            self._ids[report_id] = None
