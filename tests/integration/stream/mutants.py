"""Broken engines: each takes one protection away, so that tests can show that they notice it."""

import uuid
from collections.abc import Callable
from typing import Any

from confluent_kafka import IsolationLevel
from liandong.stream import admin, build
from liandong.stream.commits import Commits
from liandong.stream.held import Lot
from liandong.stream.isolation import Isolation
from liandong.stream.tables import Table
from liandong.stream.transactions import Transactions
from liandong.stream.tuning import consumer_config, producer_config

Patch = Callable[[Any, str, Any], None]


def store_before_commit(patch: Patch) -> None:
    """Write the local store while the transaction is still open."""
    log = Commits._log

    def early(self: Commits, part: Any, changes: Any, ends: Any) -> None:
        log(self, part, changes, ends)
        for store, changed in zip(part.stores, changes, strict=True):
            store.apply(changed, store.next_offset)

    patch(Commits, "_log", early)


def restore_to_last_stable_offset(patch: Patch) -> None:
    """Take the end of what is committed for the end of the changelog."""

    class Stable:
        READ_UNCOMMITTED = IsolationLevel.READ_COMMITTED

    patch(admin, "IsolationLevel", Stable)


def positions_outside_the_transaction(patch: Patch) -> None:
    """Commit the input positions with the consumer instead."""
    commit = Commits.commit

    def outside(self: Commits) -> None:
        consumer = self._consumer
        original = self._transactions.send_positions
        self._transactions.send_positions = lambda positions, group: consumer.commit(  # type: ignore[method-assign,assignment]
            offsets=list(positions), asynchronous=False
        )
        try:
            commit(self)
        finally:
            self._transactions.send_positions = original  # type: ignore[method-assign]

    patch(Commits, "commit", outside)


def no_positions_with_timers_only(patch: Patch) -> None:
    """Leave the positions out where no event was taken."""
    send = Transactions.send_positions

    def moved_only(self: Transactions, positions: Any, group: Any) -> None:
        known = getattr(self, "_known", {})
        here = {(tp.topic, tp.partition): tp.offset for tp in positions}
        if any(known.get(at) != offset for at, offset in here.items()):
            send(self, positions, group)
        self._known = known | here  # type: ignore[attr-defined]

    patch(Transactions, "send_positions", moved_only)


def random_transactional_id(patch: Patch) -> None:
    """Take a new transactional id at every start."""
    config = producer_config

    def random(*args: Any) -> dict[str, Any]:
        return config(*args) | {"transactional.id": str(uuid.uuid4())}

    patch(build, "producer_config", random)


def positions_read_uncommitted(patch: Patch) -> None:
    """Do not wait for a former owner's open transaction when the positions are read."""

    def uncommitted(*args: Any) -> dict[str, Any]:
        return consumer_config(*args) | {"isolation.level": "read_uncommitted"}

    patch(build, "consumer_config", uncommitted)


def no_isolation(patch: Patch) -> None:
    """Try a refused transaction again as it is."""
    patch(Isolation, "refused", lambda *_: None)


def no_parking(patch: Patch) -> None:
    """Let later events of a key pass its dead letter."""
    patch(Lot, "holds", lambda *_: False)


def no_rollback(patch: Patch) -> None:
    """Keep the cells of an aborted transaction."""
    patch(Table, "aborted", lambda _: None)


MUTANTS: dict[str, Callable[[Patch], None]] = {
    mutant.__name__: mutant
    for mutant in (
        store_before_commit,
        restore_to_last_stable_offset,
        positions_outside_the_transaction,
        no_positions_with_timers_only,
        random_transactional_id,
        positions_read_uncommitted,
        no_isolation,
        no_parking,
        no_rollback,
    )
}
