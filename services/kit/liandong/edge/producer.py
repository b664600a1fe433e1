"""EdgeProducer: publishes from an asyncio loop and says when Kafka has it. Nothing is dropped or acknowledged early.

Delivery reports are fetched by polling from the loop while something is in flight: no thread, no hop per message. While
no broker answers, publications wait; the service must then stop taking input (`room`). An error that the client cannot
get over ends the process, and the supervisor starts it anew: what was not acknowledged, its sender sends again.
"""

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, Protocol

import msgspec
from confluent_kafka import KafkaError, KafkaException, Producer
from liandong_contracts.base import Record, Topic
from prometheus_client import Counter, Gauge, Histogram

from liandong.errors import LiandongError
from liandong.event import Event, headers_of
from liandong.settings import Settings

log = logging.getLogger(__name__)

_POLL_S = 0.002
_SLOW_S = 5.0
_COMPLAIN_EVERY_S = 10.0
PUBLISHED = Counter("liandong_edge_published_total", "Events that Kafka acknowledged", ["topic"])
FAILED = Counter("liandong_edge_failed_total", "Events that Kafka refused for good", ["topic"])
IN_FLIGHT = Gauge("liandong_edge_in_flight", "Events given to the client and not yet acknowledged")
ACK_SECONDS = Histogram(
    "liandong_edge_ack_seconds",
    "Time until Kafka's acknowledgement",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60),
)


class PublishError(LiandongError):
    """Kafka refused this one event for good (too large, no such topic); others are not concerned."""


class Encoder(Protocol):
    """What is used of the codec."""

    def encode(self, topic: str, record: Record) -> bytes:
        """Return the framed bytes of a record for a topic (name on the wire)."""
        ...


class Client(Protocol):
    """What is used of confluent_kafka's Producer."""

    def produce(self, topic: str, value: bytes, key: bytes, *, on_delivery: Any, headers: Any) -> None:
        """Queue one message."""
        ...

    def poll(self, timeout: float) -> int:
        """Serve delivery reports."""
        ...

    def flush(self, timeout: float) -> int:
        """Wait for the queue; return what is left."""
        ...


class _Wire:
    """A topic's name on the wire and its counters."""

    __slots__ = ("failed", "name", "published")

    def __init__(self, name: str) -> None:
        self.name = name
        self.published = PUBLISHED.labels(name)
        self.failed = FAILED.labels(name)


