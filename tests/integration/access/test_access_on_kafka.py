"""The generated access rules on a real broker: a service's clients can do their work with them, and nothing else."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType
from liandong.codegen.files import load
from liandong.codegen.internal import Place
from liandong.codegen.manifests import emit_place
from liandong.errors import ConfigError
from liandong.local import artifacts
from liandong.local.client import LocalStack
from liandong.local.settings import LocalSettings
from liandong.settings import Settings
from liandong.stream.tuning import Tuning, consumer_config, producer_config, restore_config

from tests.support.secured_kafka import SecuredKafka, secured_kafka

HERE = Place("district")
PATIENCE_S = 30.0
REFUSED_TOPIC = KafkaError.TOPIC_AUTHORIZATION_FAILED


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[SecuredKafka]:
    """One broker with the district's topics and users, and those of a drill."""
    settings = LocalSettings(project=pytestconfig.rootpath)
    layout = LocalStack(tmp_path_factory.mktemp("layout"), settings=settings, tethered=True).layout
    try:
        artifacts.require(artifacts.read_lock(layout.lock), layout.lib)
    except ConfigError as error:
        if settings.ci:
            pytest.fail(str(error))
        pytest.skip(str(error))
    contract = load(pytestconfig.rootpath)
    with secured_kafka(tmp_path_factory.mktemp("secured"), layout) as kafka:
        for place in (HERE, Place("district", "drill-7")):
            kafka.apply(emit_place(contract, place))
        yield kafka


def settings_of(kafka: SecuredKafka) -> Settings:
    return Settings(bootstrap=kafka.bootstrap, instance="pod-0")


def producer(kafka: SecuredKafka, service: str, **changes: Any) -> Producer:
    """Return the transactional producer of a stream service, as the kit makes it."""
    config = producer_config(settings_of(kafka), service, Tuning())
    made = Producer({**config, **kafka.login(HERE.scoped(service)), "log_level": 0, **changes})
    made.init_transactions(PATIENCE_S)
    return made


def send(client: Producer, topic: str) -> KafkaError | None:
    """Send one record outside of a transaction and return what the broker said."""
    answers: list[KafkaError | None] = []
    client.produce(topic, b"value", b"key", on_delivery=lambda error, _: answers.append(error))
    client.flush(PATIENCE_S)
    return answers[0]


def plain(kafka: SecuredKafka, principal: str) -> Producer:
    return Producer({**kafka.login(principal), "enable.idempotence": True, "log_level": 0})


def polled(client: Consumer, done: Callable[[Any], bool]) -> Any:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        message = client.poll(0.1)
        if message is not None and done(message):
            return message
    pytest.fail("nothing came")


def reading(kafka: SecuredKafka, principal: str, group: str, topic: str) -> KafkaError | None:
    """Read a topic from its beginning without joining the group; return the refusal, or nothing at its end."""
    client = Consumer(
        {**kafka.login(principal), "group.id": group, "enable.partition.eof": True, "enable.auto.commit": False}
    )
    try:
        hidden: KafkaError | None = client.list_topics(topic, timeout=PATIENCE_S).topics[topic].error
        if hidden is not None:  # without Read or Write there is no Describe either
            return hidden
        client.assign([TopicPartition(topic, 0, 0)])
        error: KafkaError | None = polled(client, lambda message: message.error() is not None).error()
        return None if error is not None and error.code() == KafkaError._PARTITION_EOF else error
    finally:
        client.close()


def test_a_stream_service_does_its_whole_round(secured: SecuredKafka) -> None:
    """Sensing writes a reading; flood reads it in its group, and commits output, changelog and position at once."""
    judge = producer(secured, "sensing")
    judge.begin_transaction()
    judge.produce(HERE.wire("sensing.reading"), b"reading", b"device")
    judge.commit_transaction(PATIENCE_S)
    config = consumer_config(settings_of(secured), "flood", Tuning()) | {"auto.offset.reset": "earliest"}
    flood = Consumer({**config, **secured.login("district.flood")})
    flood.subscribe([HERE.wire("sensing.reading"), HERE.wire("dispatch.case"), HERE.wire("flood.evidence")])
    out = producer(secured, "flood")
    message = polled(flood, lambda message: message.error() is None)
    out.begin_transaction()
    for topic in ("flood.evidence", "flood.rain", "emergency.proposal", "flood.gauge-changelog", "flood.dead-letter"):
        out.produce(HERE.wire(topic), b"value", b"key")
    position = TopicPartition(message.topic(), message.partition(), message.offset() + 1)
    out.send_offsets_to_transaction([position], flood.consumer_group_metadata(), PATIENCE_S)
    out.commit_transaction(PATIENCE_S)
    (committed,) = flood.committed([TopicPartition(message.topic(), message.partition())], PATIENCE_S)
    assert committed.offset == position.offset
    flood.close()


