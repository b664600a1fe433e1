"""Subject keys: the data keys of personal values, read from their compacted topics; and what an operator does to them.

The topic `<tier>.<service>.subject-key.v1` is the only place of a service's data keys. The service adds keys and never
touches one again; erasing and re-wrapping is the operator's, who is alone by a transactional id.
"""

import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol, cast

import msgspec
from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient
from liandong_contracts.base import Record
from liandong_contracts.kit import SubjectKey

from liandong.errors import ConfigError, Unavailable
from liandong.privacy.grants import all_key_writers, key_topic, key_writers, writers_of, writes_personal
from liandong.privacy.keks import LOCAL_KEK, KekFolder, Keks, generate, unwrap, wrap
from liandong.privacy.sealed import Place
from liandong.privacy.service import Privacy
from liandong.privacy.tokens import DataKey, Random
from liandong.refs.reader import Row, read_to_end
from liandong.refs.view import Decoder, View
from liandong.settings import Settings
from liandong.stream.tuning import PARTITIONER

_PATIENCE_S = 3.0
_ABSENT = 10_000


class KeyViews:
    """The data keys that one service may use, kept up to date. An event may be read before its key has come here.

    So a key that is missing is waited for, until the copy is known to be newer than the question: then it is erased.
    """

    def __init__(
        self, settings: Settings, codec: Decoder, writers: Iterable[str], *, patience_s: float = _PATIENCE_S
    ) -> None:
        self._changed = threading.Condition()
        self._patience_s = patience_s
        self._absent: dict[str, None] = {}
        self.views: Mapping[str, View[SubjectKey]] = {
            name: View(settings, key_topic(name), codec, on_change=self._on_change) for name in writers
        }

    def start(self) -> None:
        """Begin to copy."""
        for view in self.views.values():
            view.start()

    def stop(self) -> None:
        """End the copying."""
        for view in self.views.values():
            view.stop()

    def find(self, place: Place, key_id: str) -> SubjectKey | None:
        """Return a data key; None when it was erased, or did not come within the time (3 s)."""
        key, asked = f"{place.subject}+{key_id}", time.monotonic()
        views = [self.views[name] for name in writers_of(place.record) if name in self.views]
        while True:
            found = next((item for view in views if (item := view.get(key)) is not None), None)
            if found is not None or key in self._absent:
                return found
            now = time.monotonic()
            if all(view.age_s < now - asked for view in views):
                self._remember_absent(key)
                return None
            if now - asked > self._patience_s:
                return None
            with self._changed:
                self._changed.wait(0.05)

    def _on_change(self, key: str) -> None:
        with self._changed:
            self._absent.pop(key, None)
            self._changed.notify_all()

    def _remember_absent(self, key: str) -> None:
        with self._changed:
            self._absent[key] = None
            if len(self._absent) > _ABSENT:
                del self._absent[next(iter(self._absent))]


class KafkaPrivacy(Privacy):
    """The privacy of a running service; `keys` is to be started and stopped with it."""

    def __init__(self, service: str, keks: Keks, keys: KeyViews) -> None:
        super().__init__(service, keks, keys)
        self.keys = keys


def privacy_of(service: str, settings: Settings, codec: Decoder) -> KafkaPrivacy | None:
    """Return what a service needs for its personal values; None when it neither writes nor may read any.

    In local mode a machine without a key-encryption key gets one. Raises ConfigError where a writer has none.
    """
    readable, writes = key_writers(service), writes_personal(service)
    if not readable and not writes:
        return None
    keks = KekFolder(settings.kek_dir)
    if not keks.names() and settings.register_schemas:
        generate(settings.kek_dir, LOCAL_KEK)
        keks = KekFolder(settings.kek_dir)
    if writes:
        keks.newest()
    return KafkaPrivacy(service, keks, KeyViews(settings, codec, readable))


class KeyCount(msgspec.Struct, frozen=True):
    """The data keys of one service: how many, of how many subjects, and how many each key-encryption key wraps."""

    service: str
    keys: int
    subjects: int
    by_kek: dict[str, int]


class Codec(Decoder, Protocol):
    """What the operator's tool needs of a codec."""

    def encode(self, topic: str, record: Record) -> bytes:
        """Return the framed bytes of a record for a topic."""
        ...


