"""Rebalance: which partitions are here, and what happens when that changes. Runs on the engine's thread, in `consume`.

Order matters. On assignment: first the group's positions (read_committed, so that it waits for a former owner's open
transaction), only then the changelogs' ends. On revocation: commit while this member's epoch is valid, then let go.
"""

import logging
import time
from collections.abc import Callable

from confluent_kafka import Consumer, TopicPartition

from liandong.stream.changelog import Restorer
from liandong.stream.letters import Letters
from liandong.stream.metrics import Meters
from liandong.stream.parts import At, Part, Phase
from liandong.stream.positions import Positions, Start
from liandong.stream.tables import Table
from liandong.stream.topology import Group

log = logging.getLogger(__name__)


class Assignments:
    """The parts of one engine. `rounds` counts rebalances: messages taken across one must be thrown away."""

    def __init__(
        self,
        consumer: Consumer,
        positions: Positions,
        restorer: Restorer,
        groups: list[tuple[Group, frozenset[str], tuple[str, ...]]],
        make_tables: Callable[[Part, Group], list[Table]],
        letters: Letters,
        meters: Meters,
        *,
        incremental: bool,
    ) -> None:
        self._consumer = consumer
        self._positions = positions
        self._restorer = restorer
        self._groups = groups
        self._make_tables = make_tables
        self._letters = letters
        self._restored: list[Part] = []
        self._meters = meters
        self._incremental = incremental
        self._settle: Callable[[bool], None] = lambda commit: None
        self._parts: dict[tuple[int, int], Part] = {}
        self.by_topic: dict[str, dict[int, Part]] = {topic: {} for _, topics, _ in groups for topic in topics}
        self.rounds = 0

    def subscribe(self, settle: Callable[[bool], None]) -> None:
        """Join the group. `settle(commit)` must end the open transaction: commit it if it may, else abort it."""
        self._settle = settle
        self._consumer.subscribe(
            sorted(self.by_topic), on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost
        )

    @property
    def parts(self) -> list[Part]:
        """Return all parts of which at least one input is assigned here."""
        return list(self._parts.values())

    @property
    def running(self) -> list[Part]:
        """Return the parts that run."""
        return [part for part in self._parts.values() if part.phase is Phase.RUNNING]

    @property
    def is_waiting(self) -> bool:
        """Say whether a part could run but for the letters."""
        return bool(self._restored)

    def restored(self, part: Part) -> None:
        """Note that a part's stores are complete; it runs as soon as the letters are known too."""
        self._restored.append(part)
        self.activate_complete()

    def activate_complete(self) -> None:
        """Begin to work on the parts of which everything is known."""
        for part in [part for part in self._restored if self._letters.has_reached(part.letters_end)]:
            self._restored.remove(part)
            self._activate(part)

    def _activate(self, part: Part) -> None:
        """Begin to work on a part. Raises PositionError when its positions were lost."""
        if not part.is_known and not all(store.is_empty for store in part.stores):
            raise self._positions.lost(part.inputs)
        part.tables = self._make_tables(part, self._groups[part.group][0])
        for table in part.tables:
            table.activate()
        part.lot = self._letters.lot(part.topics, part.number)
        part.phase, part.open = Phase.RUNNING, True
        self.rewind(part)
        self._consumer.resume([TopicPartition(*at) for at in part.inputs])
        log.info("running %s-%d from %s", self._groups[part.group][0].label, part.number, part.positions)

    def rewind(self, part: Part) -> None:
        """Fetch again from the part's positions."""
        for topic, number in part.inputs:
            self._consumer.seek(TopicPartition(topic, number, part.positions[topic]))

    def rewind_all(self) -> None:
        """Fetch again from the positions of all running parts."""
        for part in self.running:
            self.rewind(part)

    def hold(self, part: Part, seconds: float) -> None:
        """Stop taking messages of a part for a while; they come again in order."""
        part.open, part.held_until = False, time.monotonic() + seconds
        self._consumer.pause([TopicPartition(*at) for at in part.inputs])
        self.rewind(part)

    def release(self) -> None:
        """Go on with the parts that have been held long enough."""
        for part in self.running:
            if not part.open and time.monotonic() >= part.held_until:
                part.open = True
                self._consumer.resume([TopicPartition(*at) for at in part.inputs])

    def close(self) -> None:
        """Close every store."""
        for part in self._parts.values():
            self._restorer.drop(part)
            part.close()

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self.rounds += 1
        self._meters.rebalances.inc()
        starts = self._positions.starts(partitions) if partitions else {}
        assigned = [TopicPartition(topic, number, start.offset) for (topic, number), start in starts.items()]
        if self._incremental:
            consumer.incremental_assign(assigned)
        else:
            consumer.assign(assigned)
        consumer.pause(assigned)
        letters_end = self._letters.end() if partitions else 0
        changed = [self._join(at, start) for at, start in starts.items()]
        for part in dict.fromkeys(changed):
            if part.is_complete and part.phase is Phase.WAITING:
                part.phase, part.letters_end = Phase.RESTORING, letters_end
                if self._restorer.open(part):
                    self.restored(part)

    def _join(self, at: At, start: Start) -> Part:
        topic, number = at
        index = next(i for i, (_, topics, _) in enumerate(self._groups) if topic in topics)
        part = self._parts.get((index, number))
        if part is None:
            part = self._parts[index, number] = Part(index, number, *self._groups[index][1:])
        part.assigned.add(topic)
        part.positions[topic] = part.committed[topic] = start.offset
        part.marks[topic] = start.mark
        part.is_known = part.is_known or start.known
        self.by_topic[topic][number] = part
        return part

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._leave(consumer, partitions, commit=True)

    def _lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        log.warning("partitions were lost, their transaction is aborted")
        self._leave(consumer, partitions, commit=False)

    def _leave(self, consumer: Consumer, partitions: list[TopicPartition], *, commit: bool) -> None:
        self.rounds += 1
        self._settle(commit)
        for tp in partitions:
            part = self.by_topic[tp.topic].pop(tp.partition, None)
            if part is None:
                continue
            self._restorer.drop(part)
            if part in self._restored:
                self._restored.remove(part)
            part.close()
            part.assigned.discard(tp.topic)
            part.positions.pop(tp.topic, None)
            part.committed.pop(tp.topic, None)
            part.marks.pop(tp.topic, None)
            if part.assigned:
                consumer.pause([TopicPartition(*at) for at in part.inputs])
            else:
                del self._parts[part.group, part.number]
        if self._incremental:
            consumer.incremental_unassign(partitions)
        else:
            consumer.unassign()
