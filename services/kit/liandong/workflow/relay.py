"""The relay: outbox rows leave for Kafka exactly once and in order.

Rows and the id of the last one (the high-water mark, in a compacted topic) go out in one Kafka transaction. On start,
`init_transactions` fences an older relay and settles its open transaction; only then the mark is read. So whatever
moment the process dies at, the mark says which rows are out. Of several replicas one leads, by a lock in the database;
the others stand by.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from sqlalchemy.exc import DBAPIError

from liandong.errors import Fenced, LiandongError
from liandong.workflow import metrics, outbox
from liandong.workflow.binding import Binding
from liandong.workflow.settings import WorkflowSettings
from liandong.workflow.sql import Database

log = logging.getLogger(__name__)

_BATCH = 1000
_POLL_S = 0.5
_CLEAN_EVERY_S = 60.0
_TAIL = 64
_FENCED = (KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH)


class RestoredDatabase(LiandongError):
    """The database is older than what was published from it; publishing on would skip events silently."""


class Relay(threading.Thread):
    """Publishes until stopped. `clean` is called now and then with the mark up to which rows may go."""

    def __init__(self, binding: Binding, database: Database, clean: Callable[[int], None]) -> None:
        super().__init__(name="relay", daemon=True)
        self._binding = binding
        self._database = database
        self._clean = clean
        self._wake = threading.Event()
        self._halt = threading.Event()
        self._drain_until = 0.0
        self.mark = 0
        self.led = threading.Event()
        self.leading = False
        self.standing_by = False
        self.failure: BaseException | None = None

    # ---- from any thread

    def wake(self) -> None:
        """Say that rows were committed."""
        self._wake.set()

    def stop(self, drain_s: float) -> None:
        """Publish what is committed for at most this long, then end."""
        self._drain_until = time.monotonic() + drain_s
        self._halt.set()
        self._wake.set()
        self.led.set()  # whoever waits for the lead need not wait any longer

    # ---- the thread

    def run(self) -> None:
        """Lead again and again until stopped; being fenced or a restored database is kept in `failure`."""
        while not self._halt.is_set():
            try:
                self._take_part()
            except RestoredDatabase as error:
                log.error("%s", error)
                self.failure = error
                return
            except (KafkaException, DBAPIError, OSError) as error:
                if _is_fenced(error) and not self._database.shared:
                    log.error("another relay of %s took over", self._binding.service)
                    self.failure = Fenced(f"another relay of {self._binding.service} took over")
                    return
                log.warning("relay: %s; trying again", str(error)[:200])
                self._halt.wait(0.5)
            finally:
                self.leading = self.standing_by = False

    def _take_part(self) -> None:
        """Wait for the lead where replicas share the database, then publish."""
        if self._database.shared:
            self.mark = read_mark(self._binding.settings, self._binding.service)
            self._check_not_restored()
            self.standing_by = True
            self.led.set()
        with self._database.lead(self._halt.is_set) as connection:
            self.standing_by = False
            if connection is not None:
                self._lead(connection)

    def _lead(self, connection: sa.Connection) -> None:
        producer = Producer(producer_settings(self._binding.settings, self._binding.service))
        producer.init_transactions(30)
        self.mark = read_mark(self._binding.settings, self._binding.service)
        self._check_not_restored()
        self.leading = True
        self.led.set()
        log.info("relay publishes from outbox row %d on", self.mark + 1)
        cleaned = time.monotonic()
        while not self._finished():
            self._wake.clear()
            with connection.begin():
                rows = outbox.rows_after(connection, self.mark, _BATCH)
            metrics.OUTBOX.labels(self._binding.service).set(len(rows))
            if rows:
                self._publish(producer, rows)
                continue
            if self._halt.is_set():
                return
            if time.monotonic() - cleaned > _CLEAN_EVERY_S:
                cleaned = time.monotonic()
                self._clean(self.mark)
            self._wake.wait(_POLL_S)
            producer.poll(0)

    def _finished(self) -> bool:
        return self._halt.is_set() and time.monotonic() > self._drain_until

    def _publish(self, producer: Producer, rows: Any) -> None:
        """Send rows and the new mark in one transaction; an abort leaves the mark where it was."""
        producer.begin_transaction()
        try:
            for row in rows:
                self._produce(producer, row.topic, row.value, row.key, outbox.headers(row))
            mark = rows[-1].id
            key = self._binding.service.encode()
            self._produce(producer, self._binding.relay_topic, str(mark).encode(), key, [], partition=0)
            self._commit(producer)
        except KafkaException as error:
            cause = error.args[0]
            if not cause.txn_requires_abort():
                raise  # a new producer, and the mark is read again
            log.warning("relay: transaction aborted: %s", cause)
            producer.abort_transaction(30)
            return
        self.mark = mark
        metrics.PUBLISHED.labels(self._binding.service).inc(len(rows))

    @staticmethod
    def _produce(
        producer: Producer, topic: str, value: bytes, key: bytes, headers: Any, *, partition: int = -1
    ) -> None:
        while True:
            try:
                producer.produce(topic, value, key, partition, headers=headers)
                return
            except BufferError:
                producer.poll(0.1)

    def _commit(self, producer: Producer) -> None:
        while True:
            try:
                producer.commit_transaction(30)
                return
            except KafkaException as error:
                if not error.args[0].retriable():
                    raise

    def _check_not_restored(self) -> None:
        top = self._database.top_of_outbox()
        if top < self.mark:
            raise RestoredDatabase(
                f"{self._database.name} has given {top} outbox ids but {self.mark} are published: it was restored from "
                f"an older copy. Put the newer one back, or repair this one: liandong recover {self._binding.service}"
            )


def producer_settings(settings: WorkflowSettings, service: str) -> dict[str, Any]:
    """Return the settings of a service's one publishing producer; a newer one fences the older."""
    return {
        "bootstrap.servers": settings.bootstrap,
        "transactional.id": settings.scoped(f"{service}.relay"),
        "enable.idempotence": True,
        "acks": "all",
        "linger.ms": 0,
        "retry.backoff.ms": 2,  # librdkafka's 100 makes every transaction wait 100 ms
        "socket.nagle.disable": True,
        "transaction.timeout.ms": 15000,
        "message.timeout.ms": 12000,
        "reconnect.backoff.max.ms": 500,
        "partitioner": "murmur2_random",
        "log_level": 0,
    }


