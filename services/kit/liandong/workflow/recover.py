"""Recover: repairs the database of a stopped workflow service, when a person has decided so.

A database that was restored from an older copy has forgotten events that are published. `repair` reads them back from
Kafka: ids and sequences go on behind them, and what is handled a second time publishes nothing a second time.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import sqlalchemy as sa
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from liandong.contracts import known_topics
from liandong.errors import ConfigError, PositionError, Unavailable
from liandong.settings import Settings
from liandong.stream.admin import Admin
from liandong.stream.positions import fault_of, marks_of
from liandong.workflow import tables
from liandong.workflow.migrate import migrate
from liandong.workflow.opening import open_database
from liandong.workflow.relay import producer_settings, read_mark
from liandong.workflow.settings import WorkflowSettings
from liandong.workflow.sql import Database, upsert

_PATIENCE_S = 15.0
_SEQUENCE = (tables.sequence, ("topic", "key"), ("topic", "key", "last"))


def repair(settings: WorkflowSettings, service: str) -> str:
    """Bring a database up to what was published from a newer one; return what was done, as a sentence.

    Raises ConfigError while the service runs, Unavailable.
    """
    with _alone(settings, service) as database:
        producer = Producer(producer_settings(settings, service))
        try:
            producer.init_transactions(30)  # decides what the last relay left open
        except KafkaException as error:
            raise Unavailable(f"Kafka does not answer: {error.args[0].str()}") from error
        mark, top = read_mark(settings, service), database.top_of_outbox()
        if top >= mark:
            return f"{database.name} has given {top} outbox ids and {mark} are published: nothing to repair"
        with database.writer.begin() as connection:
            found = _Published(settings, service, connection)
            found.read()
            found.write()
            connection.execute(sa.delete(tables.outbox).where(tables.outbox.c.id <= mark))
            database.raise_outbox(connection, mark)
    return (
        f"{database.name}: outbox ids go on after {mark}; {len(found.ids)} published events are known again and will "
        f"not be published twice. {found.by_people} of them came from people's decisions: enter those again"
    )


def move(settings: WorkflowSettings, service: str, origin: str, topics: list[str] | None) -> list[str]:
    """Set the positions of a stopped service, in `topics` (on the wire; default: all it has read); return what moved.

    Raises ConfigError while the service runs, PositionError when a stored position lies outside its partition.
    """
    admin = Admin(settings, _PATIENCE_S)
    with _alone(settings, service) as database:
        rows = [row for row in database.read(sa.select(tables.inbox)) if not topics or row.topic in topics]
        marks = marks_of(admin, {row.topic for row in rows})
        bounds = admin.bounds((row.topic, row.partition) for row in rows)
        lines = []
        with database.writer.begin() as connection:
            for row in rows:
                first, end = bounds[row.topic, row.partition]
                after = {"beginning": first, "end": end, "stored": row.next}[origin]
                fault = fault_of(TopicPartition(row.topic, row.partition, after), marks[row.topic], first, end)
                if fault:
                    raise PositionError(f"the stored position {after} of {row.topic}-{row.partition} {fault}")
                at = (tables.inbox.c.topic == row.topic, tables.inbox.c.partition == row.partition)
                connection.execute(sa.update(tables.inbox).where(*at).values(next=after, mark=marks[row.topic]))
                lines.append(f"{row.topic}-{row.partition}: {row.next} -> {after}")
    return lines


@contextmanager
def _alone(settings: WorkflowSettings, service: str) -> Iterator[Database]:
    """Yield the database while no worker uses it."""
    database = open_database(settings, service, wait_s=1.0)
    tries = count()
    try:
        migrate(database, sa.MetaData(), None)
        with database.lead(lambda: next(tries) > 0) as connection:
            if connection is None:
                raise ConfigError(f"{service} runs on {database.name}; stop every replica first")
            connection.rollback()
            yield database
    finally:
        database.close()


class _Published:
    """What Kafka holds of a service's own events and the database has forgotten."""

    def __init__(self, settings: Settings, service: str, connection: sa.Connection) -> None:
        self._settings = settings
        self._connection = connection
        own = [topic for topic in known_topics() if service in (topic.producers or (topic.owner,))]
        self._topics = {topic.wire(settings.tier, settings.world) for topic in own}
        self._dead_letters = settings.scoped(f"{service}.dead-letter.v1")
        self._source = f"/{service}".encode()
        rows = connection.execute(sa.select(tables.sequence))
        self._known = {(row.topic, row.key): row.last for row in rows}
        self.last = dict(self._known)
        self.ids: set[str] = set()
        self.by_people = 0

    def read(self) -> None:
        """Read every own topic to its end."""
        admin = Admin(self._settings, _PATIENCE_S)
        facts = admin.facts(sorted(self._topics | {self._dead_letters}))
        places = [(topic, number) for topic, fact in facts.items() for number in range(fact.partitions)]
        bounds = admin.bounds(places)
        for place in places:
            for message in _messages(self._settings, place, *bounds[place]):
                if place[0] == self._dead_letters:
                    headers = _headers_of(message)
                    if "dl_topic" in headers:
                        at = (headers["dl_topic"], headers["dl_partition"], headers["dl_offset"])
                        self.ids.add("{}/{}@{}".format(*(part.decode() for part in at)))
                else:
                    self._event(place[0], message)

    def _event(self, topic: str, message: Message) -> None:
        headers = _headers_of(message)
        if not headers.get("ce_source", b"").endswith(self._source):
            return
        at = (topic, (message.key() or b"").decode())
        sequence = int(headers.get("ce_sequence") or 0)
        if sequence and sequence <= self._known.get(at, 0):
            return
        self.last[at] = max(self.last.get(at, 0), sequence)
        self.ids.add(headers["ce_id"].decode())
        self.by_people += bool(headers.get("ce_actor"))

    def write(self) -> None:
        """Note ids and sequences in the database."""
        dialect = self._connection.dialect.name
        raised = {at: last for at, last in self.last.items() if last > self._known.get(at, 0)}
        if raised:
            rows = [{"topic": at[0], "key": at[1], "last": last} for at, last in raised.items()]
            self._connection.execute(upsert(dialect, *_SEQUENCE), rows)
        if self.ids:
            statement = upsert(dialect, tables.published, ("event_id",), ("event_id",))
            self._connection.execute(statement, [{"event_id": one} for one in sorted(self.ids)])


def _headers_of(message: Message) -> dict[str, bytes]:
    return {name: value for name, value in dict(message.headers() or []).items() if isinstance(value, bytes)}


def _messages(settings: Settings, place: tuple[str, int], first: int, end: int) -> Iterator[Message]:
    """Give the committed records of a partition up to its end."""
    consumer = Consumer(
        {
            "bootstrap.servers": settings.bootstrap,
            "group.id": "recover",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
        }
    )
    try:
        if first >= end:
            return
        consumer.assign([TopicPartition(*place, first)])
        while True:
            message = consumer.poll(_PATIENCE_S)
            if message is None:
                raise Unavailable(f"{place[0]}-{place[1]} cannot be read up to its end; is a transaction open?")
            error = message.error()
            if error is None:
                yield message
            elif error.code() == KafkaError._PARTITION_EOF:
                return
            else:
                raise Unavailable(f"{place[0]}-{place[1]} cannot be read: {error.str()}")
    finally:
        consumer.close()
