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

from confluent_kafka import Consumer, KafkaError, KafkaException
from liandong_contracts.kit import HeldRecord

from liandong.clock import Clock
from liandong.errors import LiandongError, PositionError, Unavailable
from liandong.stream.changelog import Restorer
from liandong.stream.commits import Commits
from liandong.stream.deadletters import FailureLimit
from liandong.stream.gauges import lag_of, measure
from liandong.stream.handling import Handling
from liandong.stream.held import Place
from liandong.stream.intake import Intake
from liandong.stream.isolation import Isolation
from liandong.stream.letters import Letters
from liandong.stream.messages import KafkaMessage
from liandong.stream.metrics import Meters
from liandong.stream.parts import Part, Phase
from liandong.stream.positions import hint
from liandong.stream.processor import Processor
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
_HELD_AT_ONCE = 200
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
        letters: Letters,
        clock: Clock,
        meters: Meters,
        dead_letters: str,
        tuning: Tuning,
    ) -> None:
        self._service = service
        self._topology = topology
        self._consumer = consumer
        self._transactions = transactions
        self._assignments = assignments
        self._restorer = restorer
        self._clock = clock
        self._meters = meters
        self._letters = letters
        self._commits = Commits(transactions, consumer, assignments, letters.topic, meters)
        self._tuning = tuning
        self._isolation = Isolation(tuning.transaction_events)
        limit = FailureLimit(tuning.failures_in_a_row, tuning.failure_share)
        self._handling = Handling(
            service, intake, processor, transactions, meters, dead_letters, limit, self._isolation
        )
        self._aborts_in_a_row = 0
        self._lag: int | None = None
        self._told_at = self._turned_at = time.monotonic()

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set, then finish the batch, commit and leave the group.

        Raises FatalError, Fenced, PositionError, ConfigError or Unavailable when this process cannot go on.
        """
        self._transactions.start()
        self._letters.start()
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
            self._letters.close()

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
        self._redress()
        self._fire_due()
        if self._transactions.is_open and self._is_commit_due(len(messages)):
            self._commit()
        if self._restorer.is_busy:
            for part in self._restorer.step(0.0 if messages else 0.02):
                self._assignments.restored(part)
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
            self._handling.units = 0
            self._assignments.rewind_all()
            return []
        return messages

    def _wait_s(self) -> float:
        if self._restorer.is_busy or self._assignments.is_waiting:
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
        by_topic, transactions, handling = self._assignments.by_topic, self._transactions, self._handling
        lane = handling.lane.take if handling.lane is not None and not self._isolation.is_active else None
        usual = 0
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
            if self._isolation.is_active:
                self._make_room()
            if not transactions.is_open:
                transactions.begin()
            if lane is not None and not part.lot.queues and lane(message, topic, part.tables):
                usual += 1
                part.positions[topic] = offset + 1
                continue
            handling.usual(usual)
            usual = 0
            try:
                handling.message(message, topic, part)
            except Unavailable as error:
                log.warning("%s-%d waits: %s", topic, part.number, error)
                self._assignments.hold(part, _HOLD_S)
                continue
            part.positions[topic] = offset + 1
        handling.usual(usual)

    def _make_room(self) -> None:
        """While something is refused, transactions are small: end the open one if it holds enough."""
        if self._isolation.is_full(self._handling.units):
            self._commit()

    # -- timers and held records

    def _fire_due(self) -> None:
        left = self._tuning.timers_at_once
        now = to_ms(self._clock.now())
        for part in self._assignments.running:
            states = self._topology.groups[part.group].states
            for position, (table, state) in enumerate(zip(part.tables, states, strict=True)):
                table.refill()
                while part.open and left > 0 and (due := table.pop_due(now)) is not None:
                    left -= 1
                    self._fire(part, position, state, *due)

    def _fire(self, part: Part, position: int, state: Any, key: str, name: str, due: int) -> None:
        if self._isolation.is_full(self._handling.units):
            part.tables[position].put_back(key, name, due)
            self._commit()
            return
        self._transactions.begin()
        try:
            self._handling.timer(part, position, state, key, name, due)
        except Unavailable as error:
            log.warning("timer %s of %s %s waits: %s", name, state.name, key, error)
            self._assignments.hold(part, _HOLD_S)

    def _redress(self) -> None:
        """Take what waited behind a dead letter that is gone, and carry out people's orders about open ones."""
        self._letters.look(now=self._assignments.is_waiting)
        self._assignments.activate_complete()
        for part in self._assignments.running:
            if part.lot.queues:
                self._drain(part)
        for place, (order, replay) in list(self._letters.orders.items()):
            part_of = self._assignments.by_topic.get(place[0], {}).get(place[1])
            if part_of is not None and part_of.phase is Phase.RUNNING and (part_of.open or part_of.lot.is_full):
                self._carry_out(place, order, part_of, replay=replay)

    def _drain(self, part: Part) -> None:
        """Take what waited for a dead letter that is gone; let the input wait while too much waits."""
        full = part.lot.is_full
        if part.open or full:
            for record in part.lot.next_free(_HELD_AT_ONCE):
                is_first = part.lot.is_first(record)  # not so when the one before it has just failed
                if is_first and not self._take_held(record, part, again=False):
                    return
        if part.open and full:
            log.warning(
                "partition %d: %d records wait behind dead letters, so its input waits", part.number, part.lot.waiting
            )
            self._assignments.hold(part, _HOLD_S)

    def _carry_out(self, place: Place, order: int, part: Part, *, replay: bool) -> None:
        letter = part.lot.letter(place)
        if letter is None or part.lot.is_settled(place, order):
            return
        self._transactions.begin()
        if not replay:
            part.lot.release(place)
        elif not self._take_held(letter, part, again=True):
            return
        part.lot.settle(place, order)

    def _take_held(self, record: HeldRecord, part: Part, *, again: bool) -> bool:
        """Take one held record; False when it has to wait for a dependency."""
        if self._isolation.is_active:
            self._make_room()
        self._transactions.begin()
        try:
            self._handling.held(record, part, again=again)
        except Unavailable as error:
            log.warning("a held record of %s-%d waits: %s", record.topic, part.number, error)
            self._assignments.hold(part, _HOLD_S)
            return False
        return True

    # -- when to commit

    def _is_commit_due(self, taken: int) -> bool:
        if self._handling.units >= self._tuning.transaction_events:
            return True
        longest = self._transactions.opened_at + self._tuning.latency_ms / 1000
        return time.monotonic() >= (longest if taken >= self._tuning.batch else min(longest, self._paced_at()))

    def _paced_at(self) -> float:
        """Return the earliest time of the next commit: each one costs the broker more than the events in it."""
        return self._commits.last_at + self._tuning.latency_ms / 2000

    def _commit(self) -> None:
        self._commits.commit()
        self._handling.units = self._aborts_in_a_row = 0
        if self._isolation.is_active:
            self._isolation.committed()
            self._transactions.watch = self._isolation.is_active

    def _abort(self) -> None:
        self._commits.abort()
        self._handling.units = 0

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
        if error.is_refused:
            self._isolation.refused(self._handling.units, error.unit, str(error))
        else:
            self._isolation.aborted(self._handling.units)
        self._transactions.watch = True
        self._abort()
        stop.wait(0.01 if error.is_refused else min(1.0, 0.01 * 2**self._aborts_in_a_row))

    def _tell(self) -> None:
        """Once a second: release held parts, measure the lag, commit positions that moved past markers only."""
        now = self._turned_at = time.monotonic()
        if now - self._told_at < _TELL_EVERY_S:
            return
        self._told_at = now
        self._assignments.release()
        parts = self._assignments.parts
        self._lag = lag_of(self._consumer, parts)
        self._meters.lag.set(self._lag or 0)
        measure(self._meters, parts, self._restorer.left, to_ms(self._clock.now()))
        idle = now - self._commits.last_at > _IDLE_COMMIT_S
        if idle and not self._transactions.is_open and any(part.touched for part in self._assignments.running):
            self._transactions.begin()
            self._commit()
