"""Faust as the consuming runtime. The only module that knows Faust, and Faust keeps no state: positions come from the
inbox.

Four hooks into its internals, each because the public way is not safe enough here: the seek after a rebalance, the
fetch (links, and fetches overtaken by a seek), the isolation level, and the health of its parts (a dead fetcher leaves
a live, deaf process).
"""

import asyncio
import logging
from typing import Any

import faust
from aiokafka import TopicPartition
from faust.app.base import BootStrategy
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport
from faust.types import TP

from liandong.errors import PositionError
from liandong.workflow.model import Delivery, Partition
from liandong.workflow.settings import WorkflowSettings
from liandong.workflow.sources.base import Feed, check_positions

log = logging.getLogger(__name__)

_CHECK_TRIES = 5
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
            await self._consumer.jump({TP(*partition): position})

    def fetched(self, partition: Partition) -> int | None:
        """Return the end of the chain."""
        return None if self._consumer is None else self._consumer.chain.get(TP(*partition))

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
    def _create_worker_consumer(self, transport: Transport) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"  # Faust reads uncommitted unless it runs its own transactions
        consumer._fetch_max_wait_ms = 500
        return consumer


class _InboxConsumer(Consumer):
    """Seeks where the inbox says, and links every record to the one fetched before it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.position_error: PositionError | None = None
        self._epoch = 0
        self.chain: dict[TP, int] = {}
        self._links: dict[tuple[str, int, int], int | None] = {}

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
        positions = await self._feed.assigned(held)
        await self._check(positions)
        await self.jump({TP(*partition): position for partition, position in positions.items()})
        return {}  # `jump` has set the read offsets

    async def jump(self, positions: dict[TP, int]) -> None:
        """Seek in the consumer's own thread; whatever is being fetched meanwhile is void."""
        self._epoch += 1
        for tp, position in positions.items():
            self.chain[tp] = position
            self._read_offset[tp] = position or None
            self._committed_offset[tp] = None
        await self._thread.call_thread(self._seek_all, positions)

    async def _seek_all(self, positions: dict[TP, int]) -> None:
        consumer = self._thread._ensure_consumer()
        held = consumer.assignment()
        for tp, position in positions.items():
            if tp in held:
                consumer.seek(TopicPartition(*tp), position)

    async def _check(self, positions: dict[Partition, int]) -> None:
        """Compare the positions with the topics; an error is kept, and ends the process from outside."""
        tps = [TopicPartition(*partition) for partition in positions]
        for left in reversed(range(_CHECK_TRIES)):
            try:
                begins = await self._thread.earliest_offsets(*tps)
                ends = await self._thread.highwaters(*tps)
                check_positions(positions, _plain(begins), _plain(ends))
            except PositionError as error:
                if not left:
                    self.position_error = error
                    return
                await asyncio.sleep(0.5)
            else:
                return

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:  # noqa: ASYNC109
        epoch = self._epoch
        records = await super()._getmany(active_partitions=active_partitions, timeout=timeout)
        if epoch != self._epoch:
            await self._go_back(records)
            return {}
        links: dict[tuple[str, int, int], int | None] = {}
        for tp, batch in records.items():
            for record in batch:
                links[record.topic, record.partition, record.offset] = self.chain.get(tp)
                self.chain[tp] = record.offset + 1
        self._links = links  # those of the batch before were handed over or dropped; dropped ones show as a gap
        return records

    async def _go_back(self, records: Any) -> None:
        """A seek overtook this fetch: its records prove nothing, and were taken from beyond the new position."""
        found = {TP(tp.topic, tp.partition): self._feed.position((tp.topic, tp.partition)) for tp in records}
        back = {tp: position for tp, position in found.items() if position is not None}
        if back:
            await self.jump(back)

    def _to_message(self, tp: TP, record: Any) -> Any:
        message = super()._to_message(tp, record)
        link = self._links.pop((record.topic, record.partition, record.offset), None)
        headers: list[Any] = [*(record.headers or ()), (_LINK, link)]  # the link travels with its record
        message.headers = headers
        return message


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
    return _InboxApp(
        group,
        broker=[f"kafka://{host.strip()}" for host in settings.bootstrap.split(",")],
        store="memory://",
        datadir=str(settings.data_dir / f"faust-{group}"),
        processing_guarantee="at_least_once",
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        consumer_auto_offset_reset="earliest",
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
