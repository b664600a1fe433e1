"""Reader: follows all partitions of one topic from the beginning, committed records only. It decodes nothing."""

import logging
import time
from collections.abc import Iterator
from typing import cast

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from liandong.errors import Unavailable
from liandong.settings import Settings
from liandong.stream.admin import Admin
from liandong.stream.messages import KafkaMessage

log = logging.getLogger(__name__)

_BATCH = 5000
_ASK_S = 5.0


class Row(msgspec.Struct, frozen=True):
    """One record; `value` None deletes its key."""

    key: str
    value: bytes | None
    headers: list[tuple[str, bytes]]


class TopicReader:
    """A consumer without a group. `next` is where it is, by partition; transaction markers count as read."""

    def __init__(self, settings: Settings, topic: str) -> None:
        self._topic = topic
        self._consumer = Consumer(
            {
                "bootstrap.servers": settings.bootstrap,
                "client.id": f"view.{topic}",
                "group.id": f"view.{topic}",  # required by the client, never joined
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 100,
                "fetch.error.backoff.ms": 50,
                "reconnect.backoff.max.ms": 1000,
            }
        )
        self.next: dict[int, int] = {}

    def begin(self) -> None:
        """Start at the first offset of every partition. Raises Unavailable while the topic or Kafka is not there."""
        try:
            known = self._consumer.list_topics(self._topic, timeout=_ASK_S).topics[self._topic]
        except KafkaException as error:
            raise Unavailable(f"Kafka does not answer: {error.args[0].str()}") from error
        if known.error is not None or not known.partitions:
            raise Unavailable(f"topic {self._topic} is not there")
        self.next = dict.fromkeys(known.partitions, 0)
        self._consumer.assign([TopicPartition(self._topic, number, 0) for number in known.partitions])

    def ends(self) -> dict[int, int]:
        """Ask the cluster for the end (last stable offset) of every partition. Raises Unavailable."""
        try:
            return {
                number: self._consumer.get_watermark_offsets(TopicPartition(self._topic, number), timeout=_ASK_S)[1]
                for number in self.next
            }
        except KafkaException as error:
            raise Unavailable(f"Kafka does not answer: {error.args[0].str()}") from error

    def has_reached(self, ends: dict[int, int]) -> bool:
        """Say whether everything before these offsets has been read."""
        return all(self.next[number] >= end for number, end in ends.items())

    def read(self, seconds: float) -> Iterator[Row]:
        """Return what has come, waiting for it up to `seconds`."""
        first = self._consumer.poll(seconds)
        if first is None:
            return
        for message in cast("list[KafkaMessage]", [first, *self._consumer.consume(_BATCH, 0)]):
            error = message.error()
            number = message.partition()
            if error is None:
                self.next[number] = message.offset() + 1
                yield _row(message)
            elif error.code() == KafkaError._PARTITION_EOF:
                self.next[number] = max(self.next[number], message.offset())
            else:
                log.warning("reading %s: %s", self._topic, error.str())

    def close(self) -> None:
        """Close the connections."""
        self._consumer.close()


def _row(message: KafkaMessage) -> Row:
    return Row((message.key() or b"").decode(errors="replace"), message.value(), message.headers() or [])


def read_to_end(settings: Settings, topic: str, seconds: float = 30.0, *, await_open: bool = False) -> dict[str, Row]:
    """Return the last record of each key up to the topic's present end, tombstones included.

    With `await_open` the end is the high watermark: what transactions have written that are open now counts too, once
    they have been committed. Raises Unavailable.
    """
    reader = TopicReader(settings, topic)
    deadline = time.monotonic() + seconds
    try:
        ends, last = _start(reader, deadline), {}
        if await_open:
            bounds = Admin(settings).bounds((topic, number) for number in ends)
            ends = {number: end for (_, number), (_, end) in bounds.items()}
        while not reader.has_reached(ends):
            if time.monotonic() > deadline:
                raise Unavailable(f"{topic} could not be read to its end within {seconds:.0f} s")
            for row in reader.read(0.1):
                last[row.key] = row
        return last
    finally:
        reader.close()


def _start(reader: TopicReader, deadline: float) -> dict[int, int]:
    """Begin and return the ends; a topic that has just been created may not answer yet."""
    while True:
        try:
            reader.begin()
            return reader.ends()
        except Unavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
