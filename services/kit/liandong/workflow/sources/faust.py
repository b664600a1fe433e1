"""Faust as the consuming runtime. The only module that knows Faust, and Faust keeps no state: positions come from the
inbox.

Hooks into its internals, each because the public way is not safe enough here: the seek after a rebalance, the fetch
(links), the filter by read offset, the isolation level, and the health of its parts (a dead fetcher leaves a live, deaf
process).
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Mapping
from functools import partial
from typing import Any

import faust
from aiokafka import TopicPartition
from aiokafka.errors import NoOffsetForPartitionError
from faust.app.base import BootStrategy
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport
from faust.types import TP

from liandong.errors import PositionError
from liandong.workflow.model import Delivery, Partition
from liandong.workflow.settings import WorkflowSettings
from liandong.workflow.sources.base import Feed

log = logging.getLogger(__name__)

_UNTIL_SOUGHT_S = 0.05
_LINK = "liandong-previous"


class FaustSource:
    """One Faust app with one agent over all topics; raw bytes in, nothing out."""

    def __init__(self, settings: WorkflowSettings, group: str, topics: list[str], feed: Feed) -> None:
        for name in ("faust", "mode", __name__):  # services of Faust log under the module of their class
            logging.getLogger(name).setLevel(logging.WARNING)
        self._feed = feed
        self._app = _app(settings, group)
        transport = _InboxTransport([*self._app.conf.broker], self._app)
        transport.feed = feed
        self._app.transport = transport
        channel = self._app.topic(
            *topics, key_type=bytes, key_serializer="raw", value_type=bytes, value_serializer="raw"
        )
        self._app.agent(channel, name="inbox", concurrency=1)(self._agent)
        self._app.on_partitions_revoked.connect(self._on_revoked)  # type: ignore[arg-type]

    async def start(self) -> None:
        """Start the app; it keeps joining the group by itself."""
        self._app.finalize()
        await self._app.start()

    async def stop(self) -> None:
        """Stop the app and leave the group."""
        await self._app.stop()

    def failed(self) -> str | None:
        """Ask every part: Faust reports crashes upward to a worker that an embedded app does not have."""
        consumer = self._consumer
        if consumer is not None and consumer.position_error is not None:
            return str(consumer.position_error)
        fetcher = self._app.__dict__.get("_fetcher")
        thread = getattr(consumer, "_thread", None)
        for part in (self._app, consumer, thread, fetcher, *self._app.agents.values()):
            if part is not None and part.crashed:
                return f"{type(part).__name__} crashed: {part.crash_reason!r}"
        if thread is not None and thread._thread is not None and not thread._thread.is_alive():
            return "the consumer thread has ended"
        return None

    async def reseek(self, partition: Partition, position: int) -> None:
        """Seek back to a position."""
        if self._consumer is not None:
            await self._consumer.jump(partition, position)

    def fetched(self, partition: Partition) -> int | None:
        """Return the end of the chain."""
        return None if self._consumer is None else self._consumer.chain.get(partition)

    def backlog(self) -> int | None:
        """Count the events that are not committed yet."""
        raw = None if self._consumer is None else self._consumer._thread._consumer
        return None if raw is None else self._feed.backlog(raw, TopicPartition)

    @property
    def _consumer(self) -> "_InboxConsumer | None":
        consumer = self._app._consumer
        return consumer if isinstance(consumer, _InboxConsumer) else None

    async def _agent(self, stream: Any) -> None:
        async for event in stream.noack().events():
            m = event.message
            *headers, (_, previous) = m.headers
            stamp = int(m.timestamp * 1000) if m.timestamp else 0
            await self._feed.put([Delivery(m.topic, m.partition, m.offset, previous, m.key, m.value, headers, stamp)])
            event.ack()  # Kafka's committed offset is for monitors only, the inbox decides

    async def _on_revoked(self, app: faust.App, revoked: set[TP], **_: Any) -> None:
        if revoked:
            await self._feed.revoked([(tp.topic, tp.partition) for tp in revoked])


class _InboxThread(AIOKafkaConsumerThread):
    """The thread that owns the aiokafka consumer: it links every record to the one fetched before it.

    Seeking and linking happen here, each without a pause in between, so no fetch can slip past a seek.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.chain: dict[Partition, int] = {}

    def _create_worker_consumer(self, transport: Transport) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"  # Faust reads uncommitted unless it runs its own transactions
        consumer._fetch_max_wait_ms = 500
        return consumer

    async def seek_all(self, positions: Mapping[Partition, int]) -> None:
        """Seek partitions and begin their chains there."""
        consumer = self._ensure_consumer()
        held = consumer.assignment()
        for partition, position in positions.items():
            tp = TopicPartition(*partition)
            if tp in held:
                consumer.seek(tp, position)
                self.chain[partition] = position

    async def start_chains(self, positions: Mapping[Partition, int]) -> None:
        """Seek everything that is assigned now, and forget the rest."""
        self.chain.clear()
        await self.seek_all(positions)

    async def _fetch_records(self, *args: Any, **kwargs: Any) -> Any:
        try:
            fetched = await super()._fetch_records(*args, **kwargs)
        except NoOffsetForPartitionError:  # assigned, but the seek to the inbox is still on its way
            await asyncio.sleep(_UNTIL_SOUGHT_S)
            return {}
        linked = {}
        for tp, records in fetched.items():
            previous = self.chain.get((tp.topic, tp.partition))
            if previous is None:
                continue  # fetched before the first seek
            for record in records:
                record.headers = [*record.headers, (_LINK, previous)]
                previous = record.offset + 1
            self.chain[tp.topic, tp.partition] = previous
            linked[tp] = records
        return linked


