"""Where each partition stands, in SQL. Kafka's committed offsets decide nothing.

The position moves by compare-and-set as the first statement of the transaction that holds the effects, so a re-delivery
or a worker that was replaced changes nothing. A record whose link does not meet the position is refused: the consumer
skipped something, and has to seek back.
"""

from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa

from liandong.errors import Fenced
from liandong.workflow import tables
from liandong.workflow.model import Delivery, Partition
from liandong.workflow.sql import upsert

_t = tables.inbox
_ADVANCE = (
    sa.update(_t)
    .where(_t.c.topic == sa.bindparam("t"), _t.c.partition == sa.bindparam("p"), _t.c.next == sa.bindparam("old"))
    .values(next=sa.bindparam("new"))
)


class InboxFenced(Fenced):
    """The stored position is not ours: another worker moved it, or our own commit had been applied after all."""

    def __init__(self, partition: Partition) -> None:
        super().__init__(f"{partition[0]}/{partition[1]}: the inbox moved under this worker")
        self.partition = partition


class Accepted:
    """What of a group may be processed: `deliveries` in order, the new positions, and the partitions to seek back."""

    def __init__(self) -> None:
        self.deliveries: list[Delivery] = []
        self.ends: dict[Partition, int] = {}
        self.broken: dict[Partition, int] = {}
        self.repeated = 0


class Inbox:
    """The positions of the partitions that this worker owns, as last read or written."""

    def __init__(self) -> None:
        self.positions: dict[Partition, int] = {}
        self.marks: dict[Partition, str | None] = {}

    def open(self, connection: sa.Connection, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """Read the stored positions of newly assigned partitions; one never seen starts at 0."""
        found: dict[Partition, int] = {}
        for topic, partition in sorted(partitions):
            where = (_t.c.topic == topic, _t.c.partition == partition)
            stored = connection.execute(sa.select(_t.c.next, _t.c.mark).where(*where)).one_or_none()
            if stored is None:
                row = {"topic": topic, "partition": partition, "next": 0}
                connection.execute(upsert(connection.dialect.name, _t, ("topic", "partition"), tuple(row)), row)
            position = 0 if stored is None else stored.next
            self.marks[topic, partition] = None if stored is None else stored.mark
            found[topic, partition] = int(position)
        self.positions.update(found)
        return found

    def begin(self, connection: sa.Connection, partition: Partition, offset: int) -> None:
        """Let a partition that was never read begin at `offset`, where its topic begins by now."""
        bound = {"t": partition[0], "p": partition[1], "old": 0, "new": offset}
        if connection.execute(_ADVANCE, bound).rowcount != 1:
            raise InboxFenced(partition)
        self.positions[partition] = offset

    def stamp(self, connection: sa.Connection, marks: Mapping[Partition, str]) -> None:
        """Note which cluster and topic the positions belong to."""
        for (topic, partition), mark in sorted(marks.items()):
            where = (_t.c.topic == topic, _t.c.partition == partition)
            connection.execute(sa.update(_t).where(*where).values(mark=mark))
        self.marks.update(marks)

    def forget(self, partitions: Iterable[Partition]) -> None:
        """Give partitions up: what is still on its way from them is dropped."""
        for partition in partitions:
            self.positions.pop(partition, None)

    def accept(self, deliveries: Sequence[Delivery]) -> Accepted:
        """Sort a group into new, repeated and broken; changes nothing."""
        out = Accepted()
        for delivery in deliveries:
            partition = (delivery.topic, delivery.partition)
            position = out.ends.get(partition, self.positions.get(partition))
            if position is None or delivery.offset < position:
                out.repeated += 1
            elif partition in out.broken:
                continue
            elif delivery.previous > position:
                out.broken[partition] = position
            else:
                out.ends[partition] = delivery.offset + 1
                out.deliveries.append(delivery)
        return out

    def advance(self, connection: sa.Connection, ends: Mapping[Partition, int]) -> None:
        """Move the stored positions, in a fixed order so that two workers cannot deadlock.

        Raises InboxFenced when one is not where this worker left it.
        """
        for partition, new in sorted(ends.items()):
            old = self.positions[partition]
            moved = connection.execute(_ADVANCE, {"t": partition[0], "p": partition[1], "old": old, "new": new})
            if moved.rowcount != 1:
                raise InboxFenced(partition)

    def moved(self, ends: Mapping[Partition, int]) -> None:
        """Take the new positions over once the transaction is committed."""
        self.positions.update(ends)