def test_a_stream_service_restores_and_checks_its_changelogs(secured: SecuredKafka) -> None:
    changelog = HERE.wire("flood.spot-changelog")
    restore = restore_config(settings_of(secured), "flood")["group.id"]
    assert reading(secured, "district.flood", restore, changelog) is None
    admin = AdminClient({**secured.login("district.flood"), "log_level": 0})
    resource = ConfigResource(ResourceType.TOPIC, changelog)
    assert admin.describe_configs([resource])[resource].result(PATIENCE_S)["cleanup.policy"].value == "compact"
    seen = {name for name in admin.list_topics(timeout=PATIENCE_S).topics if not name.startswith("__")}
    assert changelog in seen
    assert not {name for name in seen if name.startswith("drill-7.")}


@pytest.mark.parametrize("topic", ["sensing.device-state", "flood.spot-catalogue", "flood.gauge-changelog"])
def test_local_copies_can_be_read(secured: SecuredKafka, topic: str) -> None:
    wire = HERE.wire(topic)
    assert reading(secured, "district.flood", f"view.{wire}", wire) is None


def test_a_workflow_service_publishes_and_finds_its_mark(secured: SecuredKafka) -> None:
    name = HERE.scoped("dispatch.relay")
    relay = producer(secured, "dispatch", **{"transactional.id": name})
    relay.begin_transaction()
    relay.produce(HERE.wire("dispatch.case"), b"case", b"key")
    relay.produce(HERE.wire("dispatch.relay"), b"1", b"dispatch", 0)
    relay.commit_transaction(PATIENCE_S)
    assert reading(secured, "district.dispatch", name, HERE.wire("dispatch.relay")) is None


@pytest.mark.parametrize(
    "topic",
    [
        HERE.wire("sensing.reading"),  # it reads them
        HERE.wire("emergency.response"),  # it reads them
        HERE.wire("emergency.relay"),  # another service's own
        HERE.wire("sensing.device-changelog"),
        HERE.wire("dispatch.dead-letter"),
        Place("district", "drill-7").wire("flood.spot"),  # its own of another world
    ],
)
def test_a_service_writes_nothing_else(secured: SecuredKafka, topic: str) -> None:
    error = send(plain(secured, "district.flood"), topic)
    assert error is not None
    assert error.code() == REFUSED_TOPIC


@pytest.mark.parametrize(
    "topic",
    [
        "emergency.notice",
        "emergency.relay",
        "sensing.report",
        "emergency.proposal",  # it writes them
    ],
)
def test_a_service_reads_nothing_else(secured: SecuredKafka, topic: str) -> None:
    error = reading(secured, "district.flood", HERE.scoped("flood"), HERE.wire(topic))
    assert error is not None
    assert error.code() == REFUSED_TOPIC


def test_a_service_has_no_other_group_and_no_other_transactions(secured: SecuredKafka) -> None:
    wire = HERE.wire("flood.spot")
    error = reading(secured, "district.ioc", HERE.scoped("flood"), wire)
    assert error is not None
    assert error.code() == KafkaError.GROUP_AUTHORIZATION_FAILED
    for taken in (HERE.scoped("flood.pod-0"), Place("district", "drill-7").scoped("ioc.relay")):
        with pytest.raises(KafkaException) as refused:
            producer(secured, "ioc", **{"transactional.id": taken})
        assert refused.value.args[0].code() == KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED


def test_only_the_administrator_creates_and_deletes_topics(secured: SecuredKafka) -> None:
    def ask(principal: str, name: str) -> KafkaError | None:
        admin = AdminClient({**secured.login(principal), "log_level": 0})
        try:
            admin.create_topics([NewTopic(name, 1, 1)])[name].result(PATIENCE_S)
            admin.delete_topics([name])[name].result(PATIENCE_S)
        except KafkaException as error:
            refusal: KafkaError = error.args[0]
            return refusal
        return None

    refused = ask("district.flood", "district.flood.extra.v1")
    assert refused is not None
    assert refused.code() == REFUSED_TOPIC
    assert ask("district.platform-admin", "district.flood.extra.v1") is None
    refused = ask("drill-7.district.platform-admin", "district.flood.extra.v1")
    assert refused is not None
    assert refused.code() == REFUSED_TOPIC
    assert ask("drill-7.district.platform-admin", "drill-7.district.flood.extra.v1") is None
