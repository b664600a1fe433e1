"""Transactions: one Kafka transaction at a time, and what its errors mean. It knows nothing of events or states.

Three answers to an error: try the same call again, abort the transaction (TransactionAborted), or end the process
(Fenced, FatalError), because librdkafka's producer cannot recover from a fatal error.
"""

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeVar, cast

from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from liandong.errors import Fenced, LiandongError
from liandong.stream.isolation import Unit

log = logging.getLogger(__name__)
T = TypeVar("T")

Headers = list[tuple[str, bytes]]
Delivered = Callable[[KafkaError | None, Any], None]

_PATIENCE_S = 60.0
_START_S, _POSITIONS_S, _COMMIT_S, _ABORT_S = 30.0, 5.0, 10.0, 30.0  # how long the client may take for each call
_GRACE_S = 3.0  # beyond which a call that ignores its time-out counts as hung
_REFUSALS = (
    KafkaError.MSG_SIZE_TOO_LARGE,
    KafkaError.RECORD_LIST_TOO_LARGE,
    KafkaError.INVALID_MSG_SIZE,
    KafkaError.INVALID_MSG,
    KafkaError.INVALID_RECORD,
    KafkaError.TOPIC_EXCEPTION,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError._UNKNOWN_PARTITION,
)
_FENCING = (KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH)


class FatalError(LiandongError):
    """The engine cannot go on in this process: exit, the supervisor restarts."""


class TransactionAborted(LiandongError):
    """The open transaction cannot be committed; abort it and start over from the committed positions.

    `is_refused`: Kafka will never take one of its records; `unit`: what led to that record, where it is known.
    """

    def __init__(self, text: str, *, is_refused: bool = False) -> None:
        super().__init__(text)
        self.is_refused = is_refused
        self.unit: Unit | None = None


def verdict(error: KafkaError) -> Literal["retry", "abort", "fatal", "fenced"]:
    """Say what an error of a transactional call asks for."""
    if error.fatal() or error.code() in (KafkaError._FATAL, KafkaError._FENCED, KafkaError._STATE):
        return "fenced" if error.code() in _FENCING else "fatal"
    if error.txn_requires_abort() or not error.retriable():
        return "abort"
    return "retry"


def error_of(error: KafkaError) -> LiandongError:
    """Return the error of ours that a Kafka error amounts to."""
    kind = verdict(error)
    if kind == "fenced":
        return Fenced(f"another instance with the same transactional id took over: {error.str()}")
    if kind == "fatal":
        return FatalError(f"Kafka: {error.str()}")
    return TransactionAborted(error.str(), is_refused=error.code() in _REFUSALS)


def error_inside(error: KafkaError) -> LiandongError:
    """Return the error of ours for a call inside an open transaction.

    "Erroneous state" then says that the transaction has failed already, by a record that the broker refused a moment
    ago: it is to be aborted. A producer that is beyond repair says so by another code.
    """
    if error.code() == KafkaError._STATE and not error.fatal():
        return TransactionAborted(f"the transaction had failed already: {error.str()}")
    return error_of(error)


