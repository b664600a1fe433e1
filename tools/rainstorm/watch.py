"""Reads every topic of a world as a downstream service would (read_committed); hands each event on, in order."""

import logging
import threading
import time
from collections.abc import Callable
from typing import cast

from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition
from liandong.errors import DecodeError, Unavailable
from liandong.event import Event, event_from
from liandong.settings import Settings
from liandong.wire import Codec
from liandong_contracts import topics
from liandong_contracts.base import Record

log = logging.getLogger(__name__)
Take = Callable[[Event[Record], float], None]


class Watch(threading.Thread):
    """Consumes all declared topics of the world from their beginning until stopped."""

    def __init__(self, settings: Settings, codec: Codec, take: Take) -> None:
        super().__init__(name="watch", daemon=True)
        self._codec = codec
        self._take = take
        self._halt = threading.Event()
        self.ready = threading.Event()
        self.undecodable = 0
        wire = [
            TopicPartition(topic.wire(settings.tier, settings.world), partition, OFFSET_BEGINNING)
            for topic in topics.ALL
            for partition in range(topic.partitions[settings.tier])
        ]
        self._consumer = Consumer(
            {
                "bootstrap.servers": settings.bootstrap,
                "group.id": settings.scoped("watch"),
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 50,
                "fetch.error.backoff.ms": 50,
                "reconnect.backoff.max.ms": 500,
                "log_level": 0,
            }
        )
        self._consumer.assign(wire)

    def run(self) -> None:
        """Poll until stopped; a broker that is away is waited for."""
        while not self._halt.is_set():
            message = self._consumer.poll(0.1)
            self.ready.set()
            if message is None:
                continue
            if message.error():
                log.debug("watch: %s", message.error())
                continue
            self._one(message, time.time())
        self._consumer.close()

    def _one(self, message: Message, at: float) -> None:
        value = message.value()
        while value is not None:
            try:
                record = self._codec.decode(value)
                event = event_from(
                    record,
                    cast("list[tuple[str, bytes]]", message.headers() or []),
                    topic=message.topic() or "",
                    partition=message.partition() or 0,
                    offset=message.offset() or 0,
                    timestamp_ms=message.timestamp()[1],
                )
            except Unavailable:
                self._halt.wait(0.2)  # the registry is being restarted; nothing may be skipped
                continue
            except DecodeError as error:
                self.undecodable += 1
                log.warning("watch: %s on %s", error, message.topic())
                return
            self._take(event, at)
            return

    def stop(self) -> None:
        """End the thread."""
        self._halt.set()
        self.join(5)