def read_mark(settings: WorkflowSettings, service: str) -> int:
    """Return the last mark; final once `init_transactions` has decided the predecessor's fate."""
    topic, key = settings.scoped(f"{service}.relay.v1"), service.encode()
    consumer = Consumer(
        {
            "bootstrap.servers": settings.bootstrap,
            "group.id": settings.scoped(f"{service}.relay"),
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "reconnect.backoff.max.ms": 500,
            "log_level": 0,
        }
    )
    try:
        low, high = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=10)
        back = _TAIL
        while True:
            start = max(low, high - back)
            mark = _last_value(consumer, topic, key, start)
            if mark is not None or start == low:
                return mark or 0
            back *= 8
    finally:
        consumer.close()


def _is_fenced(error: Exception) -> bool:
    return isinstance(error, KafkaException) and error.args[0].code() in _FENCED


def _last_value(consumer: Consumer, topic: str, key: bytes, start: int) -> int | None:
    """Return the last value of `key` from `start` to the end of partition 0."""
    consumer.assign([TopicPartition(topic, 0, start)])
    found = None
    while True:
        message = consumer.poll(10)
        if message is None:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        error = message.error()
        if error is None:
            if message.key() == key:
                found = int(message.value() or b"0")
        elif error.code() == KafkaError._PARTITION_EOF:
            return found
        else:
            raise KafkaException(error)