class Transactions:
    """The transactional producer of one engine. `is_open` says whether a transaction has begun.

    `watch`: learn of each record that Kafka refuses; costs time, so it is on only while something is wrong.
    """

    def __init__(self, producer: Producer) -> None:
        self._producer = producer
        self._overdue_at: float | None = None
        self.is_open = self.watch = False
        self.opened_at = 0.0
        self._refusal: KafkaError | None = None

    def start(self) -> None:
        """Fence the former incarnation of this instance and end what it left open."""
        self._call(_START_S, lambda: self._producer.init_transactions(_START_S))

    def begin(self) -> None:
        """Open a transaction unless one is open."""
        if not self.is_open:
            self._call(_COMMIT_S, self._producer.begin_transaction)
            self.is_open, self._refusal = True, None
            self.opened_at = time.monotonic()

    def produce(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Headers,
    ) -> None:
        """Add an event to the transaction; waits while the client's queue is full."""
        while True:
            try:
                if self.watch:
                    self._producer.produce(topic, value, key, headers=cast("Any", headers), on_delivery=self._watched)
                else:
                    self._producer.produce(topic, value, key, headers=cast("Any", headers))
            except BufferError:
                self._producer.poll(0.01)
            except KafkaException as error:
                raise error_inside(error.args[0]) from error
            else:
                return

    def produce_all(
        self, topic: str, partition: int, changes: Sequence[tuple[bytes, bytes | None]], delivered: Delivered
    ) -> None:
        """Add changelog records to one partition in one call; `delivered` is told about the last one only."""
        messages: list[dict[str, Any]] = [{"key": key, "value": value} for key, value in changes]
        if self.watch:
            for message in messages:
                message["callback"] = self._watched
        messages[-1]["callback"] = delivered
        end = time.monotonic() + _PATIENCE_S
        while messages:
            try:
                count = self._producer.produce_batch(topic, messages, partition=partition)
            except KafkaException as error:
                raise error_inside(error.args[0]) from error
            if count == len(messages):
                return
            messages = [message for message in messages if "_error" in message]
            errors = [message.pop("_error") for message in messages]
            other = next((error for error in errors if error.code() != KafkaError._QUEUE_FULL), None)
            if other is not None:
                raise error_inside(other)
            if time.monotonic() > end:
                raise TransactionAborted(f"the client's queue stays full; {len(messages)} records of {topic} are left")
            self._producer.poll(0.01)  # bounded memory: wait until the broker has taken some

    def send_positions(self, positions: Sequence[TopicPartition], group: Any) -> None:
        """Add input positions; this is also what fences an instance that has lost its partitions."""
        wanted = list(positions)
        self._call(
            _POSITIONS_S, lambda: self._producer.send_offsets_to_transaction(wanted, group, _POSITIONS_S), error_inside
        )

    def commit(self) -> None:
        """Commit; returns only when everything in the transaction is durable."""
        self._call(_COMMIT_S, lambda: self._producer.commit_transaction(_COMMIT_S), error_inside)
        self.is_open = False

    def abort(self) -> None:
        """Abort the open transaction; its records stay invisible."""
        if self.is_open:
            self._call(_ABORT_S, lambda: self._producer.abort_transaction(_ABORT_S))
            self.is_open = False

    def poll(self) -> None:
        """Serve delivery reports."""
        self._producer.poll(0)

    def wait_until(self, done: Callable[[], bool], seconds: float) -> bool:
        """Serve delivery reports until `done`; False when that takes longer than `seconds`."""
        end = time.monotonic() + seconds
        while not done():
            if time.monotonic() > end:
                return False
            self._producer.poll(0.005)
        return True

    def flush(self, seconds: float) -> None:
        """Wait until everything produced so far has been written (tests' fail points)."""
        self._producer.flush(seconds)

    @property
    def is_hung(self) -> bool:
        """Say (from any thread) whether a call goes on long after its time-out.

        send_offsets_to_transaction of librdkafka can wait for ever when the group's coordinator was restarted
        (librdkafka issues 5456 and 5511); only a new process ends that.
        """
        overdue_at = self._overdue_at
        return overdue_at is not None and time.monotonic() > overdue_at

    def _call(
        self, seconds: float, call: Callable[[], T], explain: Callable[[KafkaError], LiandongError] = error_of
    ) -> T:
        end = time.monotonic() + _PATIENCE_S
        while True:
            self._overdue_at = time.monotonic() + seconds + _GRACE_S
            try:
                return call()
            except KafkaException as error:
                if verdict(error.args[0]) != "retry" or time.monotonic() > end:
                    raise self._explained(explain(error.args[0])) from error
                log.debug("transaction call is tried again: %s", error.args[0].str())
                time.sleep(0.01)
            finally:
                self._overdue_at = None

    def note(self, error: KafkaError) -> None:
        """Take note of why a record was not delivered."""
        if error.code() in _REFUSALS:
            self._refusal = error

    def _watched(self, error: KafkaError | None, message: Any) -> None:
        if error is not None:
            self.note(error)

    def _explained(self, error: LiandongError) -> LiandongError:
        """Add to a failed call's error what was learnt of the records."""
        if self.watch and isinstance(error, TransactionAborted):
            self._producer.poll(0.05)
            if self._refusal is not None:
                return TransactionAborted(f"{error}: {self._refusal.str()}", is_refused=True)
        return error
