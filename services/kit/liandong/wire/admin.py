"""Bring Kafka and the registry to what is declared: create missing topics, register schemas. Never deletes."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from liandong.contracts import known_topics
from liandong.errors import ConfigError, Unavailable
from liandong.settings import Settings
from liandong.wire.registry import Registry
from liandong.wire.schema_ids import RegistryIds

_USABLE_WITHIN_S = 30.0
_POLL_S = 0.05
_CALL_S = 10.0


@dataclass(frozen=True)
class TopicSpec:
    """A topic that must exist. `replication` -1 leaves the number of replicas to the cluster."""

    name: str
    partitions: int
    config: Mapping[str, str] = field(default_factory=dict)
    replication: int = -1


class Admin(Protocol):
    """What is used of confluent_kafka's AdminClient."""

    def list_topics(self, *, timeout: float) -> Any:
        """Return the cluster's metadata."""
        ...

    def create_topics(self, new_topics: list[Any], *, operation_timeout: float) -> Mapping[str, Any]:
        """Ask for topics; one future per name."""
        ...


def ensure_topics(
    bootstrap: str,
    specs: Iterable[TopicSpec],
    *,
    admin: Admin | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> list[str]:
    """Create the topics that are missing, wait until all are usable, return the names created.

    Raises ConfigError when a topic exists with another partition count (keys would move between partitions and lose
    their order), Unavailable when Kafka does not answer or a topic does not appear in time.
    """
    wanted = list(specs)
    client: Admin = admin or AdminClient(
        {"bootstrap.servers": bootstrap, "log_level": 0}
    )  # problems are raised, not printed
    found = _topics(client, bootstrap)
    missing = [spec for spec in wanted if spec.name not in found]
    if missing:
        _create(client, missing, bootstrap)
    found = _when_usable(client, wanted, bootstrap, pause)
    wrong = [
        f"{s.name} has {found[s.name]} partitions, not {s.partitions}" for s in wanted if found[s.name] != s.partitions
    ]
    if wrong:
        raise ConfigError(
            f"{'; '.join(wrong)}. The count is fixed for the life of a topic because keys would move: "
            "correct the declaration, or empty this local cluster and start again."
        )
    return [spec.name for spec in missing]


def declared_specs(tier: str, world: str) -> list[TopicSpec]:
    """Return all declared topics as they must exist in a tier and world."""
    return [TopicSpec(t.wire(tier, world), t.partitions[tier], t.config()) for t in known_topics()]


def register_all(settings: Settings, *, registry: Registry | None = None, admin: Admin | None = None) -> None:
    """Create all declared topics of the settings' tier and world, and register all schemas under them.

    With `register_schemas` off the schemas are only looked up: a missing one is a ConfigError.
    """
    ensure_topics(settings.bootstrap, declared_specs(settings.tier, settings.world), admin=admin)
    client = registry or Registry(settings.registry_url)
    try:
        if settings.register_schemas:
            client.require_compatibility()
        ids = RegistryIds(client, register=settings.register_schemas)
        for topic in known_topics():
            for record in topic.records:
                ids.id_of(topic.wire(settings.tier, settings.world), record)
    finally:
        if registry is None:
            client.close()


def _topics(client: Admin, bootstrap: str) -> dict[str, int]:
    """Return topic -> number of its partitions, 0 while one of them has no leader."""
    try:
        metadata = client.list_topics(timeout=_CALL_S)
    except KafkaException as error:
        raise Unavailable(f"Kafka at {bootstrap} does not answer: {error}") from error
    return {
        name: 0 if any(partition.leader < 0 for partition in topic.partitions.values()) else len(topic.partitions)
        for name, topic in metadata.topics.items()
        if topic.error is None
    }


def _create(client: Admin, specs: Sequence[TopicSpec], bootstrap: str) -> None:
    asked = [NewTopic(s.name, s.partitions, s.replication, config=dict(s.config)) for s in specs]
    for name, future in client.create_topics(asked, operation_timeout=_CALL_S).items():
        try:
            future.result(_CALL_S)
        except KafkaException as error:
            reason = error.args[0]
            if reason.code() == KafkaError.TOPIC_ALREADY_EXISTS:
                continue  # another process of the tier was faster
            if reason.retriable():
                raise Unavailable(f"Kafka at {bootstrap} cannot create {name} now: {reason}") from error
            raise ConfigError(f"Kafka at {bootstrap} refuses to create {name}: {reason}") from error


def _when_usable(
    client: Admin, specs: Sequence[TopicSpec], bootstrap: str, pause: Callable[[float], None]
) -> dict[str, int]:
    deadline = time.monotonic() + _USABLE_WITHIN_S
    while True:
        found = _topics(client, bootstrap)
        waiting = [spec.name for spec in specs if not found.get(spec.name)]
        if not waiting:
            return found
        if time.monotonic() > deadline:
            raise Unavailable(f"topics without a leader after {_USABLE_WITHIN_S:.0f} s: {', '.join(waiting)}")
        pause(_POLL_S)
