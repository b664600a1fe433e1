"""Admin: what must hold on the cluster before a service may start, and where partitions begin and end.

It creates only what belongs to the service itself (changelogs, dead letters); declared topics are made by those who
operate the cluster.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, OffsetSpec, ResourceType

from liandong.errors import ConfigError, Unavailable
from liandong.settings import Settings
from liandong.wire import TopicSpec, ensure_topics

log = logging.getLogger(__name__)
T = TypeVar("T")

CHANGELOG_CONFIG = {
    "cleanup.policy": "compact",
    "delete.retention.ms": "86400000",
    "min.cleanable.dirty.ratio": "0.1",
}
_LARGER = {"max.message.bytes": str(2 << 20)}  # than the record that it is about
DEAD_LETTER_CONFIG = {"cleanup.policy": "delete", "retention.ms": str(30 * 24 * 3600 * 1000)} | _LARGER
LETTERS_CONFIG = CHANGELOG_CONFIG | _LARGER
_PATIENCE_S = 60.0
_MISSING = (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION)


class TopicFacts(msgspec.Struct, frozen=True):
    """What the cluster says about a topic."""

    partitions: int
    id: str


def dead_letter_wire(settings: Settings, service: str) -> str:
    """Return the name of a service's dead-letter topic."""
    name = f"{settings.tier}.{service}.dead-letter.v1"
    return f"{settings.world}.{name}" if settings.world else name


class Admin:
    """Questions and small tasks for the cluster; waits for it up to a minute, then raises Unavailable."""

    def __init__(self, settings: Settings, patience_s: float = _PATIENCE_S) -> None:
        self._bootstrap = settings.bootstrap
        self._client = AdminClient({"bootstrap.servers": settings.bootstrap})
        self._patience_s = patience_s

    def _ask(self, what: str, ask: Callable[[], T]) -> T:
        end = time.monotonic() + self._patience_s
        while True:
            try:
                return ask()
            except KafkaException as error:
                if time.monotonic() > end:
                    raise Unavailable(f"Kafka does not answer ({what}): {error.args[0].str()}") from error
                log.warning("Kafka does not answer (%s), trying again: %s", what, error.args[0].str())
                time.sleep(0.2)

    def cluster_id(self) -> str:
        """Return the id of the cluster."""
        return self._ask(
            "cluster id", lambda: str(self._client.describe_cluster(request_timeout=10).result().cluster_id)
        )

    def facts(self, topics: Sequence[str]) -> dict[str, TopicFacts]:
        """Return partition counts and ids of those of the topics that exist."""

        def ask() -> dict[str, TopicFacts]:
            found = {}
            futures = self._client.describe_topics(TopicCollection(list(topics)), request_timeout=10)
            for name, future in futures.items():
                try:
                    description = future.result()
                    found[name] = TopicFacts(len(description.partitions), str(description.topic_id))
                except KafkaException as error:
                    if error.args[0].code() not in _MISSING:
                        raise
            return found

        return self._ask("describe topics", ask)

    def wait_for(self, topics: Sequence[str]) -> dict[str, TopicFacts]:
        """Return the facts of topics that others create. Raises ConfigError when one stays missing."""
        end = time.monotonic() + self._patience_s
        while True:
            found = self.facts(topics)
            missing = sorted(set(topics) - found.keys())
            if not missing:
                return found
            if time.monotonic() > end:
                raise ConfigError(f"topics are missing: {', '.join(missing)}; apply the topic declarations first")
            time.sleep(0.2)

    def ensure(self, topic: str, partitions: int, config: Mapping[str, str]) -> TopicFacts:
        """Create a topic of the service itself if it is missing. Raises ConfigError when it exists but does not fit."""
        ensure_topics(self._bootstrap, [TopicSpec(topic, partitions, config)])
        policy = self._config(topic)["cleanup.policy"]
        if policy != config["cleanup.policy"]:
            raise ConfigError(f"{topic} has cleanup.policy={policy}, it must be {config['cleanup.policy']}")
        return self.facts([topic])[topic]

    def _config(self, topic: str) -> dict[str, str]:
        resource = ConfigResource(ResourceType.TOPIC, topic)

        def ask() -> dict[str, str]:
            entries: dict[str, Any] = self._client.describe_configs([resource])[resource].result(10)
            return {name: entry.value for name, entry in entries.items()}

        return self._ask(f"describe the configuration of {topic}", ask)

    def bounds(self, partitions: Iterable[tuple[str, int]]) -> dict[tuple[str, int], tuple[int, int]]:
        """Return the first offset and the high watermark of each (topic, partition).

        The high watermark, not the last stable offset: records of a transaction whose end marker is still on its way
        count too.
        """
        asked = [TopicPartition(topic, number) for topic, number in partitions]

        def ask(spec: OffsetSpec) -> dict[tuple[str, int], int]:
            level = IsolationLevel.READ_UNCOMMITTED
            futures = self._client.list_offsets(dict.fromkeys(asked, spec), isolation_level=level, request_timeout=10)
            return {(tp.topic, tp.partition): future.result().offset for tp, future in futures.items()}

        if not asked:
            return {}
        first = self._ask("first offsets", lambda: ask(OffsetSpec.earliest()))  # type: ignore[no-untyped-call]
        end = self._ask("end offsets", lambda: ask(OffsetSpec.latest()))  # type: ignore[no-untyped-call]
        return {at: (first[at], end[at]) for at in first}


def check_copartition(service: str, label: str, topics: Sequence[str], facts: Mapping[str, TopicFacts]) -> int:
    """Return the partition count that all inputs of a group share. Raises ConfigError when they differ."""
    counts = {topic: facts[topic].partitions for topic in topics}
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{topic} has {count}" for topic, count in sorted(counts.items()))
        raise ConfigError(f"{service}: the inputs of {label} need equal partition counts, but {listed}")
    return next(iter(counts.values()))
