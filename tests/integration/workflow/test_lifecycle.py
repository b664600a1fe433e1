"""The life of a worker on real Kafka: start without broker, what ends it and why, and consumers that lose records."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import OFFSET_END, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from liandong.wire import TopicSpec, ensure_topics
from liandong.workflow import tables
from liandong.workflow.migrate import migrate
from liandong.workflow.recover import move, repair
from liandong.workflow.sqlite import SqliteDatabase
from liandong_contracts import topics

from tests.support import workflow_ledger as ledger
from tests.support.workflow_crash import TIER, Count, Inputs, Worker, create_topics, until

SOURCES = pytest.mark.parametrize("source", ["faust", "aiokafka"])
Make = Callable[..., Worker]


@pytest.fixture
def worker(kafka: Any, world: str, tmp_path: Path, free_port: int) -> Iterator[Make]:
    made: list[Worker] = []

    def make(source: str = "aiokafka", folder: str = "one") -> Worker:
        (tmp_path / folder).mkdir()
        ports = {"ops_port": free_port + 2 * len(made)}
        made.append(
            Worker(
                tmp_path / folder,
                workflow_source=source,
                workflow_session_s=6,
                bootstrap=kafka.bootstrap,
                world=world,
                **ports,
            )
        )
        return made[-1]

    create_topics(kafka.bootstrap, world)
    yield make
    for one in made:
        one.kill()


@pytest.fixture
def inputs(kafka: Any, world: str) -> Callable[[int], Inputs]:
    made: list[Inputs] = []

    def make(number: int) -> Inputs:
        if not made:
            made.append(Inputs(kafka.bootstrap, world, 1, seed=3, timers=False))
        for _ in range(number):
            made[0].one()
        made[0].finish()
        return made[0]

    return make


def finish(worker: Worker, inputs: Inputs) -> None:
    """Wait until everything is applied and published, and stop the worker."""
    total = len(inputs.ids)
    until("everything is applied", lambda: worker.settled()[::2] == (total, 0) or worker.ended() is not None)
    status, seconds = worker.terminate()
    assert (status, seconds < 5) == (0, True), worker.log()[-3000:]


@SOURCES
def test_lost_records_are_fetched_again_and_aborted_ones_never_seen(
    source: str, worker: Make, inputs: Callable[[int], Inputs], kafka: Any, world: str
) -> None:
    inputs(150).ghosts(kafka.bootstrap)
    sent = inputs(150)
    sent.ghosts(kafka.bootstrap)
    one = worker(source)
    one.start("skip_records", 40)
    until("nothing is left, transaction markers apart", lambda: (one.health() or {}).get("lag") == 0)
    finish(one, sent)
    assert "seeking back" in one.log()
    assert Count(kafka.bootstrap, world, one, sent, timers=False).wrong() == {}


@SOURCES
def test_deaf_consumer_ends_the_process(source: str, worker: Make, inputs: Callable[[int], Inputs]) -> None:
    one = worker(source)
    one.start("deaf", 3)
    until("the process ends", lambda: one.ended() is not None)
    assert one.ended() == 1
    assert "the fetch loop dies" in one.log()


def test_broker_absent_at_start_is_waited_for(
    worker: Make, inputs: Callable[[int], Inputs], kafka: Any, world: str
) -> None:
    sent = inputs(20)
    kafka.hold_broker()
    one = worker("faust")
    try:
        one.start()
        until("it says what it waits for", lambda: "waiting for Kafka" in one.detail())
    finally:
        kafka.start_broker()
    finish(one, sent)
    assert one.log().count("waiting for Kafka") == 1


def test_restored_database_is_refused(worker: Make, kafka: Any, world: str) -> None:
    name = f"{world}.district.emergency.relay.v1"
    ensure_topics(kafka.bootstrap, [TopicSpec(name, 1, {"cleanup.policy": "compact"})])
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    producer.produce(name, b"40", b"emergency")
    assert producer.flush(30) == 0
    one = worker()
    one.start()
    until("it refuses", lambda: one.ended() is not None)
    assert one.ended() == 1
    assert "has given 0 outbox ids but 40 are published" in one.log()
    assert one.counts() == (0, 0, 0)


@SOURCES
def test_position_past_the_end_is_refused(source: str, worker: Make, world: str) -> None:
    one = worker(source)
    database = SqliteDatabase(one.data_dir / "emergency.sqlite3")
    migrate(database, ledger.metadata, None)
    with database.writer.begin() as connection:
        row = {"topic": f"{world}.district.sensing.alarm.v1", "partition": 0, "next": 1_000_000}
        connection.execute(tables.inbox.insert(), row)
    database.close()
    one.start()
    until("it refuses", lambda: one.ended() is not None)
    assert one.ended() == 1
    assert "the stored position 1000000 of" in one.log()
    assert "lies past the end (0)" in one.log()


@SOURCES
def test_events_that_expired_unread_are_not_passed_over(
    source: str, worker: Make, inputs: Callable[[int], Inputs], kafka: Any, world: str
) -> None:
    before = len(inputs(60).ids)
    expire(kafka.bootstrap, world)
    one = worker(source)
    one.start()
    wanted = len(inputs(60).ids) - before
    until("a new service begins where the topic begins", lambda: one.settled()[0] == wanted)
    one.kill()
    inputs(60)
    expire(kafka.bootstrap, world)
    one.start()
    until("it refuses", lambda: one.ended() is not None)
    assert one.ended() == 1
    assert "lies before the beginning" in one.log()


def expire(bootstrap: str, world: str) -> None:
    """Let everything in the input topic expire."""
    wire = topics.SENSING_ALARM.wire(TIER, world)
    ends = [TopicPartition(wire, number, OFFSET_END) for number in range(topics.SENSING_ALARM.partitions[TIER])]
    client = AdminClient({"bootstrap.servers": bootstrap})
    for future in client.delete_records(ends).values():
        future.result(30)


def test_restored_database_is_repaired_from_what_was_published(
    worker: Make, inputs: Callable[[int], Inputs], kafka: Any, world: str
) -> None:
    one, file = worker(), "emergency.sqlite3"
    sent = inputs(100)
    one.start()
    finish(one, sent)
    copy = one.data_dir / "copy"
    shutil.copy(one.data_dir / file, copy)
    inputs(100)
    one.start()
    finish(one, sent)
    for path in one.data_dir.glob(f"{file}*"):
        path.unlink()
    shutil.copy(copy, one.data_dir / file)
    one.start()
    until("it refuses", lambda: one.ended() is not None)
    assert "liandong recover emergency" in one.log()
    settings = one.declared
    said = repair(settings, "emergency")
    assert "will not be published twice" in said
    assert "nothing to repair" in repair(settings, "emergency")
    inputs(50)
    one.start()
    finish(one, sent)
    assert Count(kafka.bootstrap, world, one, sent, timers=False).wrong() == {}


@SOURCES
def test_topic_made_anew_is_refused_until_a_person_decides(
    source: str, worker: Make, inputs: Callable[[int], Inputs], kafka: Any, world: str
) -> None:
    one, sent = worker(source), inputs(60)
    one.start()
    finish(one, sent)
    wire, admin = topics.SENSING_ALARM.wire(TIER, world), AdminClient({"bootstrap.servers": kafka.bootstrap})
    admin.delete_topics([wire])[wire].result(30)
    until("it is gone", lambda: wire not in admin.list_topics(timeout=10).topics)
    create_topics(kafka.bootstrap, world)
    Inputs(kafka.bootstrap, world, 1, seed=9, timers=False).many(200)
    one.start()
    until("it refuses", lambda: one.ended() is not None)
    assert "belongs to a former topic of that name" in one.log()
    assert "liandong recover emergency --from" in one.log()
    moved = move(one.declared, "emergency", "end", None)
    assert len(moved) == topics.SENSING_ALARM.partitions[TIER]
    one.start()
    until("it goes on", one.ready)


def test_second_relay_fences_the_first(worker: Make, inputs: Callable[[int], Inputs]) -> None:
    first, second = worker(folder="first"), worker(folder="second")
    first.start()
    sent = inputs(20)
    until("the first publishes", lambda: first.settled()[::2] == (len(sent.ids), 0))
    second.start()
    until("the second refuses an empty database", lambda: second.ended() == 1)
    assert "published: it was restored" in second.log()
    inputs(20)
    until("the first is fenced", lambda: first.ended() == 1)
    assert "took over" in first.log()
