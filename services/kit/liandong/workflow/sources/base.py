"""The seam between a consuming runtime and the engine.

A source asks the feed where to seek when partitions come, hands raw records over in order with their links, and goes
back when told to. It decodes nothing, skips nothing, and holds no state that matters.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

from confluent_kafka import TopicPartition

from liandong.errors import PositionError
from liandong.stream.positions import fault_of, hint
from liandong.workflow.model import Delivery, Partition
from liandong.workflow.writer import Writer

log = logging.getLogger(__name__)

_MOST_WAITING = 1000
_STALLED_S = 3.0
_CHECK_TRIES = 5

Marks = Callable[[set[str]], Mapping[str, str]]
Bounds = Callable[[], Awaitable[tuple[Mapping[Partition, int], Mapping[Partition, int]]]]


class Source(Protocol):
    """A consuming runtime. All methods are called on the event loop."""

    async def start(self) -> None:
        """Join the group and begin; raises when the broker does not answer."""
        ...

    async def stop(self) -> None:
        """Leave the group."""
        ...

    def failed(self) -> str | None:
        """Say why the runtime no longer consumes, or None while it does."""
        ...

    async def reseek(self, partition: Partition, position: int) -> None:
        """Go back to a position, because records were skipped on the way."""
        ...

    def fetched(self, partition: Partition) -> int | None:
        """Return the end of the last record fetched from a partition, or None when nothing is known."""
        ...

    def backlog(self) -> int | None:
        """Return how many events are not committed yet, or None when that is not known."""
        ...


class Feed:
    """What a source sees of the engine."""

    def __init__(self, writer: Writer, marks: Marks) -> None:
        self._writer = writer
        self._marks = marks
        self._loop = asyncio.get_running_loop()
        self._room = asyncio.Event()
        self._blocked = False
        self.assigned_once = False
        self._handed: dict[Partition, int] = {}
        writer.on_room = self._on_room

    async def assigned(self, partitions: Sequence[Partition], bounds: Bounds) -> dict[Partition, int]:
        """Take partitions over; return where each one has to be sought.

        `bounds` asks the broker where these partitions begin and end. Raises PositionError when a stored position is
        outside, after some tries: a broker that was killed may say a smaller end for a moment.
        """
        wanted, processor = list(partitions), self._writer.processor
        positions = await asyncio.wrap_future(self._writer.call(lambda: processor.open(wanted)))
        now = await asyncio.to_thread(self._marks, {topic for topic, _ in wanted}) if wanted else {}
        marks = {(topic, partition): now[topic] for topic, partition in wanted}
        for left in reversed(range(_CHECK_TRIES)):
            begins, ends = await bounds()
            try:
                check_positions(self._service, positions, processor.inbox.marks, marks, begins, ends)
                break
            except PositionError:
                if not left:
                    raise
            await asyncio.sleep(0.5)
        for partition in [p for p, position in positions.items() if position == 0 and begins[p] > 0]:
            await asyncio.wrap_future(self._writer.call(partial(processor.begin, partition, begins[partition])))
            positions[partition] = begins[partition]
        new = {p: mark for p, mark in marks.items() if processor.inbox.marks.get(p) != mark}
        if new:
            await asyncio.wrap_future(self._writer.call(lambda: processor.stamp(new)))
        self.assigned_once = True
        self._handed.update(positions)
        log.info("assigned %s", ", ".join(f"{t}/{p}@{at}" for (t, p), at in sorted(positions.items())) or "nothing")
        return positions

    async def revoked(self, partitions: Sequence[Partition]) -> None:
        """Give partitions up; returns when nothing of theirs is being committed any more."""
        gone = list(partitions)
        await asyncio.wrap_future(self._writer.call(lambda: self._writer.processor.inbox.forget(gone)))

    async def put(self, deliveries: Sequence[Delivery]) -> None:
        """Hand records over; waits while more than a thousand are queued."""
        self._writer.offer(deliveries)
        for delivery in deliveries:
            self._handed[delivery.topic, delivery.partition] = delivery.offset + 1
        while self._writer.waiting > _MOST_WAITING:
            self._room.clear()
            self._blocked = True
            if self._writer.waiting > _MOST_WAITING:
                await self._room.wait()

    def position(self, partition: Partition) -> int | None:
        """Return where a partition stands, or None when it is not this worker's."""
        return self._writer.processor.inbox.positions.get(partition)

    @property
    def _service(self) -> str:
        return self._writer.processor.binding.service

    @property
    def busy(self) -> bool:
        """Say whether records wait or the writer has trouble: then standing still means nothing."""
        return self._writer.waiting > 0 or bool(self._writer.trouble)

    @property
    def partitions(self) -> list[Partition]:
        """The partitions that this worker holds."""
        return list(self._writer.processor.inbox.positions)

    def backlog(self, consumer: Any, partition_type: Callable[[str, int], Any]) -> int | None:
        """Count what is not committed yet, from an aiokafka consumer; None while an end is not known.

        When everything handed over is committed, the consumer's own position counts: it has also passed the
        transaction markers that no record follows.
        """
        total = 0
        for partition, stored in list(self._writer.processor.inbox.positions.items()):
            tp = partition_type(*partition)
            if tp not in consumer.assignment():
                return None
            state = consumer._subscription.subscription.assignment.state_value(tp)
            end = state.lso if state.lso not in (None, -1) else state.highwater
            if end is None or not state.has_valid_position:
                return None
            idle = self._handed.get(partition, stored) <= stored
            total += max(0, end - (max(state.position, stored) if idle else stored))
        return total

    def _on_room(self) -> None:
        if self._blocked and self._writer.waiting <= _MOST_WAITING:
            self._blocked = False
            self._loop.call_soon_threadsafe(self._room.set)


class Stalls:
    """Finds partitions whose last record was fetched but never handed over: no later record shows the gap."""

    def __init__(self, feed: Feed, source: Source) -> None:
        self._feed = feed
        self._source = source
        self._since: dict[Partition, tuple[int, float]] = {}

    def look(self, now: float) -> list[Partition]:
        """Return the partitions to seek back; `now` is monotonic seconds."""
        found = []
        for partition in self._feed.partitions:
            position, end = self._feed.position(partition), self._source.fetched(partition)
            if position is None or end is None or end <= position or self._feed.busy:
                self._since.pop(partition, None)
                continue
            stalled_at, since = self._since.setdefault(partition, (position, now))
            if stalled_at != position:
                self._since[partition] = (position, now)
            elif now - since > _STALLED_S:
                del self._since[partition]
                found.append(partition)
        return found


def check_positions(
    service: str,
    positions: Mapping[Partition, int],
    stored: Mapping[Partition, str | None],
    marks: Mapping[Partition, str],
    begins: Mapping[Partition, int],
    ends: Mapping[Partition, int],
) -> None:
    """Raise PositionError when a stored position is not of this cluster and topic, or outside; never reset silently.

    A partition never read (position 0) may begin anywhere.
    """
    for (topic, partition), position in positions.items():
        at = (topic, partition)
        if position == 0:
            continue
        place = TopicPartition(topic, partition, position, stored.get(at) or "")
        fault = fault_of(place, marks[at], begins[at], ends[at])
        if fault:
            raise PositionError(f"the stored position {position} of {topic}-{partition} {fault}. {hint(service)}")
