"""Publishes for threads that must wait for Kafka's word: an EdgeProducer on a loop of its own. It decides nothing."""

import asyncio
import threading

from liandong.edge import EdgeProducer, Publication
from liandong.settings import Settings
from liandong.wire import Codec


class BlockingPublisher:
    """Call `publish` from any thread. Publishing again with the same event id is harmless to readers that fence."""

    def __init__(self, settings: Settings, codec: Codec, deadline_s: float) -> None:
        self._deadline_s = deadline_s
        self._loop = asyncio.new_event_loop()
        self._producer = EdgeProducer(settings, codec, "flood", linger_ms=0)
        self._thread = threading.Thread(target=self._loop.run_forever, name="publisher", daemon=True)
        self._thread.start()

    def publish(self, publication: Publication) -> None:
        """Return when Kafka has the event. Raises PublishError when it refuses, TimeoutError after the deadline.

        After a TimeoutError the event may still arrive: ask again with the same event id.
        """
        asyncio.run_coroutine_threadsafe(self._producer.publish(publication), self._loop).result(self._deadline_s)

    def stop(self) -> None:
        """Wait shortly for what is in flight and end the thread."""
        asyncio.run_coroutine_threadsafe(self._producer.close(1.0), self._loop).result(2.0)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(2.0)
