"""Who writes a record's personal values, and who may read them: from the topics' declarations. Pure."""

from collections.abc import Iterator
from functools import cache
from typing import Any, get_args, get_type_hints

from liandong_contracts.base import Record, Topic
from liandong_contracts.kit import SubjectKey

from liandong.contracts import known_topics
from liandong.privacy.fields import walk_of


def key_topic(service: str) -> Topic:
    """Return the topic of the data keys that a service made; only that service and the operator's tool write it."""
    return Topic(
        name=f"{service}.subject-key",
        kind="state",
        owner=service,
        key=("subject", "key_id"),
        records=(SubjectKey,),
        partitions={"district": 1, "city": 1, "community": 1},
        producers=(service,),
    )


KEY_TOPIC_CONFIG = {
    "cleanup.policy": "compact",
    # an erased key must leave the disks soon, also from the segment that is written to
    "max.compaction.lag.ms": "3600000",
    "min.cleanable.dirty.ratio": "0.01",
}


def writes_personal(service: str) -> bool:
    """Say whether a service publishes records with personal values, and so makes data keys."""
    return any(service in _writers(topic) and _is_personal(topic) for topic in known_topics())


def key_writers(service: str) -> list[str]:
    """Return the services whose data keys this one may use to read."""
    return sorted({writer for topic in known_topics() if service in topic.clear for writer in _writers(topic)})


def all_key_writers() -> list[str]:
    """Return every service that makes data keys."""
    return sorted({writer for topic in known_topics() if _is_personal(topic) for writer in _writers(topic)})


def may_read(service: str, record: str) -> bool:
    """Say whether a service may read the personal values of a record, by its full name."""
    return service in _readers().get(record, frozenset())


def writers_of(record: str) -> frozenset[str]:
    """Return the services that publish a record, by its full name, itself or inside another."""
    return _all_writers().get(record, frozenset())


def _writers(topic: Topic) -> tuple[str, ...]:
    return topic.producers or (topic.owner,)


def _is_personal(topic: Topic) -> bool:
    return any(walk_of(record) is not None for record in topic.records)


@cache
def _readers() -> dict[str, frozenset[str]]:
    return _by_record(lambda topic: topic.clear)


@cache
def _all_writers() -> dict[str, frozenset[str]]:
    return _by_record(_writers)


def _by_record(services_of: Any) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for topic in known_topics():
        for outer in topic.records:
            for record in _with_inner(outer):
                found[record.FULL_NAME] = found.get(record.FULL_NAME, frozenset()) | frozenset(services_of(topic))
    return found


def _with_inner(record: type[Record]) -> Iterator[type[Record]]:
    yield record
    for hint in get_type_hints(record).values():
        yield from _records_in(hint)


def _records_in(hint: Any) -> Iterator[type[Record]]:
    if isinstance(hint, type) and issubclass(hint, Record):
        yield from _with_inner(hint)
    for part in get_args(hint):
        yield from _records_in(part)
