"""Engine: the loop that takes messages, runs handlers, fires timers and commits. One thread, one transaction at a time.

Outputs, changelog records, dead letters and input positions go into one Kafka transaction; local stores are written
only after it has been committed. An event after a pause is committed at once; while events keep coming, commits keep
half of `latency_ms` apart; with more waiting than a batch holds, a transaction collects for `latency_ms`.
"""

import logging
import threading
import time
from contextlib import suppress
from typing import Any, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from liandong.clock import Clock
from liandong.errors import DecodeError, LiandongError, PositionError, Unavailable
from liandong.stream.changelog import Restorer
from liandong.stream.commits import Commits
from liandong.stream.deadletters import HANDLER_FAILED, TIMER_FAILED, FailureLimit, letter_headers, letter_of
from liandong.stream.intake import Intake
from liandong.stream.messages import KafkaMessage
from liandong.stream.metrics import Meters
from liandong.stream.parts import Part, Phase
from liandong.stream.positions import hint
from liandong.stream.processor import Effect, Processor
from liandong.stream.rebalance import Assignments
from liandong.stream.timers import from_ms, to_ms
from liandong.stream.topology import Topology
from liandong.stream.transactions import FatalError, TransactionAborted, Transactions, error_of
from liandong.stream.tuning import Tuning
from liandong.telemetry.ops import Health

log = logging.getLogger(__name__)

_LONGEST_WAIT_S = 0.1
_TELL_EVERY_S = 1.0
_IDLE_COMMIT_S = 30.0
_HOLD_S = 1.0
_STUCK_S = 30.0
_ABORTS_IN_A_ROW = 20
_OFFSET_GONE = (KafkaError.OFFSET_OUT_OF_RANGE, KafkaError._AUTO_OFFSET_RESET)


