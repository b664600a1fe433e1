"""Recover: sets the positions of a stopped service's group, when a person has decided where it goes on.

Only positions move. State stays, and its fences drop what comes again.
"""

import time
from typing import Literal

import msgspec
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from liandong.errors import ConfigError, PositionError, Unavailable
from liandong.settings import Settings
from liandong.stream.admin import Admin
from liandong.stream.positions import fault_of, marks_of

Origin = Literal["beginning", "end", "stored"]
_PATIENCE_S = 15.0


class Moved(msgspec.Struct, frozen=True):
    """One position before and after; `before` is None where the group had none."""

    topic: str
    partition: int
    before: int | None
    after: int


def recover(settings: Settings, service: str, origin: Origin, topics: list[str] | None = None) -> list[Moved]:
    """Set the group's positions in `topics` (on the wire; default: all it has positions in) and return them.

    stored: keep the offsets and take them as meant for the topics and the cluster as they are now.
    Raises ConfigError while the service runs or where there is nothing to set, PositionError when a stored offset
    lies outside its partition, Unavailable.
    """
    admin, group = Admin(settings, _PATIENCE_S), settings.scoped(service)
    before = _stored(settings, group)
    wanted = set(topics or {topic for topic, _ in before})
    if not wanted:
        raise ConfigError(f"group {group} has no positions; name the topics with --topic")
    missing = wanted - admin.facts(sorted(wanted)).keys()
    if missing:
        raise ConfigError(f"no such topic: {', '.join(sorted(missing))}; names are those on the wire")
    marks, facts = marks_of(admin, wanted), admin.facts(sorted(wanted))
    places = [(topic, number) for topic in sorted(wanted) for number in range(facts[topic].partitions)]
    bounds = admin.bounds(places)
    moved = []
    for topic, number in places:
        first, end = bounds[topic, number]
        known = before.get((topic, number))
        if origin == "stored" and known is None:
            continue
        after = {"beginning": first, "end": end, "stored": known if known is not None else first}[origin]
        fault = fault_of(TopicPartition(topic, number, after), marks[topic], first, end)
        if fault:
            raise PositionError(f"the stored position {after} of {topic}-{number} {fault}; choose beginning or end")
        moved.append(Moved(topic, number, known, after))
    _set(settings, group, [TopicPartition(one.topic, one.partition, one.after, marks[one.topic]) for one in moved])
    return moved


def _stored(settings: Settings, group: str) -> dict[tuple[str, int], int]:
    client = AdminClient({"bootstrap.servers": settings.bootstrap})
    try:
        asked = client.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)], request_timeout=10)
        found = next(iter(asked.values())).result(_PATIENCE_S).topic_partitions or []
    except KafkaException as error:
        raise Unavailable(f"the positions of group {group} cannot be read: {error.args[0].str()}") from error
    return {(tp.topic, tp.partition): tp.offset for tp in found if tp.offset >= 0}


def _set(settings: Settings, group: str, positions: list[TopicPartition]) -> None:
    """Commit positions; an instance that died is a member until its session ends, so that is waited for."""
    consumer = Consumer({"bootstrap.servers": settings.bootstrap, "group.id": group, "enable.auto.commit": False})
    end = time.monotonic() + _PATIENCE_S
    try:
        while True:
            try:
                consumer.commit(offsets=positions, asynchronous=False)
            except KafkaException as error:
                if time.monotonic() > end:
                    raise ConfigError(
                        f"the positions of group {group} cannot be set ({error.args[0].str()}); "
                        "stop every instance of the service first"
                    ) from error
                time.sleep(0.5)
            else:
                return
    finally:
        consumer.close()
