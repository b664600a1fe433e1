"""Commits: how a transaction ends. Changelog and input positions join it, it is committed, then the stores move.

The order is the guarantee. A store that was written before the commit could hold what Kafka forgot; positions that are
left out would let an instance that has lost its partitions commit all the same.
"""

import logging
import time

from confluent_kafka import Consumer, KafkaError, TopicPartition

from liandong.errors import Unavailable
from liandong.stream import failpoints
from liandong.stream.messages import KafkaMessage
from liandong.stream.metrics import Meters
from liandong.stream.parts import At, Part
from liandong.stream.rebalance import Assignments
from liandong.stream.tables import Change
from liandong.stream.transactions import TransactionAborted, Transactions

log = logging.getLogger(__name__)

_REPORTED_WITHIN_S = 5.0


class Commits:
    """Ends the transactions of one engine. `last_at`: when the last one was committed (monotonic seconds)."""

    def __init__(
        self, transactions: Transactions, consumer: Consumer, assignments: Assignments, letters: str, meters: Meters
    ) -> None:
        self._transactions = transactions
        self._letters = letters
        self._consumer = consumer
        self._assignments = assignments
        self._meters = meters
        self.last_at = time.monotonic()

    def commit(self) -> None:
        """Commit everything that the running parts have done. Raises TransactionAborted, Fenced, FatalError."""
        began = time.monotonic()
        parts = [part for part in self._assignments.running if part.touched]
        changes = [[table.changes() for table in part.tables] for part in parts]
        ends: dict[At, int] = {}
        for part, changed in zip(parts, changes, strict=True):
            self._log(part, changed, ends)
        if failpoints.is_armed("changelog produced"):
            self._transactions.flush(5)
            failpoints.hit("changelog produced")
        # every input of a touched part, also when only timers fired: the group's check of these fences a zombie
        positions = [
            TopicPartition(topic, part.number, offset, part.marks[topic])
            for part in parts
            for topic, offset in part.positions.items()
        ]
        self._transactions.send_positions(positions, self._consumer.consumer_group_metadata())
        failpoints.hit("offsets sent")
        if failpoints.is_armed("timer-only transaction") and all(part.positions == part.committed for part in parts):
            failpoints.hit("timer-only transaction")
        self._transactions.commit()
        failpoints.hit("committed, store not written")
        for part, changed in zip(parts, changes, strict=True):
            self._store(part, changed, ends)
            failpoints.hit("some stores written")
        self.last_at = time.monotonic()
        self._meters.committed(self.last_at - began)

    def abort(self) -> None:
        """Abort the open transaction, if any, and take everything again from the committed positions."""
        if self._transactions.is_open:
            self._meters.aborts.inc()
            self._transactions.abort()
        for part in self._assignments.running:
            part.roll_back()
        self._assignments.rewind_all()

    def settle(self, commit: bool) -> None:
        """End the open transaction before partitions leave: commit it if it may be, else abort it."""
        if not self._transactions.is_open:
            return
        try:
            if commit:
                self.commit()
        except TransactionAborted as error:
            log.info("could not commit before partitions left, their work is done again elsewhere: %s", error)
        if self._transactions.is_open:
            self.abort()

    def _log(self, part: Part, changes: list[list[Change]], ends: dict[At, int]) -> None:
        """Put one changelog record for each changed key into the transaction; the last one reports its offset."""

        def delivered(error: KafkaError | None, message: KafkaMessage) -> None:
            if error is not None:
                self._transactions.note(error)
            else:
                ends[message.topic(), message.partition()] = message.offset() + 1

        for changelog, changed in zip(part.changelogs, changes, strict=True):
            if changed:
                self._transactions.produce_all(changelog, part.number, changed, delivered)
        if part.lot.touched:
            self._transactions.produce_all(self._letters, 0, part.lot.changes(), delivered)

    def _store(self, part: Part, changes: list[list[Change]], ends: dict[At, int]) -> None:
        """The transaction holds: only now may the local stores move."""
        for changelog, store, changed in zip(part.changelogs, part.stores, changes, strict=True):
            if changed:
                at = changelog, part.number
                if not self._transactions.wait_until(lambda at=at: at in ends, _REPORTED_WITHIN_S):  # type: ignore[misc]
                    raise Unavailable(f"no delivery report of {changelog}-{part.number}; restart and restore the rest")
                store.apply(changed, ends[at])
        part.commit_done()
