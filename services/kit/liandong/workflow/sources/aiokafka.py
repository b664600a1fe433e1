"""The plain aiokafka consumer as a source."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

import aiokafka
from aiokafka.errors import KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError

from liandong.errors import LiandongError
from liandong.workflow.model import Delivery, Partition
from liandong.workflow.settings import WorkflowSettings
from liandong.workflow.sources.base import Feed

log = logging.getLogger(__name__)

_COMMIT_EVERY_S = 5.0


class AioKafkaSource:
    """Fetches in one task; positions come from the feed, commits to Kafka are for lag monitors only."""

    def __init__(self, settings: WorkflowSettings, group: str, topics: list[str], feed: Feed) -> None:
        self._feed = feed
        self._topics = topics
        self._chain: dict[Partition, int] = {}
        self._error: BaseException | None = None
        self._task: asyncio.Task[None] | None = None
        session_ms = int(settings.workflow_session_s * 1000)
        self._consumer = aiokafka.AIOKafkaConsumer(
            bootstrap_servers=settings.bootstrap,
            group_id=group,
            group_instance_id=f"{group}.{settings.instance}",
            enable_auto_commit=False,
            auto_offset_reset="none",  # a position is never reset silently
            isolation_level="read_committed",
            session_timeout_ms=session_ms,
            heartbeat_interval_ms=session_ms // 4,
            fetch_max_wait_ms=500,
            retry_backoff_ms=200,
        )

    async def start(self) -> None:
        """Join the group and begin to fetch."""
        self._consumer.subscribe(self._topics, listener=_Listener(self))
        await self._consumer.start()
        self._task = asyncio.create_task(self._run(), name="source")

    async def stop(self) -> None:
        """Leave the group."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._consumer.stop()

    def failed(self) -> str | None:
        """Say why fetching ended."""
        if self._error is not None:
            return f"{type(self._error).__name__}: {self._error}"
        if self._task is not None and self._task.done():
            return "the fetching task has ended"
        return None

    async def reseek(self, partition: Partition, position: int) -> None:
        """Seek back; records already fetched from further on no longer fit the chain."""
        tp = aiokafka.TopicPartition(*partition)
        if tp in self._consumer.assignment():
            self._seek(partition, position)

    def fetched(self, partition: Partition) -> int | None:
        """Return the end of the chain."""
        return self._chain.get(partition)

    def backlog(self) -> int | None:
        """Count the events that are not committed yet."""
        return self._feed.backlog(self._consumer, aiokafka.TopicPartition)

    async def take(self, partitions: list[Partition]) -> None:
        """Seek newly assigned partitions to where the inbox stands; an error ends the process from outside."""
        tps = [aiokafka.TopicPartition(*partition) for partition in partitions]

        async def bounds() -> tuple[dict[Partition, int], dict[Partition, int]]:
            return await self._consumer.beginning_offsets(tps), await self._consumer.end_offsets(tps)

        try:
            positions = await self._feed.assigned(partitions, bounds)
        except (KafkaError, LiandongError) as error:
            self._error = error
            return
        for partition, position in positions.items():
            self._seek(partition, position)

    async def give(self, partitions: list[Partition]) -> None:
        """Let partitions go."""
        for partition in partitions:
            self._chain.pop(partition, None)
        await self._feed.revoked(partitions)

    def _seek(self, partition: Partition, position: int) -> None:
        self._consumer.seek(aiokafka.TopicPartition(*partition), position)
        self._chain[partition] = position

    async def _run(self) -> None:
        commit_at = 0.0
        loop = asyncio.get_running_loop()
        try:
            while True:
                try:
                    fetched = await self._consumer.getmany(timeout_ms=500, max_records=500)
                except (NoOffsetForPartitionError, OffsetOutOfRangeError) as error:
                    await self._lost_position(error)
                    continue
                if fetched:  # no pause since the records were taken: no seek can lie in between
                    await self._feed.put(self._linked(fetched))
                if loop.time() > commit_at:
                    commit_at = loop.time() + _COMMIT_EVERY_S
                    await self._commit()
        except Exception as error:
            log.exception("the source stops")
            self._error = error

    async def _lost_position(self, error: KafkaError) -> None:
        """Not sought yet, or events expired under this worker: ask again where the partitions stand."""
        log.info("positions are checked again: %s", error)
        if self._chain:
            await self.take(list(self._chain))
        if self._error is not None:
            raise self._error
        await asyncio.sleep(0.1)

    def _linked(self, fetched: Mapping[Any, Any]) -> list[Delivery]:
        deliveries: list[Delivery] = []
        for tp, records in fetched.items():
            previous = self._chain.get((tp.topic, tp.partition))
            if previous is None:
                continue  # fetched from Kafka's committed offset, before the seek to the inbox
            for r in records:
                headers = list(r.headers)
                deliveries.append(
                    Delivery(tp.topic, tp.partition, r.offset, previous, r.key, r.value, headers, r.timestamp)
                )
                previous = r.offset + 1
            self._chain[tp.topic, tp.partition] = previous
        return deliveries

    async def _commit(self) -> None:
        found = {aiokafka.TopicPartition(*p): self._feed.position(p) for p in self._feed.partitions}
        reached = {tp: at for tp, at in found.items() if at and tp in self._consumer.assignment()}
        if not reached:
            return
        try:
            await self._consumer.commit(reached)
        except KafkaError as error:
            log.debug("offsets for monitors not committed: %s", error)


class _Listener(aiokafka.ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, source: AioKafkaSource) -> None:
        self._source = source

    async def on_partitions_revoked(self, revoked: set[aiokafka.TopicPartition]) -> None:
        if revoked:
            await self._source.give([(tp.topic, tp.partition) for tp in revoked])

    async def on_partitions_assigned(self, assigned: set[aiokafka.TopicPartition]) -> None:
        if assigned:
            await self._source.take([(tp.topic, tp.partition) for tp in assigned])
