"""What generated link rules are made of, and what topics at the border are called. Hand-written; it knows no Kafka."""

from typing import Literal

import msgspec

from liandong_contracts.base import Record, Topic

Peer = Literal["upper", "lower", "neighbour"]
Origin = Literal["own", "upper", "lower"]
Lane = Literal["P0", "P1", "P2", "P3"]
LANES: tuple[Lane, ...] = ("P0", "P1", "P2", "P3")
"""Lanes of a link, the most urgent first."""
PASSED_ON: dict[Peer, tuple[Origin, ...]] = {
    "upper": ("own", "lower"),
    "lower": ("own", "upper"),
    "neighbour": ("own",),
}
"""Whose topics a tier sends to a peer: never back to where they came from, so nothing goes round in a tree of tiers."""


class Condition(msgspec.Struct, frozen=True):
    """What the value of one field must be; an empty value meets no condition. Bounds include their own value."""

    field: str
    at_most: float | None = None
    at_least: float | None = None
    one_of: tuple[str | float | bool, ...] = ()

    def holds(self, record: Record) -> bool:
        """Say whether the record's field is as asked."""
        value = getattr(record, self.field)
        if value is None:
            return False
        if self.one_of:
            return value in self.one_of
        return (self.at_most is None or value <= self.at_most) and (self.at_least is None or value >= self.at_least)


class LinkRule(msgspec.Struct, frozen=True):
    """One record type that leaves a tier: when all conditions hold, without the fields of `mask` (dotted paths)."""

    topic: Topic
    record: type[Record]
    when: tuple[Condition, ...] = ()
    mask: tuple[str, ...] = ()

    def applies(self, record: Record) -> bool:
        """Say whether this record is to leave by this rule."""
        return type(record) is self.record and all(condition.holds(record) for condition in self.when)


def egress_prefix() -> str:
    """Return what the names of all egress topics begin with, behind world and tier."""
    return "linkage.egress-"


def egress_topic(tier: str, node: str, peer: str, lane: Lane, world: str = "") -> str:
    """Return the topic where `node` of `tier` lays what goes to `peer` (both area codes) on a lane.

    Both nodes are in the name because a link keeps names: what several nodes send to one peer must not meet there.
    """
    name = f"{tier}.{egress_prefix()}{node}-{peer}-{lane.lower()}.v1"
    return f"{world}.{name}" if world else name
