"""Who may do what on Kafka: the access rules of each principal, from producers, consumers and processes.

Least privilege: what is not listed is refused, because the broker denies by default. Write and Read include Describe;
a transactional or idempotent producer needs nothing of the cluster. Nobody but the administrator creates, alters or
deletes anything.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from liandong_contracts.linking import egress_prefix

from liandong.codegen.internal import (
    InternalTopic,
    Place,
    internal_topics,
    joined_groups,
    named_groups,
    readable_keys,
    transactional_ids,
    view_group,
)
from liandong.codegen.links import BORDER, arriving
from liandong.codegen.model import TIERS, Contract, ServiceFile, TopicFile

ADMIN = "platform-admin"
"""The principal of those who operate the cluster."""

Resource = Literal["topic", "group", "transactionalId"]
_OF_INTERNAL = {
    "changelog": ("Read", "Write", "DescribeConfigs"),
    "relay": ("Read", "Write"),
    "subject-key": ("Write", "DescribeConfigs"),
    "dead-letter": ("Read", "Write", "DescribeConfigs"),
    "letters": ("Read", "Write", "DescribeConfigs"),
}


@dataclass(frozen=True)
class Rule:
    """One principal may do `operations` on a resource, or on all whose name begins so."""

    resource: Resource
    name: str
    operations: tuple[str, ...]
    prefix: bool = False

    def covers(self, resource: str, name: str, operation: str) -> bool:
        """Say whether the rule allows this; Describe comes with Read, Write, Delete and Alter."""
        fits = name.startswith(self.name) if self.prefix else name == self.name
        implied = operation == "Describe" and {"Read", "Write", "Delete", "Alter"} & set(self.operations)
        return resource == self.resource and fits and (operation in self.operations or bool(implied))


def rules_of(contract: Contract, service: ServiceFile, place: Place) -> list[Rule]:
    """Return the access rules of a service's principal, topics first, by name."""
    on_topics: dict[str, set[str]] = {}
    views = []
    for wire, topic, operation in _declared(contract, service, place):
        on_topics.setdefault(wire, set()).add(operation)
        if topic.kind == "state":
            views.append(view_group(wire))
    for internal in internal_topics(contract, service, place):
        on_topics.setdefault(internal.name, set()).update(_OF_INTERNAL[internal.kind])
        if internal.kind == "changelog":
            views.append(view_group(internal.name))
    for name in readable_keys(contract, service.service, place):
        on_topics.setdefault(name, set()).add("Read")
        views.append(view_group(name))
    rules = [Rule("topic", name, tuple(sorted(allowed))) for name, allowed in sorted(on_topics.items())]
    rules += [Rule("group", name, ("Read",)) for name in joined_groups(service, place)]
    rules += [Rule("group", name, ("Describe",)) for name in sorted({*named_groups(service, place), *views})]
    rules += [
        Rule("transactionalId", name, ("Describe", "Write"), prefix)
        for name, prefix in transactional_ids(service, place)
    ]
    return rules + list(_border(service, place))


def _declared(contract: Contract, service: ServiceFile, place: Place) -> Iterator[tuple[str, TopicFile, str]]:
    """Yield topic on the wire, topic, and what the topic files let the service do there."""
    linked = any(known.service == BORDER for known in contract.services)
    for topic in contract.foreign_topics:
        if topic.name in service.reads:
            yield place.wire(topic.name), topic, "Read"
    for topic in contract.topics:
        wire = place.wire(topic.name)
        if service.service in topic.consumers:
            yield wire, topic, "Read"
        if service.service in topic.producers:
            yield wire, topic, "Write"
        leaves = any(entry.link for entry in topic.records)
        if service.service == BORDER and leaves:
            yield wire, topic, "Read"
        for tier in arriving(topic, place.tier) if linked else ():
            if service.service == BORDER:
                yield place.wire(topic.name, tier), topic, "Write"
                yield place.wire(topic.name, tier), topic, "Read"
            elif service.service in topic.consumers:
                yield place.wire(topic.name, tier), topic, "Read"


def _border(service: ServiceFile, place: Place) -> Iterator[Rule]:
    """Yield what only the border needs: its topics to the peers, and those that the link brings from them."""
    if service.service == BORDER:
        for tier in TIERS:
            operations = ("Read", "Write") if tier == place.tier else ("Read",)
            yield Rule("topic", place.scoped(egress_prefix(), tier), operations, True)


def admin_rules(place: Place) -> list[Rule]:
    """Return the access rules of the administrator: every topic, group and transactional id of this world."""
    operations = ("Alter", "AlterConfigs", "Create", "Delete", "Describe", "DescribeConfigs", "Read", "Write")
    beginnings = [f"{place.world}."] if place.world else [f"{tier}." for tier in TIERS]
    rules = [Rule("topic", beginning, operations, True) for beginning in beginnings]
    rules += [Rule("group", beginning, ("Delete", "Describe", "Read"), True) for beginning in beginnings]
    return rules + [Rule("transactionalId", beginning, ("Describe", "Write"), True) for beginning in beginnings]


def all_internal(contract: Contract, place: Place) -> list[InternalTopic]:
    """Return the internal topics of all services, by name."""
    found = [topic for service in contract.services for topic in internal_topics(contract, service, place)]
    return sorted(found, key=lambda topic: topic.name)