class _Unfiltered(defaultdict[TP, int | None]):
    """Faust drops what is not behind its read offset; after a seek back that would be the wrong records."""

    def __setitem__(self, tp: TP, offset: int | None) -> None:
        """Remember nothing."""


class _InboxConsumer(Consumer):
    """Seeks where the inbox says."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.position_error: PositionError | None = None
        self._read_offset = _Unfiltered(lambda: None)

    @property
    def chain(self) -> Mapping[Partition, int]:
        """The end of the last record fetched from each partition."""
        thread = self._thread
        return thread.chain if isinstance(thread, _InboxThread) else {}

    @property
    def _feed(self) -> Feed:
        transport = self.transport
        if not isinstance(transport, _InboxTransport):
            raise TypeError(f"not an inbox transport: {transport!r}")
        return transport.feed

    def _new_consumer_thread(self) -> AIOKafkaConsumerThread:
        return _InboxThread(self, loop=self.loop, beacon=self.beacon)

    async def seek_to_committed(self) -> dict[TP, int]:
        """Every rebalance ends here: seek to the inbox instead of Kafka's committed offsets."""
        held = [(tp.topic, tp.partition) for tp in self.assignment()]
        try:
            positions = await self._feed.assigned(held, partial(self._bounds, held))
        except PositionError as error:
            self.position_error = error  # ends the process from outside
            return {}
        await self._in_thread("start_chains", positions)
        return {}

    async def jump(self, partition: Partition, position: int) -> None:
        """Seek one partition back."""
        await self._in_thread("seek_all", {partition: position})

    async def _in_thread(self, method: str, positions: Mapping[Partition, int]) -> None:
        for topic, partition in positions:
            self._committed_offset[TP(topic, partition)] = None
        await self._thread.call_thread(getattr(self._thread, method), positions)

    async def _bounds(self, held: list[Partition]) -> tuple[dict[Partition, int], dict[Partition, int]]:
        tps = [TopicPartition(*partition) for partition in held]
        return _plain(await self._thread.earliest_offsets(*tps)), _plain(await self._thread.highwaters(*tps))


def _plain(offsets: Any) -> dict[Partition, int]:
    return {(tp.topic, tp.partition): offset for tp, offset in offsets.items()}


class _InboxTransport(Transport):
    Consumer = _InboxConsumer
    feed: Feed


class _Boot(BootStrategy):
    enable_kafka_producer = False
    enable_web = False
    enable_sensors = False


class _InboxApp(faust.App):
    BootStrategy = _Boot


def _app(settings: WorkflowSettings, group: str) -> faust.App:
    session = settings.workflow_session_s
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    return _InboxApp(
        group,
        broker=[f"kafka://{host.strip()}" for host in settings.bootstrap.split(",")],
        store="memory://",
        datadir=str(settings.data_dir / f"faust-{group}"),
        processing_guarantee="at_least_once",
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        consumer_auto_offset_reset="none",  # a position is never reset silently
        consumer_group_instance_id=f"{group}.{settings.instance}",
        broker_session_timeout=session,
        broker_heartbeat_interval=session / 4,
        broker_rebalance_timeout=20.0,
        broker_request_timeout=40.0,
        broker_max_poll_interval=300.0,
        broker_commit_interval=5.0,
        broker_max_poll_records=1000,
        stream_buffer_maxsize=8192,  # a smaller buffer makes the fetcher sleep a second whenever it is full
        stream_wait_empty=False,
        stream_recovery_delay=0.0,
    )
