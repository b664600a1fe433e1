"""EdgeProducer on a client that the test plays: acknowledged means acknowledged, and nothing else."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException
from liandong.edge import EdgeProducer, Publication
from liandong.edge.producer import PublishError, config_of
from liandong.settings import Settings
from liandong_contracts import topics
from liandong_contracts.base import Record
from liandong_contracts.sensing import ReadingRejected, RejectReason

AT = datetime(2031, 7, 20, 12, 0, tzinfo=UTC)
Delivery = Callable[[Any, Any], None]


class Plain:
    """A codec whose bytes the test can read."""

    def encode(self, topic: str, record: Record) -> bytes:
        return f"{topic}|{type(record).__name__}".encode()


class Client:
    """Keeps messages until the test acknowledges or fails them."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes, bytes, dict[str, bytes]]] = []
        self.open: list[Delivery] = []
        self.served: list[tuple[Delivery, Any]] = []
        self.refuse: Exception | None = None

    def produce(self, topic: str, value: bytes, key: bytes, *, on_delivery: Delivery, headers: Any) -> None:
        if self.refuse is not None:
            raise self.refuse
        self.sent.append((topic, value, key, dict(headers)))
        self.open.append(on_delivery)

    def acknowledge(self, count: int = 1, error: Any = None) -> None:
        for _ in range(count):
            self.served.append((self.open.pop(0), error))

    def poll(self, timeout: float) -> int:
        served, self.served = self.served, []
        for delivery, error in served:
            delivery(error, None)
        return len(served)

    def flush(self, timeout: float) -> int:
        return len(self.open)


def publication(native_id: str = "9901010001", event_id: str = "a" * 32) -> Publication:
    record = ReadingRejected(
        native_id=native_id, reason=RejectReason.BAD_LENGTH, detail="", raw=b"", transport="tcp", received_at=AT
    )
    return Publication(topic=topics.SENSING_REJECTED, record=record, event_id=event_id, time=AT, traceparent="00-1")


def producer(client: Client, in_flight: int = 4, deaths: list[int] | None = None) -> EdgeProducer:
    settings = Settings(world="test", area_code="990101")
    die = deaths.append if deaths is not None else lambda code: None
    return EdgeProducer(settings, Plain(), "sensing", in_flight=in_flight, client=client, die=die)


async def test_resolves_only_when_kafka_has_it() -> None:
    client = Client()
    edge = producer(client)
    future = edge.send(publication())
    topic, value, key, headers = client.sent[0]
    assert (topic, key) == ("test.district.sensing.rejected.v1", b"9901010001")
    assert value == b"test.district.sensing.rejected.v1|ReadingRejected"
    assert headers["ce_id"] == b"a" * 32
    assert headers["ce_source"] == b"/990101/sensing"
    assert headers["ce_type"] == b"liandong.sensing.ReadingRejected"
    assert headers["traceparent"] == b"00-1"
    done, _ = await asyncio.wait([future], timeout=0.02)
    assert not done
    assert edge.waiting == 1
    client.acknowledge()
    await asyncio.wait_for(future, 2)
    assert edge.waiting == 0
    assert edge.oldest_wait_s() == 0


async def test_back_pressure_waits_for_room() -> None:
    client = Client()
    edge = producer(client, in_flight=2)
    futures = [asyncio.ensure_future(edge.publish(publication(str(at)))) for at in range(5)]
    await asyncio.wait(futures, timeout=0.02)
    assert len(client.sent) == 2, "the others wait"
    while not all(future.done() for future in futures):
        client.acknowledge(len(client.open))
        await asyncio.wait(futures, timeout=0.005)
    assert [key for _, _, key, _ in client.sent] == [b"0", b"1", b"2", b"3", b"4"]


async def test_a_refused_event_concerns_only_itself() -> None:
    client = Client()
    edge = producer(client)
    bad, good = edge.send(publication()), edge.send(publication())
    client.acknowledge(error=KafkaError(KafkaError.MSG_SIZE_TOO_LARGE))
    client.acknowledge()
    with pytest.raises(PublishError, match="too large"):
        await asyncio.wait_for(bad, 2)
    await asyncio.wait_for(good, 2)
    client.refuse = KafkaException(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE))
    with pytest.raises(PublishError):
        await edge.publish(publication())
    assert edge.waiting == 0


async def test_a_fatal_error_ends_the_process_and_a_passing_one_does_not() -> None:
    deaths: list[int] = []
    edge = producer(Client(), deaths=deaths)
    edge._on_error(KafkaError(KafkaError._ALL_BROKERS_DOWN))
    assert deaths == []
    edge._on_error(KafkaError(KafkaError._FATAL))
    assert deaths == [70]


async def test_an_answer_after_the_caller_gave_up_is_harmless() -> None:
    client = Client()
    edge = producer(client)
    future = edge.send(publication())
    future.cancel()
    client.acknowledge()
    await edge.close(2)
    assert edge.waiting == 0


async def test_close_says_what_was_never_acknowledged(caplog: pytest.LogCaptureFixture) -> None:
    edge = producer(Client())
    edge.send(publication())
    await edge.close(0.01)
    assert "1 events were not acknowledged" in caplog.text


def test_the_client_is_idempotent_and_waits_for_ever() -> None:
    config = config_of(Settings(world="w"), "sensing", 2)
    assert config["enable.idempotence"] is True
    assert config["acks"] == "all"
    assert config["message.timeout.ms"] == 0