class KeyKeeper:
    """Counts, re-wraps and erases data keys, straight on their topics. The services may be running or not."""

    def __init__(self, settings: Settings, codec: Codec) -> None:
        self._settings = settings
        self._codec = codec

    def status(self) -> list[KeyCount]:
        """Count the keys of every service. Raises Unavailable."""
        return [self._count(service) for service in self._services()]

    def erase(self, subject: str) -> dict[str, int]:
        """Delete every data key of a subject; return how many by service. It cannot be undone."""
        gone = {}
        for service in self._services():
            with self._alone(service) as producer:
                kept = [(key, row) for key, row in self._rows(service) if row.subject == subject]
                self._send(producer, service, [(key, None) for key, _ in kept])
                gone[service] = len(kept)
        return gone

    def rotate(self, keks: Keks, random: Random) -> dict[str, int]:
        """Wrap every data key with the newest key-encryption key; return how many changed, by service.

        Raises ConfigError, and changes nothing of that service, when a key cannot be unwrapped.
        """
        newest, changed = keks.newest()[0], {}
        for service in self._services():
            with self._alone(service) as producer:
                old = [(key, row) for key, row in self._rows(service) if row.kek_id != newest]
                self._send(producer, service, [(key, _rewrapped(row, keks, random)) for key, row in old])
                changed[service] = len(old)
        return changed

    def _services(self) -> list[str]:
        """Return the services that have made keys here: those whose topic exists. Raises Unavailable."""
        try:
            there = AdminClient({"bootstrap.servers": self._settings.bootstrap, "log_level": 0}).list_topics(timeout=10)
        except KafkaException as error:
            raise Unavailable(f"Kafka at {self._settings.bootstrap} does not answer: {error.args[0].str()}") from error
        return [service for service in all_key_writers() if self._wire(service) in there.topics]

    def _count(self, service: str) -> KeyCount:
        rows = [row for _, row in self._rows(service)]
        by_kek: dict[str, int] = {}
        for row in rows:
            by_kek[row.kek_id] = by_kek.get(row.kek_id, 0) + 1
        return KeyCount(service, len(rows), len({row.subject for row in rows}), dict(sorted(by_kek.items())))

    def _wire(self, service: str) -> str:
        return key_topic(service).wire(self._settings.tier, self._settings.world)

    def _rows(self, service: str) -> Iterator[tuple[str, SubjectKey]]:
        # a key whose transaction is open now would survive an erasure that did not wait for it
        last: Mapping[str, Row] = read_to_end(self._settings, self._wire(service), await_open=True)
        for key, row in last.items():
            if row.value is not None:
                yield key, cast(SubjectKey, self._codec.decode(row.value))

    @contextmanager
    def _alone(self, service: str) -> Iterator[Producer]:
        """Fence every other operator off, then read and write as one transaction."""
        producer = Producer(
            {
                "bootstrap.servers": self._settings.bootstrap,
                # not below the service's own prefix: its principal must not be able to fence the operator
                "transactional.id": self._settings.scoped(f"keys.{service}"),
                "retry.backoff.ms": 2,
                "partitioner": PARTITIONER,
                "log_level": 0,
            }
        )
        try:
            producer.init_transactions(30)
            producer.begin_transaction()
            try:
                yield producer
            except BaseException:
                producer.abort_transaction(30)
                raise
            producer.commit_transaction(30)
        except KafkaException as error:
            raise Unavailable(f"the data keys of {service} could not be changed: {error.args[0].str()}") from error

    def _send(self, producer: Producer, service: str, rows: Iterable[tuple[str, SubjectKey | None]]) -> None:
        wire = self._wire(service)
        for key, row in rows:
            _produce(producer, wire, key, None if row is None else self._codec.encode(wire, row))


def _produce(producer: Producer, wire: str, key: str, value: bytes | None) -> None:
    while True:
        try:
            return producer.produce(wire, value, key.encode())
        except BufferError:
            producer.poll(0.1)


def _rewrapped(row: SubjectKey, keks: Keks, random: Random) -> SubjectKey:
    secret = unwrap(row, keks)
    if secret is None:
        raise ConfigError(
            f"the data key {row.key_id} of {row.subject} cannot be unwrapped: put the key-encryption key {row.kek_id} "
            "back beside the new one, and rotate again"
        )
    return wrap(DataKey(row.key_id, secret), row.subject, keks, row.created_at, random)
