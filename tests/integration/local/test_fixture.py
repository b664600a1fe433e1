"""The kit's own Kafka fixture: topics, schemas, and a broker that comes back with everything acknowledged."""

from collections.abc import Callable

from confluent_kafka import Consumer, Producer
from liandong.local.prepare import broker, remove_world
from liandong.settings import Settings
from liandong.testing.plugin import KafkaForTests
from liandong.wire.admin import register_all


def _publish(settings: Settings, topic: str, values: list[bytes]) -> None:
    producer = Producer({"bootstrap.servers": settings.bootstrap, "enable.idempotence": True, "log_level": 0})
    refused: list[object] = []
    for value in values:
        producer.produce(topic, value, b"key", 0, on_delivery=lambda error, _: refused.append(error) if error else None)
    assert producer.flush(60) == 0
    assert not refused


def _read(settings: Settings, topic: str, count: int) -> list[bytes | None]:
    consumer = Consumer(
        {
            "bootstrap.servers": settings.bootstrap,
            "group.id": settings.scoped("reader"),
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            "log_level": 0,
        }
    )
    consumer.subscribe([topic])
    try:
        found: list[bytes | None] = []
        while len(found) < count:
            message = consumer.poll(30)
            assert message is not None, f"only {len(found)} of {count} arrived"
            if message.error() is None:
                found.append(message.value())
        return found
    finally:
        consumer.close()


def test_a_killed_broker_and_registry_come_back_with_everything(
    kafka: KafkaForTests, settings: Callable[..., Settings]
) -> None:
    own = settings()
    register_all(own)
    topic = next(name for name in broker(own).list_topics(timeout=10).topics if name.startswith(f"{own.world}."))
    _publish(own, topic, [b"before"])
    kafka.kill_broker()
    kafka.kill_registry()
    register_all(own)  # finds every topic and every schema as it left them
    _publish(own, topic, [b"after"])
    assert _read(own, topic, 2) == [b"before", b"after"]


def test_a_removed_world_leaves_no_topic(kafka: KafkaForTests, settings: Callable[..., Settings]) -> None:
    own, other = settings(), settings(world="t-neighbour")
    register_all(own)
    register_all(other)
    assert remove_world(own) > 10
    left = set(broker(own).list_topics(timeout=10).topics)
    assert not [name for name in left if name.startswith(f"{own.world}.")]
    assert [name for name in left if name.startswith("t-neighbour.")]
    remove_world(other)