class Engine:
    """Runs one service on this process' thread. `build` in `run.py` puts the pieces together."""

    def __init__(
        self,
        service: str,
        topology: Topology,
        *,
        consumer: Consumer,
        transactions: Transactions,
        intake: Intake,
        processor: Processor,
        assignments: Assignments,
        restorer: Restorer,
        clock: Clock,
        meters: Meters,
        dead_letters: str,
        tuning: Tuning,
    ) -> None:
        self._service = service
        self._topology = topology
        self._consumer = consumer
        self._transactions = transactions
        self._intake = intake
        self._processor = processor
        self._assignments = assignments
        self._restorer = restorer
        self._clock = clock
        self._meters = meters
        self._commits = Commits(transactions, consumer, assignments, meters)
        self._dead_letters = dead_letters
        self._tuning = tuning
        self._limit = FailureLimit(tuning.failures_in_a_row, tuning.failure_share)
        self._handled = 0
        self._in_transaction = self._aborts_in_a_row = 0
        self._lag: int | None = None
        self._told_at = self._turned_at = time.monotonic()

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set, then finish the batch, commit and leave the group.

        Raises FatalError, Fenced, PositionError, ConfigError or Unavailable when this process cannot go on.
        """
        self._transactions.start()
        self._assignments.subscribe(self._commits.settle)
        try:
            while not stop.is_set():
                try:
                    self._turn()
                except TransactionAborted as error:
                    self._start_over(error, stop)
                except KafkaException as error:
                    self._on_client_error(error, stop)
            self._commits.settle(True)
            self._consumer.close()
        except PositionError:
            self._let_go()
            raise
        finally:
            self._assignments.close()
            self._restorer.close()

    def _let_go(self) -> None:
        """Leave the group without a commit, so that `liandong recover` need not wait for this member's session."""
        with suppress(KafkaException, LiandongError):
            self._commits.settle(False)
            self._consumer.close()

    def health(self) -> Health:
        """Return whether this instance works, and its lag (from any thread)."""
        idle = time.monotonic() - self._turned_at
        if idle > _STUCK_S:
            return Health(False, f"the engine has not turned for {idle:.0f} s", self._lag)
        if self._restorer.is_busy:
            return Health(False, f"restoring, {self._restorer.left} changelog records to go", self._lag)
        parts = self._assignments.parts
        waiting = [part for part in parts if part.phase is not Phase.RUNNING]
        if waiting:
            return Health(False, f"{len(waiting)} partitions wait for their other inputs or their store", self._lag)
        if not self._assignments.rounds:
            return Health(False, "no partitions assigned yet", self._lag)
        return Health(True, f"{len(parts)} partitions", self._lag)

    @property
    def service(self) -> str:
        """Return the service's name."""
        return self._service

    @property
    def is_hung(self) -> bool:
        """Say (from any thread) whether the Kafka client no longer answers; the process must then be replaced."""
        return self._transactions.is_hung

    # -- the loop

    def _turn(self) -> None:
        messages = self._consume()
        if messages:
            self._take(messages)
        self._fire_due()
        if self._transactions.is_open and self._is_commit_due(len(messages)):
            self._commit()
        if self._restorer.is_busy:
            for part in self._restorer.step(0.0 if messages else 0.02):
                self._assignments.activate(part)
        self._transactions.poll()
        self._tell()

    def _consume(self) -> list[KafkaMessage]:
        """Take what is there, waiting a little for the first; a batch that spans a rebalance is thrown away."""
        rounds = self._assignments.rounds
        wait = self._wait_s()
        first = self._consumer.poll(wait) if wait > 0 else None
        more = self._consumer.consume(self._tuning.batch, 0) if first is not None or wait <= 0 else []
        messages = cast("list[KafkaMessage]", [first, *more] if first is not None else more)
        if rounds != self._assignments.rounds:
            self._in_transaction = 0
            self._assignments.rewind_all()
            return []
        return messages

    def _wait_s(self) -> float:
        if self._restorer.is_busy:
            return 0.0
        wait = _LONGEST_WAIT_S
        if self._transactions.is_open:
            wait = min(wait, self._paced_at() - time.monotonic())
        dues = [
            due
            for part in self._assignments.running
            if part.open
            for table in part.tables
            if (due := table.schedule.next_due()) is not None
        ]
        if dues:
            wait = min(wait, self._clock.seconds_until(from_ms(min(dues))))
        return max(0.0, wait)

    def _take(self, messages: list[KafkaMessage]) -> None:
        by_topic, transactions = self._assignments.by_topic, self._transactions
        for message in messages:
            topic = message.topic()
            numbers = by_topic.get(topic)
            part = numbers.get(message.partition()) if numbers is not None else None
            if message.error() is not None:
                self._on_message_error(message, part)
                continue
            offset = message.offset()
            if part is None or not part.open or offset < part.positions[topic]:
                continue
            if not transactions.is_open:
                transactions.begin()
            try:
                self._handle(message, topic, part)
            except Unavailable as error:
                log.warning("%s-%d waits: %s", topic, part.number, error)
                self._assignments.hold(part, _HOLD_S)
                continue
            part.positions[topic] = offset + 1
        self._in_transaction += len(messages)

    def _handle(self, message: KafkaMessage, topic: str, part: Part) -> None:
        """Take one message: its effect, or its dead letter, joins the transaction."""
        try:
            read = self._intake.read(message, topic)
            if read is None:
                self._meters.skipped += 1
                return
            effect = self._processor.on_event(read[0], read[1], part.tables)
        except DecodeError as error:
            self._bury(message, error.reason, error.detail)
        except Unavailable:
            raise
        except Exception as error:
            log.exception("%s-%d offset %s: handler failed", topic, part.number, message.offset())
            self._limit.failed(self._handled, error)
            self._bury(message, HANDLER_FAILED, repr(error))
        else:
            self._handled += 1
            self._meters.events += 1
            self._enter(effect)

    def _enter(self, effect: Effect) -> None:
        effect.apply()
        self._meters.fenced += effect.fenced
        self._meters.late += effect.late
        if effect.outputs:
            self._meters.outputs += len(effect.outputs)
            for output in effect.outputs:
                self._transactions.produce(output.topic, output.key, output.value, output.headers)

    def _bury(self, message: KafkaMessage, reason: str, error: str) -> None:
        self._meters.dead_letter(reason)
        headers = letter_of(message, self._service, reason, error)
        self._transactions.produce(self._dead_letters, message.key(), message.value(), headers)

    # -- timers

    def _fire_due(self) -> None:
        left = self._tuning.timers_at_once
        now = to_ms(self._clock.now())
        for part in self._assignments.running:
            states = self._topology.groups[part.group].states
            for position, table in enumerate(part.tables):
                while part.open and left > 0 and (due := table.pop_due(now)) is not None:
                    left -= 1
                    self._transactions.begin()
                    self._fire(part, position, states[position], *due)

    def _fire(self, part: Part, position: int, state: Any, key: str, name: str, due: int) -> None:
        table = part.tables[position]
        try:
            effect = self._processor.on_timer(state, table, key, name, due)
        except Unavailable as error:
            log.warning("timer %s of %s %s waits: %s", name, state.name, key, error)
            table.put_back(key, name, due)
            self._assignments.hold(part, _HOLD_S)
        except Exception as error:
            log.exception("timer %s of %s %s failed", name, state.name, key)
            self._limit.failed(self._handled, error)
            self._processor.drop_timer(table, key, name)
            self._meters.dead_letter(TIMER_FAILED)
            at = part.changelogs[position], part.number, -1
            headers = letter_headers(None, self._service, TIMER_FAILED, repr(error), at)
            about = [("dl_timer", name.encode()), ("dl_due", str(due).encode())]
            self._transactions.produce(self._dead_letters, key.encode(), b"", headers + about)
        else:
            self._handled += 1
            self._meters.timers += 1
            self._enter(effect)
        self._in_transaction += 1

    # -- when to commit

    def _is_commit_due(self, taken: int) -> bool:
        if self._in_transaction >= self._tuning.transaction_events:
            return True
        longest = self._transactions.opened_at + self._tuning.latency_ms / 1000
        return time.monotonic() >= (longest if taken >= self._tuning.batch else min(longest, self._paced_at()))

    def _paced_at(self) -> float:
        """Return the earliest time of the next commit: each one costs the broker more than the events in it."""
        return self._commits.last_at + self._tuning.latency_ms / 2000

    def _commit(self) -> None:
        self._commits.commit()
        self._in_transaction = self._aborts_in_a_row = 0

    def _abort(self) -> None:
        self._commits.abort()
        self._in_transaction = 0

    # -- errors and figures

    def _on_message_error(self, message: KafkaMessage, part: Part | None) -> None:
        error = message.error()
        code = error.code() if error is not None else None
        if error is None or code == KafkaError._PARTITION_EOF:
            if part is not None:
                part.advance(message.topic(), message.offset())
        elif code in _OFFSET_GONE:
            raise PositionError(
                f"{message.topic()}-{message.partition()}: the position is no longer in the topic ({error.str()}); "
                f"records were deleted before they were handled. {hint(self._service)}"
            )
        elif error.fatal() or code == KafkaError._FATAL:
            raise error_of(error)
        else:
            log.warning("consumer: %s", error.str())

    def _on_client_error(self, error: KafkaException, stop: threading.Event) -> None:
        ours = error_of(error.args[0])
        if not isinstance(ours, TransactionAborted):
            raise ours from error
        self._start_over(ours, stop)

    def _start_over(self, error: TransactionAborted, stop: threading.Event) -> None:
        """Abort and take the same events again, more slowly each time. Raises FatalError when that never helps."""
        self._aborts_in_a_row += 1
        if self._aborts_in_a_row > _ABORTS_IN_A_ROW:
            raise FatalError(f"{_ABORTS_IN_A_ROW} transactions in a row were aborted, the last one because: {error}")
        log.warning("the transaction is aborted and started over: %s", error)
        self._abort()
        stop.wait(min(1.0, 0.01 * 2**self._aborts_in_a_row))

    def _tell(self) -> None:
        """Once a second: release held parts, measure the lag, commit positions that moved past markers only."""
        now = self._turned_at = time.monotonic()
        if now - self._told_at < _TELL_EVERY_S:
            return
        self._told_at = now
        self._assignments.release()
        parts = self._assignments.parts
        self._lag = self._measured_lag(parts)
        self._meters.lag.set(self._lag or 0)
        self._meters.armed.set(sum(len(table.schedule) for part in parts for table in part.tables))
        for phase in Phase:
            self._meters.partitions(phase.value, sum(part.phase is phase for part in parts))
        idle = now - self._commits.last_at > _IDLE_COMMIT_S
        if idle and not self._transactions.is_open and any(part.touched for part in self._assignments.running):
            self._transactions.begin()
            self._commit()

    def _measured_lag(self, parts: list[Part]) -> int | None:
        lag = 0
        for part in parts:
            for topic, number in part.inputs:
                _, end = self._consumer.get_watermark_offsets(TopicPartition(topic, number), cached=True)
                if end < 0:
                    return None
                lag += max(0, end - part.positions[topic])
        return lag
