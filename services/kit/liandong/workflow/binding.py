"""A service's declarations bound to the process it runs in: settings, clock, codec, tracer, reference data."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import msgspec
from liandong_contracts.base import Record, Topic
from liandong_contracts.kit import SubjectKey

from liandong.clock import Clock
from liandong.contracts import known_topics
from liandong.errors import ConfigError
from liandong.privacy.grants import key_topic, writes_personal
from liandong.privacy.service import Privacy
from liandong.telemetry.tracing import Tracing
from liandong.wire import Codec
from liandong.workflow.settings import WorkflowSettings


class EventRoute(msgspec.Struct, frozen=True):
    """What is to be done with one record type of one topic."""

    topic: Topic
    record: type[Record]
    run: Any
    tier: str | None


class CommandRoute(msgspec.Struct, frozen=True):
    """The handler of one request message; `reply` is learned from its annotation."""

    run: Any
    reply: type[Any]


class Binding(msgspec.Struct, frozen=True, dict=True):
    """Everything that steps and `Work` need to know; nothing in it changes while the process runs."""

    service: str
    settings: WorkflowSettings
    clock: Clock
    codec: Codec
    tracing: Tracing
    refs: Any
    events: Mapping[tuple[str, str], EventRoute]
    timers: Mapping[str, Any]
    commands: Mapping[str, CommandRoute]
    answers: Mapping[str, Any]
    privacy: Privacy | None = None

    def wire(self, topic: Topic, tier: str | None = None) -> str:
        """Return a topic's name on the wire in this tier and world."""
        return topic.wire(tier or self.settings.tier, self.settings.world)

    @property
    def schemas(self) -> list[tuple[str, type[Record]]]:
        """The (topic on the wire, record) pairs that this service reads or may write."""
        read = {(wire, route.record) for (wire, _), route in self.events.items()}
        own = [topic for topic in known_topics() if self.service in topic.producers]
        written = {(self.wire(topic), record) for topic in own for record in topic.records}
        if writes_personal(self.service):
            written.add((self.key_topic, SubjectKey))
        return sorted(read | written, key=lambda pair: (pair[0], pair[1].FULL_NAME))

    @property
    def dead_letters(self) -> str:
        """The topic of what this service could not use."""
        return self.settings.scoped(f"{self.service}.dead-letter.v1")

    @property
    def relay_topic(self) -> str:
        """The compacted topic where the relay keeps its high-water mark."""
        return self.settings.scoped(f"{self.service}.relay.v1")

    @property
    def key_topic(self) -> str:
        """The compacted topic of the data keys of the personal values that this service publishes."""
        return self.wire(key_topic(self.service))

    @property
    def personal(self) -> Privacy:
        """What seals and opens personal values. Raises ConfigError in a service that has nothing to do with them."""
        if self.privacy is None:
            raise ConfigError(f"{self.service} neither publishes personal values nor may it read any")
        return self.privacy

    @cached_property
    def parking(self) -> frozenset[str]:
        """The topics, on the wire, whose events wait behind a dead letter of their key."""
        return frozenset(wire for (wire, _), route in self.events.items() if route.topic.park)

    @property
    def subscribed(self) -> list[str]:
        """The topics to consume, on the wire."""
        return sorted({topic for topic, _ in self.events})

    def may_write(self, topic: Topic, record: Record) -> None:
        """Raise ValueError when the record does not belong on the topic or another service writes the topic."""
        if type(record) not in topic.records:
            raise ValueError(f"{type(record).__name__} is not a record of {topic.name}")
        if self.service not in (topic.producers or (topic.owner,)):
            raise ValueError(f"{topic.name} is not written by {self.service}; send {topic.owner} a request instead")
