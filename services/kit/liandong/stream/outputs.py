"""Outputs: from what a handler emits to events ready for the wire. Ids come from the cause, never from chance."""

from datetime import datetime

import msgspec
from liandong_contracts.base import Record, Topic

from liandong.event import Event
from liandong.ids import event_id
from liandong.stream.api import Out
from liandong.stream.causes import Cause

_SEQUENCED = ("fact", "state")


class Node(msgspec.Struct, frozen=True):
    """Where a service runs: the names that go into topics and sources."""

    tier: str
    world: str
    area_code: str


class Output(msgspec.Struct, frozen=True, gc=False):
    """One encoded event, ready to produce."""

    topic: str
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


class OutputMaker:
    """Makes the events of one service."""

    def __init__(self, service: str, node: Node) -> None:
        self._source = f"/{node.area_code}/{service}"
        self._node = node
        self._wires: dict[str, str] = {}

    def wire(self, topic: Topic) -> str:
        """Return the topic's name on the wire."""
        known = self._wires.get(topic.name)
        if known is None:
            known = self._wires[topic.name] = topic.wire(self._node.tier, self._node.world)
        return known

    def event(
        self,
        out: Out,
        key: str,
        cause: Cause,
        at: datetime,
        index: int,
        sequence: int | None,
    ) -> Event[Record]:
        """Return the `index`-th event of its type that `cause`, which happened at `at`, leads to."""
        record = out.record
        full_name = record.FULL_NAME
        return Event(
            data=record,
            id=event_id(cause.id, full_name, index),
            type=full_name,
            source=self._source,
            time=out.time or at,
            key=key,
            sequence=sequence,
            area_code=out.area_code or cause.area_code,
            correlation_id=cause.correlation_id,
            causation_id=cause.event_id,
            mode=cause.mode,
            drill_id=cause.drill_id,
            replay_id=cause.replay_id,
            traceparent=cause.traceparent,
            topic=self.wire(out.topic),
        )


def sequence_name(topic: Topic, key: str, state_key: str) -> str | None:
    """Return the name under which an envelope counts a topic's sequence; None where the topic has no sequences.

    Only the events of the state's own key are counted under the bare topic name.
    """
    if topic.kind not in _SEQUENCED:
        return None
    return topic.name if key == state_key else f"{topic.name}|{key}"
