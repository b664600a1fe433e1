"""What principals may do, worked out from the written manifests, against what topic and service files say."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from liandong.codegen.access import ADMIN, Rule, admin_rules
from liandong.codegen.files import load
from liandong.codegen.internal import Place
from liandong.codegen.manifests import emit_place
from liandong.codegen.model import Contract

from .conftest import COLOUR, MARK, SEEN, TOPIC, World

OPERATIONS = ("Read", "Write", "Describe", "Create", "Delete", "Alter", "AlterConfigs", "DescribeConfigs", "All")
HERE = Place("district")
DRILL = Place("district", "drill-7")
DESK = {"name": "desk", "kind": "workflow", "doc": "Desk."}
READS = {"Read", "Describe"}
BOTH = {"Read", "Write", "Describe"}


def record(world: World, name: str, context: str = "flood", **link: Any) -> dict[str, Any]:
    for declared in (COLOUR, MARK, {**SEEN, "name": name}):
        world.avsc(declared, folder=context, namespace=f"liandong.{context}")
    entry = {"type": f"liandong.{context}.{name}"}
    return {"records": [entry | ({"link": link} if link else {})]}


def declared(world: World) -> Contract:
    """Flood judges, ioc asks and watches."""
    world.topic(consumers=["flood", "ioc"])
    ask = record(world, "SpotAsked")
    world.topic(name="flood.request", kind="request", producers=["ioc"], consumers=["flood"], **ask)
    shown = record(world, "SpotState")
    world.topic(name="flood.spot-state", kind="state", retention_hours=None, consumers=["ioc"], **shown)
    world.service()
    world.service(service="ioc", processes=[DESK])
    return load(world.root)


def bordered(world: World) -> Contract:
    """The same with a border, to which neighbours turn too."""
    help_ = record(world, "HelpAsked", "linkage", direction=["up", "neighbour"], lane="P1")
    world.topic(**{**TOPIC, "name": "linkage.assist", "owner": "linkage", "producers": ["linkage"], **help_})
    world.service(service="linkage", processes=[DESK])
    return declared(world)


def rules(contract: Contract, place: Place, service: str) -> list[Rule]:
    """Read the access rules back from the manifest."""
    user = yaml.safe_load(emit_place(contract, place)[f"users/{service}.yaml"])
    found = []
    for acl in user["spec"]["authorization"]["acls"]:
        resource = acl["resource"]
        prefix = {"prefix": True, "literal": False}[resource["patternType"]]
        found.append(Rule(resource["type"], resource["name"], tuple(acl["operations"]), prefix))
    return found


def allowed(contract: Contract, place: Place, service: str, resource: str, names: set[str]) -> set[tuple[str, str]]:
    granted = rules(contract, place, service)
    return {
        (name, operation)
        for name, operation in itertools.product(names, OPERATIONS)
        if any(rule.covers(resource, name, operation) for rule in granted)
    }


def topic_names(contract: Contract) -> Iterator[str]:
    """Yield every topic that exists in any tier of the real world and of a drill."""
    for place in (HERE, Place("city"), Place("community"), DRILL):
        for name, text in emit_place(contract, place).items():
            if name.startswith("topics/"):
                yield from (document["metadata"]["name"] for document in yaml.safe_load_all(text))


def expected(place: Place, said: dict[str, set[str]]) -> set[tuple[str, str]]:
    return {(place.wire(name), operation) for name, operations in said.items() for operation in operations}


FLOOD = {
    "flood.sight": BOTH,  # its own facts, which it also reads
    "flood.request": READS,
    "flood.spot-state": {"Write", "Describe"},
    "flood.spot-changelog": {*BOTH, "DescribeConfigs"},
    "flood.dead-letter": {*BOTH, "DescribeConfigs"},
    "flood.letters": {*BOTH, "DescribeConfigs"},
}
IOC = {
    "flood.sight": READS,
    "flood.request": {"Write", "Describe"},
    "flood.spot-state": READS,
    "ioc.relay": BOTH,
    "ioc.dead-letter": {*BOTH, "DescribeConfigs"},
}


@pytest.mark.parametrize("place", [HERE, DRILL])
@pytest.mark.parametrize(("service", "said"), [("flood", FLOOD), ("ioc", IOC)])
def test_a_service_may_do_what_is_declared_and_nothing_else(
    world: World, place: Place, service: str, said: dict[str, set[str]]
) -> None:
    contract = declared(world)
    names = set(topic_names(contract))
    assert len(names) == 4 * 8
    assert allowed(contract, place, service, "topic", names) == expected(place, said)


@pytest.mark.parametrize("place", [HERE, DRILL])
def test_groups_and_transactional_ids_are_the_services_own(world: World, place: Place) -> None:
    contract = declared(world)
    groups = {p.scoped(g) for p in (HERE, DRILL) for g in ("flood", "flood.restore", "ioc")}
    groups |= {p.scoped("ioc.relay") for p in (HERE, DRILL)}
    groups |= {f"view.{p.wire(t)}" for p in (HERE, DRILL) for t in ("flood.spot-state", "flood.spot-changelog")}
    look = {"Describe"}
    assert allowed(contract, place, "flood", "group", groups) == {
        *((place.scoped("flood"), operation) for operation in READS),
        *((name, "Describe") for name in (place.scoped("flood.restore"), f"view.{place.wire('flood.spot-state')}")),
        (f"view.{place.wire('flood.spot-changelog')}", "Describe"),
    }
    assert allowed(contract, place, "ioc", "group", groups) == {
        *((place.scoped("ioc"), operation) for operation in READS),
        *((name, o) for name in (place.scoped("ioc.relay"), f"view.{place.wire('flood.spot-state')}") for o in look),
    }
    ids = {p.scoped(name) for p in (HERE, DRILL) for name in ("flood.0", "flood.pod-1", "ioc.relay", "ioc.0")}
    for service, own in (("flood", ("flood.0", "flood.pod-1")), ("ioc", ("ioc.relay",))):
        granted = {(place.scoped(name), operation) for name in own for operation in ("Write", "Describe")}
        assert allowed(contract, place, service, "transactionalId", ids) == granted


def test_the_border_reads_what_leaves_and_writes_what_arrives(world: World) -> None:
    contract = bordered(world)
    names = set(topic_names(contract)) | {
        "district.linkage.egress-990101-990100-p0.v1",
        "community.linkage.egress-990101001-990101-p0.v1",
        "drill-7.district.linkage.egress-990101-990100-p0.v1",
    }
    own = {"linkage.relay": BOTH, "linkage.dead-letter": {*BOTH, "DescribeConfigs"}, "linkage.assist": BOTH}
    assert allowed(contract, HERE, "linkage", "topic", names) == {
        *expected(HERE, {**own, "flood.sight": READS}),
        *expected(Place("community"), {"flood.sight": BOTH, "linkage.assist": BOTH}),
        *(("district.linkage.egress-990101-990100-p0.v1", operation) for operation in BOTH),
        *(("community.linkage.egress-990101001-990101-p0.v1", operation) for operation in READS),
    }


def test_readers_of_a_topic_also_read_what_came_from_other_tiers(world: World) -> None:
    contract = bordered(world)
    names = set(topic_names(contract))
    here = expected(HERE, {**IOC, "linkage.assist": READS})
    from_below = expected(Place("community"), {"flood.sight": READS, "linkage.assist": READS})
    assert allowed(contract, HERE, "ioc", "topic", names) == here | from_below


def test_nobody_but_the_administrator_changes_topics(world: World) -> None:
    contract = bordered(world)
    granted = [rule for s in ("flood", "ioc", "linkage") for rule in rules(contract, HERE, s)]
    assert {operation for rule in granted for operation in rule.operations} == {*BOTH, "DescribeConfigs"}
    assert all(rule.resource in ("topic", "group", "transactionalId") for rule in granted)
    assert rules(contract, HERE, ADMIN) == admin_rules(HERE)
    for place, name in itertools.product((HERE, DRILL), topic_names(contract)):
        may = any(rule.covers("topic", name, "Create") for rule in admin_rules(place))
        assert may == (name.startswith("drill-7.") == (place is DRILL))


def test_two_services_never_share_a_group(world: World) -> None:
    contract = bordered(world)
    joined = [
        rule.name
        for service in contract.services
        for rule in rules(contract, HERE, service.service)
        if rule.resource == "group" and "Read" in rule.operations
    ]
    assert len(joined) == len(set(joined)) == 3
