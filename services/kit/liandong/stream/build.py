"""Build: puts the pieces of one engine together, after checking that cluster and declarations fit. It runs nothing."""

import logging
from typing import Any, Protocol

from confluent_kafka import Consumer, Producer
from liandong_contracts.base import Record

from liandong.clock import Clock
from liandong.privacy.grants import KEY_TOPIC_CONFIG, key_topic, writes_personal
from liandong.privacy.service import Privacy
from liandong.refs.subject_keys import privacy_of
from liandong.settings import Settings
from liandong.stream.admin import (
    CHANGELOG_CONFIG,
    DEAD_LETTER_CONFIG,
    LETTERS_CONFIG,
    Admin,
    TopicFacts,
    check_copartition,
    dead_letter_wire,
)
from liandong.stream.api import StreamService
from liandong.stream.changelog import Restorer
from liandong.stream.engine import Engine
from liandong.stream.intake import Intake
from liandong.stream.lane import Lane, is_built
from liandong.stream.letters import Letters, letters_wire
from liandong.stream.metrics import Meters
from liandong.stream.outputs import Node
from liandong.stream.parts import Part
from liandong.stream.positions import Positions
from liandong.stream.processor import Processor
from liandong.stream.rebalance import Assignments
from liandong.stream.store import Store, open_store
from liandong.stream.tables import Table
from liandong.stream.topology import Group, topology_of
from liandong.stream.transactions import Transactions
from liandong.stream.tuning import Tuning, consumer_config, producer_config, restore_config, tuning_of
from liandong.telemetry.tracing import Tracing

client_log = logging.getLogger("liandong.kafka")

Placed = list[tuple[Group, frozenset[str], tuple[str, ...]]]


class WireCodec(Protocol):
    """What an engine needs of a codec."""

    def encode(self, topic: str, record: Record) -> bytes:
        """Return the framed bytes of a record for a topic."""
        ...

    def decode(self, value: bytes) -> Record:
        """Return the record of framed bytes."""
        ...

    def type_of(self, value: bytes) -> type[Record] | None:
        """Return the record type of framed bytes."""
        ...


class Assembly:
    """Makes the pieces of one service's engine. Raises ConfigError where cluster and declarations do not fit."""

    def __init__(self, service: StreamService, settings: Settings, codec: WireCodec, tuning: Tuning) -> None:
        self._service = service
        self._settings = settings
        self._codec = codec
        self._tuning = tuning
        self._topology = topology_of(service)
        self._admin = Admin(settings)
        self._changelogs = {state.name: state.wire(settings) for state in service.states}
        self._meters = Meters(service.name)

    def engine(self, *, refs: Any, clock: Clock, tracing: Tracing) -> Engine:
        """Return the engine, ready to run."""
        settings, tuning, name = self._settings, self._tuning, self._service.name
        placed, facts = self._place()
        dead_letters = dead_letter_wire(settings, name)
        self._admin.ensure(dead_letters, 1, DEAD_LETTER_CONFIG)
        consumer = Consumer(consumer_config(settings, name, tuning), logger=client_log)
        restore = Consumer(restore_config(settings, name), logger=client_log)
        restorer = Restorer(restore, self._admin, self._open_store, facts, self._meters)
        letters = self._letters()
        assignments = Assignments(
            consumer,
            Positions(consumer, self._admin, name),
            restorer,
            placed,
            self._tables,
            letters,
            self._meters,
            incremental=tuning.group_protocol == "consumer",
        )
        in_c = settings.native_codec and is_built()
        lane = Lane(self._codec, clock, self._changelogs, refs) if in_c else None
        node = Node(settings.tier, settings.world, settings.area_code)
        return Engine(
            name,
            self._topology,
            consumer=consumer,
            transactions=Transactions(Producer(producer_config(settings, name, tuning), logger=client_log)),
            intake=Intake(self._codec, self._topology, self._names(), lane),
            processor=Processor(
                self._service, self._codec, node, clock, tracing, self._changelogs, refs, self._privacy()
            ),
            assignments=assignments,
            restorer=restorer,
            letters=letters,
            clock=clock,
            meters=self._meters,
            dead_letters=dead_letters,
            tuning=tuning,
        )

    def _privacy(self) -> Privacy | None:
        """Return what seals the personal values that the service publishes; its key topic is created."""
        name = self._service.name
        if writes_personal(name):
            self._admin.ensure(key_topic(name).wire(self._settings.tier, self._settings.world), 1, KEY_TOPIC_CONFIG)
        return privacy_of(name, self._settings, self._codec)

    def _letters(self) -> Letters:
        settings, name = self._settings, self._service.name
        topic = letters_wire(settings, name)
        self._admin.ensure(topic, 1, LETTERS_CONFIG)
        inputs = [topic for group in self._topology.groups for topic in group.topics]
        parking = frozenset(one.wire(settings.tier, settings.world) for one in inputs if one.park)
        consumer = Consumer(restore_config(settings, name), logger=client_log)
        return Letters(consumer, self._admin, self._codec, topic, parking, self._tuning)

    def _names(self) -> dict[str, str]:
        tier, world = self._settings.tier, self._settings.world
        return {topic.wire(tier, world): topic.name for group in self._topology.groups for topic in group.topics}

    def _place(self) -> tuple[Placed, dict[str, TopicFacts]]:
        """Check the inputs and create the changelogs; return the groups with their topics on the wire."""
        tier, world = self._settings.tier, self._settings.world
        facts = self._admin.wait_for(sorted(self._names()))
        placed: Placed = []
        for group in self._topology.groups:
            wires = [topic.wire(tier, world) for topic in group.topics]
            count = check_copartition(self._service.name, group.label, wires, facts)
            changelogs = tuple(self._changelogs[state.name] for state in group.states)
            for changelog in changelogs:
                facts[changelog] = self._admin.ensure(changelog, count, CHANGELOG_CONFIG)
            placed.append((group, frozenset(wires), changelogs))
        return placed, facts

    def _open_store(self, changelog: str, number: int, topic_id: str, end: int) -> Store:
        place = f"{self._settings.scoped(self._service.name)}.{self._settings.instance}"
        return open_store(
            self._settings.data_dir / place / f"{changelog}-{number}",
            topic_id,
            end,
            write_buffer_bytes=self._tuning.write_buffer_bytes,
            block_cache_bytes=self._tuning.block_cache_bytes,
            log=self._tuning.store_log,
        )

    def _tables(self, part: Part, group: Group) -> list[Table]:
        timed = {state for state, _ in self._service.timers}
        tables = []
        for state, store in zip(group.states, part.stores, strict=True):
            changelog, is_timed = self._changelogs[state.name], state.name in timed
            table = Table(
                store,
                self._codec,
                changelog,
                timed=is_timed,
                cache_size=self._tuning.cache_size,
                timers_kept=self._tuning.timers_kept,
            )
            tables.append(table)
        return tables


def build_engine(
    service: StreamService,
    settings: Settings,
    codec: WireCodec,
    *,
    refs: Any = None,
    tuning: Tuning | None = None,
    clock: Clock | None = None,
    tracing: Tracing | None = None,
) -> Engine:
    """Return the engine of a service. Raises ConfigError, Unavailable."""
    return Assembly(service, settings, codec, tuning or tuning_of(settings)).engine(
        refs=refs if refs is not None else service.refs,
        clock=clock or settings.clock(),
        tracing=tracing or Tracing(service.name, settings),
    )
