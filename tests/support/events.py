"""Reads events of a world as another service would: committed ones only, decoded, in order per partition."""

import time
from collections.abc import Callable
from typing import Any, TypeVar, cast

from confluent_kafka import Consumer, TopicPartition
from liandong.event import Event, event_from
from liandong.settings import Settings
from liandong.wire import Codec, codec_of
from liandong_contracts.base import Record, Topic

R = TypeVar("R", bound=Record)
T = TypeVar("T")


def until(what: str, look: Callable[[], T], seconds: float = 60.0) -> T:
    """Ask again until the answer is true; the test fails after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        if result := look():
            return result
        assert time.monotonic() < end, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.05)


class Events:
    """Everything on some topics of a world, from the beginning."""

    def __init__(self, settings: Settings, *topics: Topic) -> None:
        self._codec: Codec = codec_of(settings)
        self.all: list[Event[Any]] = []
        self._consumer = Consumer(
            {
                "bootstrap.servers": settings.bootstrap,
                "group.id": "test",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
            }
        )
        places = [
            TopicPartition(topic.wire(settings.tier, settings.world), number, 0)
            for topic in topics
            for number in range(topic.partitions[settings.tier])
        ]
        self._consumer.assign(places)

    def read(self) -> list[Event[Any]]:
        """Take what is there now; return everything so far."""
        for message in self._consumer.consume(1000, 0.1):
            if message.error() is not None:
                continue
            headers = cast("list[tuple[str, bytes]]", message.headers())
            record = self._codec.decode(message.value())
            topic, partition = str(message.topic()), int(message.partition() or 0)
            self.all.append(event_from(record, headers, topic=topic, partition=partition))
        return self.all

    def of(self, record: type[R]) -> list[Event[R]]:
        """Return the events of one record type so far."""
        return [event for event in self.read() if isinstance(event.data, record)]

    def until(self, what: str, record: type[R], count: int, seconds: float = 60.0) -> list[Event[R]]:
        """Wait for at least so many events of a type and return them."""
        return until(what, lambda: found if len(found := self.of(record)) >= count else [], seconds)

    def close(self) -> None:
        """Close the connections."""
        self._consumer.close()
