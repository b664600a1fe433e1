"""Positions: where a group goes on in its inputs, and whether that place is still the one that was meant.

Each committed position carries a mark, the ids of the cluster and of the topic. A position of another cluster, of a
topic that was made anew, or outside its partition stops the service: nothing is ever reset by itself.
"""

import logging
import time
from collections.abc import Iterable, Sequence

import msgspec
from confluent_kafka import Consumer, KafkaException, TopicPartition

from liandong.errors import PositionError, Unavailable
from liandong.stream.admin import Admin
from liandong.stream.parts import At

log = logging.getLogger(__name__)

_PATIENCE_S = 60.0


class Start(msgspec.Struct, frozen=True):
    """Where to begin in one partition. `known`: the group had a position; `mark`: what its next ones carry."""

    offset: int
    known: bool
    mark: str


def mark_of(cluster_id: str, topic_id: str) -> str:
    """Return the mark that a position carries as metadata."""
    return f"{cluster_id} {topic_id}"


def hint(service: str) -> str:
    """Return the end of every sentence about a position that cannot be used."""
    return f"Decide where to go on: liandong recover {service} --from beginning|end|stored"


class Positions:
    """Reads and judges the committed positions of one service's group."""

    def __init__(self, consumer: Consumer, admin: Admin, service: str) -> None:
        self._consumer = consumer
        self._admin = admin
        self._service = service

    def starts(self, partitions: Sequence[TopicPartition]) -> dict[At, Start]:
        """Return where to begin; the beginning where the group has no position. Raises PositionError, Unavailable."""
        committed = self._committed(list(partitions))  # first: it waits for a former owner's open transaction
        bounds = self._admin.bounds((tp.topic, tp.partition) for tp in partitions)
        marks = marks_of(self._admin, {tp.topic for tp in partitions})
        return {
            (tp.topic, tp.partition): self._judged(tp, marks[tp.topic], bounds[tp.topic, tp.partition])
            for tp in committed
        }

    def _judged(self, tp: TopicPartition, mark: str, bounds: tuple[int, int]) -> Start:
        first, end = bounds
        if tp.offset < 0:
            return Start(first, False, mark)
        fault = fault_of(tp, mark, first, end)
        if fault:
            raise PositionError(
                f"the committed position {tp.offset} of {tp.topic}-{tp.partition} {fault}. {self._hint}"
            )
        return Start(tp.offset, True, mark)

    @property
    def _hint(self) -> str:
        return hint(self._service)

    def lost(self, inputs: Iterable[At]) -> PositionError:
        """Return the error for a part that has state and no position: the group's positions were deleted."""
        listed = ", ".join(f"{topic}-{number}" for topic, number in inputs)
        return PositionError(
            f"the group has no committed position in {listed}, although there is state of what was handled from there: "
            f"the topic was made anew, or the group was deleted or has expired. {self._hint} --topic TOPIC"
        )

    def _committed(self, partitions: list[TopicPartition]) -> list[TopicPartition]:
        end = time.monotonic() + _PATIENCE_S
        while True:
            try:
                return self._consumer.committed(partitions, timeout=10)
            except KafkaException as error:
                if time.monotonic() > end:
                    raise Unavailable(f"the group's positions cannot be read: {error.args[0].str()}") from error
                log.warning("reading the group's positions again: %s", error.args[0].str())
                time.sleep(0.1)


def marks_of(admin: Admin, topics: set[str]) -> dict[str, str]:
    """Return the mark of each topic as it is now. Raises PositionError for a topic that is gone."""
    cluster, facts = admin.cluster_id(), admin.facts(sorted(topics))
    gone = sorted(topics - facts.keys())
    if gone:
        raise PositionError(f"topics were deleted: {', '.join(gone)}; apply the topic declarations first")
    return {topic: mark_of(cluster, facts[topic].id) for topic in topics}


def fault_of(tp: TopicPartition, mark: str, first: int, end: int) -> str:
    """Say what is wrong with a committed position; nothing for one that can be used.

    A position without a mark was set by an operator's tool and is taken as meant for this topic.
    """
    known = (tp.metadata or "").rstrip("\0").split(" ")
    cluster, topic = mark.split(" ")
    if len(known) == 2 and known[0] != cluster:
        return f"belongs to another cluster (it is of {known[0]}, this one is {cluster})"
    if len(known) == 2 and known[1] != topic:
        return f"belongs to a former topic of that name (id {known[1]}, now {topic}): the topic was made anew"
    if tp.offset < first:
        return f"lies before the beginning ({first}): records were deleted before they were handled"
    if tp.offset > end:
        return f"lies past the end ({end}): records were lost, or the topic was made anew"
    return ""
