"""What follows from a service's processes: internal topics, consumer groups, transactional ids. Names only, no Kafka.

The kit gives the same names at run time; a contract test holds the two together.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from liandong_contracts.base import versioned

from liandong.codegen.model import Contract, ServiceFile, Tier, TopicFile, holds_encrypted

CHANGELOG = {"cleanup.policy": "compact", "delete.retention.ms": "86400000", "min.cleanable.dirty.ratio": "0.1"}
RELAY = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.1"}
SUBJECT_KEY = {"cleanup.policy": "compact", "max.compaction.lag.ms": "3600000", "min.cleanable.dirty.ratio": "0.01"}
DEAD_LETTER = {"cleanup.policy": "delete", "retention.ms": "2592000000"}
_LARGER = {"max.message.bytes": "2097152"}  # than the record that it is about
STREAM_DEAD_LETTER = {**DEAD_LETTER, **_LARGER}
LETTERS = {**CHANGELOG, **_LARGER}


@dataclass(frozen=True)
class Place:
    """A tier and a world: what every name begins with."""

    tier: Tier
    world: str = ""

    def scoped(self, name: str, tier: str = "") -> str:
        """Return `[world.]tier.name`."""
        return ".".join(part for part in (self.world, tier or self.tier, name) if part)

    def wire(self, topic: str, tier: str = "") -> str:
        """Return a topic's name on the wire, of another tier if given."""
        return self.scoped(versioned(topic), tier)


@dataclass(frozen=True)
class InternalTopic:
    """A topic that no file declares because it follows from a process."""

    name: str
    service: str
    kind: Literal["changelog", "relay", "dead-letter", "letters", "subject-key"]
    partitions: int
    config: Mapping[str, str]


def internal_topics(contract: Contract, service: ServiceFile, place: Place) -> Iterator[InternalTopic]:
    """Yield the internal topics of a service, by process."""
    if service.service in key_writers(contract):
        yield InternalTopic(key_topic(service.service, place), service.service, "subject-key", 1, SUBJECT_KEY)
    counts = {topic.name: topic.partitions[place.tier] for topic in (*contract.topics, *contract.foreign_topics)}
    for group, process in service.groups("stream"):
        for state in process.states:
            name = place.wire(f"{group}.{state.name}-changelog")
            yield InternalTopic(name, service.service, "changelog", counts[state.inputs[0]], CHANGELOG)
        yield InternalTopic(place.wire(f"{group}.dead-letter"), service.service, "dead-letter", 1, STREAM_DEAD_LETTER)
        yield InternalTopic(place.wire(f"{group}.letters"), service.service, "letters", 1, LETTERS)
    for group, _ in service.groups("workflow"):
        yield InternalTopic(place.wire(f"{group}.relay"), service.service, "relay", 1, RELAY)
        yield InternalTopic(place.wire(f"{group}.dead-letter"), service.service, "dead-letter", 1, DEAD_LETTER)


def key_topic(service: str, place: Place) -> str:
    """Return the topic of the data keys that a service makes."""
    return place.wire(f"{service}.subject-key")


def key_writers(contract: Contract) -> set[str]:
    """Return the services that publish encrypted fields and so make data keys."""
    return {name for topic in _encrypted(contract) for name in topic.producers}


def readable_keys(contract: Contract, service: str, place: Place) -> list[str]:
    """Return the topics of the data keys that a service may use."""
    granted = [topic for topic in _encrypted(contract) if service in topic.clear]
    return sorted({key_topic(name, place) for topic in granted for name in topic.producers})


def _encrypted(contract: Contract) -> list[TopicFile]:
    known = (*contract.topics, *contract.foreign_topics)
    return [t for t in known if any(holds_encrypted(record.type, contract.types) for record in t.records)]


def joined_groups(service: ServiceFile, place: Place) -> list[str]:
    """Return the consumer groups that the service joins and commits positions in."""
    return [place.scoped(group) for kind in ("stream", "workflow") for group, _ in service.groups(kind)]


def named_groups(service: ServiceFile, place: Place) -> list[str]:
    """Return the groups that consumers only name, because the client wants one: they never join or commit."""
    restore = [place.scoped(f"{group}.restore") for group, _ in service.groups("stream")]
    return restore + [place.scoped(f"{group}.relay") for group, _ in service.groups("workflow")]


def view_group(wire: str) -> str:
    """Return the group that a local copy of a topic names."""
    return f"view.{wire}"


def transactional_ids(service: ServiceFile, place: Place) -> list[tuple[str, bool]]:
    """Return the transactional ids, each with whether it is the beginning of one per instance."""
    instances = [(place.scoped(f"{group}."), True) for group, _ in service.groups("stream")]
    return instances + [(place.scoped(f"{group}.relay"), False) for group, _ in service.groups("workflow")]