class Publication(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One event to publish. `event_id` must be the same whenever the same input is published again.

    `time` is when it happened; the key is the topic's key of the record.
    """

    topic: Topic
    record: Record
    event_id: str
    time: datetime
    sequence: int | None = None
    area_code: str | None = None
    traceparent: str | None = None


def config_of(settings: Settings, name: str, linger_ms: float) -> dict[str, Any]:
    """Return the configuration of an idempotent producer that waits for a missing broker as long as it takes."""
    return {
        "bootstrap.servers": settings.bootstrap,
        "client.id": settings.scoped(f"{name}.{settings.instance}"),
        "enable.idempotence": True,
        "acks": "all",
        "linger.ms": linger_ms,
        "message.timeout.ms": 0,
        "retry.backoff.ms": 20,
        "retry.backoff.max.ms": 500,
        "reconnect.backoff.max.ms": 1000,
        "socket.nagle.disable": True,
        "queue.buffering.max.messages": 200_000,
        "partitioner": "murmur2_random",
    }


class EdgeProducer:
    """One producer of one edge process; use it from one loop only.

    At most `in_flight` events wait for Kafka before `room` makes callers wait; `send` itself never blocks.
    """

    def __init__(
        self,
        settings: Settings,
        codec: Encoder,
        service: str,
        *,
        in_flight: int = 4096,
        linger_ms: float = 2,
        client: Client | None = None,
        die: Callable[[int], Any] = os._exit,
    ) -> None:
        self._settings = settings
        self._codec = codec
        self._source = f"/{settings.area_code}/{service}"
        self._limit = in_flight
        self._die = die
        config = config_of(settings, service, linger_ms) | {"error_cb": self._on_error, "logger": log}
        self._client: Client = client or Producer(config)
        self._wires: dict[str, _Wire] = {}
        self._waiting: dict[int, float] = {}  # number of the event -> when it was sent, oldest first
        self._number = 0
        self._poller: asyncio.TimerHandle | None = None
        self._complained = 0.0
        self._served = asyncio.Event()  # set by each poll, so that who waits looks again

    @property
    def waiting(self) -> int:
        """Events that Kafka has not acknowledged yet."""
        return len(self._waiting)

    @property
    def has_room(self) -> bool:
        """Say whether more may be sent now."""
        return len(self._waiting) < self._limit

    def oldest_wait_s(self) -> float:
        """Return for how long the oldest unacknowledged event has been waiting."""
        first = next(iter(self._waiting.values()), None)
        return 0.0 if first is None else time.monotonic() - first

    @property
    def healthy(self) -> bool:
        """Say whether Kafka acknowledges in time."""
        return self.oldest_wait_s() < _SLOW_S

    async def room(self) -> None:
        """Wait until more may be sent."""
        while not self.has_room:
            self._served.clear()
            await self._served.wait()

    async def publish(self, publication: Publication) -> None:
        """Send one event and return when Kafka has acknowledged it. Raises PublishError when Kafka refuses it."""
        await self.room()
        await self.send(publication)

    def send(self, publication: Publication) -> asyncio.Future[None]:
        """Send one event; the future resolves when Kafka has acknowledged it, or raises PublishError.

        Events of one key stay in the order of the calls.
        """
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        topic = publication.topic
        wire = self._wires.get(topic.name)
        if wire is None:
            wire = self._wires[topic.name] = _Wire(topic.wire(self._settings.tier, self._settings.world))
        key = topic.key_of(publication.record)
        self._number += 1
        number = self._number
        try:
            value = self._codec.encode(wire.name, publication.record)
            self._client.produce(
                wire.name,
                value,
                key.encode(),
                on_delivery=partial(self._delivered, number, future, wire),
                headers=headers_of(self._event(publication, key)),
            )
        except (KafkaException, BufferError) as error:
            wire.failed.inc()
            future.set_exception(PublishError(f"{wire.name}: {error}"))
            return future
        self._waiting[number] = time.monotonic()
        if self._poller is None:
            self._poller = loop.call_later(_POLL_S, self._poll, loop)
        return future

    async def close(self, patience_s: float = 5.0) -> None:
        """Wait for what is in flight, at most `patience_s`; say what Kafka never acknowledged."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                while self._waiting:
                    self._served.clear()
                    await self._served.wait()
        if self._poller is not None:
            self._poller.cancel()
        if self._waiting:
            log.warning("%d events were not acknowledged by Kafka; their senders were not told yes", len(self._waiting))

    def _event(self, publication: Publication, key: str) -> Event[Record]:
        return Event(
            data=publication.record,
            id=publication.event_id,
            type=publication.record.FULL_NAME,
            source=self._source,
            time=publication.time,
            key=key,
            sequence=publication.sequence,
            area_code=publication.area_code,
            traceparent=publication.traceparent,
        )

    def _poll(self, loop: asyncio.AbstractEventLoop) -> None:
        """Serve delivery reports, and come back while there are more to come."""
        self._client.poll(0)
        self._poller = loop.call_later(_POLL_S, self._poll, loop) if self._waiting else None
        IN_FLIGHT.set(len(self._waiting))
        self._served.set()

    def _delivered(self, number: int, future: asyncio.Future[None], wire: _Wire, error: Any, message: Any) -> None:
        sent = self._waiting.pop(number, None)
        if error is not None:
            wire.failed.inc()
            if not future.done():
                future.set_exception(PublishError(f"{wire.name}: {error}"))
            return
        wire.published.inc()
        if sent is not None:
            ACK_SECONDS.observe(time.monotonic() - sent)
        if not future.done():
            future.set_result(None)

    def _on_error(self, error: KafkaError) -> None:
        """Errors of the client as a whole; most are passing (a broker away) and only reported."""
        if error.fatal() or error.code() == KafkaError._FATAL:
            log.critical("the Kafka client cannot go on: %s; this process ends to be started anew", error)
            self._die(70)
            return
        if time.monotonic() - self._complained > _COMPLAIN_EVERY_S:
            self._complained = time.monotonic()
            log.warning("Kafka: %s", error)
