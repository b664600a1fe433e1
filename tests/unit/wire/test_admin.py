from collections.abc import Mapping
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from confluent_kafka import KafkaError, KafkaException
from liandong.errors import ConfigError, Unavailable
from liandong.settings import Settings
from liandong.wire import Registry, TopicSpec, ensure_topics, register_all
from liandong_contracts import topics

SPEC = TopicSpec("w.district.sensing.reading.v1", 4, {"cleanup.policy": "delete"})


class FakeAdmin:
    """A cluster in memory; new topics get their leaders only after `slow` look-ups."""

    def __init__(self, slow: int = 0, refuse: int | None = None, away: bool = False) -> None:
        self.topics: dict[str, int] = {}
        self.created: list[Any] = []
        self.slow = slow
        self.refuse = refuse
        self.away = away
        self.hidden: dict[str, int] = {}

    def list_topics(self, *, timeout: float) -> Any:
        if self.away:
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))
        described = {}
        for name, count in self.topics.items():
            leader = -1 if self.slow else 1
            partitions = {number: SimpleNamespace(leader=leader) for number in range(count)}
            described[name] = SimpleNamespace(partitions=partitions, error=None)
        self.slow = max(0, self.slow - 1)
        self.topics |= self.hidden
        return SimpleNamespace(topics=described)

    def create_topics(self, new_topics: list[Any], *, operation_timeout: float) -> Mapping[str, Any]:
        futures = {}
        for topic in new_topics:
            futures[topic.topic] = future = Future[None]()
            if self.refuse is not None:
                future.set_exception(KafkaException(KafkaError(self.refuse)))
                continue
            self.created.append(topic)
            self.topics[topic.topic] = topic.num_partitions
            future.set_result(None)
        return futures


def test_creates_what_is_missing_and_waits_for_leaders() -> None:
    admin = FakeAdmin(slow=3)
    pauses: list[float] = []
    admin.topics["other"] = 1
    assert ensure_topics("b", [SPEC], admin=admin, pause=pauses.append) == [SPEC.name]
    (topic,) = admin.created
    assert (topic.num_partitions, topic.replication_factor, topic.config) == (4, -1, {"cleanup.policy": "delete"})
    assert len(pauses) == 2
    assert ensure_topics("b", [SPEC], admin=admin) == []


def test_a_wrong_partition_count_is_refused() -> None:
    admin = FakeAdmin()
    admin.topics[SPEC.name] = 2
    with pytest.raises(ConfigError, match="has 2 partitions, not 4"):
        ensure_topics("b", [SPEC], admin=admin)
    assert admin.topics[SPEC.name] == 2


def test_another_process_may_be_faster() -> None:
    admin = FakeAdmin(refuse=KafkaError.TOPIC_ALREADY_EXISTS)
    admin.hidden[SPEC.name] = 4
    assert ensure_topics("b", [SPEC], admin=admin, pause=lambda _: None) == [SPEC.name]


def test_kafka_away_and_kafka_unwilling() -> None:
    with pytest.raises(Unavailable, match="Kafka at b does not answer"):
        ensure_topics("b", [SPEC], admin=FakeAdmin(away=True))
    with pytest.raises(ConfigError, match=f"refuses to create {SPEC.name}"):
        ensure_topics("b", [SPEC], admin=FakeAdmin(refuse=KafkaError.TOPIC_AUTHORIZATION_FAILED))


def test_register_all_covers_every_topic_and_record() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(f"{request.method} {request.url.path}")
        return httpx.Response(200, json={"id": len(asked)})

    admin = FakeAdmin()
    registry = Registry("http://registry.test", transport=httpx.MockTransport(answer))
    register_all(Settings(tier="community", world="w", register_schemas=True), registry=registry, admin=admin)
    assert admin.topics == {topic.wire("community", "w"): topic.partitions["community"] for topic in topics.ALL}
    assert asked[0] == "PUT /config"
    subjects = {
        f"POST /subjects/{topic.wire('community', 'w')}-{record.FULL_NAME}/versions"
        for topic in topics.ALL
        for record in topic.records
    }
    assert set(asked[1:]) == subjects
