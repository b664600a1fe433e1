"""Our verdict on a change and the real registry's, case by case; where they differ, the table says why."""

import copy
import json
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from liandong.codegen.command import check
from liandong.codegen.compat import compare
from liandong.errors import ConfigError
from liandong.settings import Settings
from liandong.testing.plugin import KafkaForTests
from liandong.wire import Registry
from liandong.wire.registry import FULL
from liandong_contracts import topics
from liandong_contracts.base import schema_of

Change = Callable[[dict[str, Any]], Any]

ROOT = Path(__file__).parents[3]
NAMESPACE = "liandong.trial"
COLOUR = {"type": "enum", "name": "Colour", "symbols": ["UNKNOWN", "RED", "BLUE"], "default": "UNKNOWN"}
MARK = {"type": "record", "name": "Mark", "fields": [{"name": "at", "type": "long"}]}
STAMP = {"type": "long", "logicalType": "timestamp-millis"}
BASE: dict[str, Any] = {
    "type": "record",
    "name": "Trial",
    "namespace": NAMESPACE,
    "fields": [
        {"name": "id", "type": "string"},
        {"name": "count", "type": "int"},
        {"name": "depth", "type": ["null", "double"], "default": None, "unit": "cm"},
        {"name": "note", "type": "string", "default": "", "pii": "P2"},
        {"name": "at", "type": STAMP},
        {"name": "colour", "type": COLOUR},
        {"name": "marks", "type": {"type": "array", "items": MARK}, "default": []},
        {"name": "sums", "type": {"type": "map", "values": "double"}, "default": {}},
        {"name": "bare", "type": {"type": "enum", "name": "Bare", "symbols": ["A", "B"]}},
    ],
}


def at(schema: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(field for field in schema["fields"] if field["name"] == name)
    return found


def field(name: str, /, **said: Any) -> Change:
    """Change what a field says; `...` takes a word out."""

    def change(schema: dict[str, Any]) -> None:
        at(schema, name).update(said)
        for word in [word for word, value in said.items() if value is ...]:
            del at(schema, name)[word]

    return change


def add(**said: Any) -> Change:
    return lambda schema: schema["fields"].append(said)


def drop(name: str) -> Change:
    return lambda schema: schema["fields"].remove(at(schema, name))


def symbols(name: str, /, *said: str, **more: Any) -> Change:
    return lambda schema: at(schema, name)["type"].update(symbols=list(said), **more)


def mark(*fields: dict[str, Any], **said: Any) -> Change:
    return lambda schema: at(schema, "marks")["type"]["items"].update(fields=[*MARK["fields"], *fields], **said)


def reorder(schema: dict[str, Any]) -> None:
    schema["fields"].reverse()


SAME = ""
COMPATIBLE: dict[str, tuple[Change, str]] = {
    "optional field added": (add(name="more", type=["null", "string"], default=None), SAME),
    "field with a default added": (add(name="more", type="int", default=0), SAME),
    "field with a default removed": (drop("note"), SAME),
    "optional field removed": (drop("depth"), SAME),
    "fields in another order": (reorder, SAME),
    "doc changed": (field("id", doc="Which one."), SAME),
    "symbol added to an enum with a default": (symbols("colour", "UNKNOWN", "RED", "BLUE", "GREY"), SAME),
    "symbols in another order": (symbols("colour", "UNKNOWN", "BLUE", "RED"), SAME),
    "field with a default added to a record inside": (mark({"name": "by", "type": "string", "default": ""}), SAME),
    "default changed": (field("note", default="-"), SAME),
    "pii mark added": (field("id", pii="P1"), SAME),
    "field with a default renamed, old name as alias": (field("note", name="remark", aliases=["note"]), SAME),
    "default taken away": (field("note", default=...), SAME),
    "alias added": (field("count", aliases=["number"]), SAME),
}
BREAKING: dict[str, tuple[Change, str]] = {
    "field without a default added": (add(name="more", type="string"), SAME),
    "field without a default removed": (drop("count"), SAME),
    "field without a default renamed": (field("count", name="number"), SAME),
    "field without a default renamed, old name as alias": (field("count", name="number", aliases=["count"]), SAME),
    "type changed": (field("count", type="string"), SAME),
    "int became long": (field("count", type="long"), SAME),
    "field became optional": (field("count", type=["null", "int"], default=None), SAME),
    "optional field became required": (field("depth", type="double", default=0.0), SAME),
    "items of an array changed": (field("marks", type={"type": "array", "items": "string"}), SAME),
    "values of a map changed": (field("sums", type={"type": "map", "values": "string"}), SAME),
    "symbol added to an enum without a default": (symbols("bare", "A", "B", "C"), SAME),
    "symbol removed from an enum without a default": (symbols("bare", "A"), SAME),
    "field without a default added to a record inside": (mark({"name": "by", "type": "string"}), SAME),
    "record inside renamed": (mark(name="Stamp"), SAME),
    "record inside renamed, old name as alias": (mark(name="Stamp", aliases=["Mark"]), SAME),
    "enum renamed": (symbols("colour", "UNKNOWN", "RED", "BLUE", name="Paint"), SAME),
    "symbol removed": (
        symbols("colour", "UNKNOWN", "RED"),
        "to Avro an old BLUE is UNKNOWN from now on; to us it is an event that lost its meaning",
    ),
    "default symbol changed": (
        symbols("colour", "UNKNOWN", "RED", "BLUE", default="RED"),
        "Avro looks at the default only where symbols are missing; what it stands for would change under readers",
    ),
    "text became bytes": (
        field("id", type="bytes"),
        "Avro promotes both ways; bytes that are not UTF-8 then break every old reader, and records change their type",
    ),
    "time became a plain number": (
        field("at", type="long"),
        "Avro ignores logical types; the record's field would be a number where code expects a time",
    ),
    "record inside moved to another namespace": (
        mark(namespace="liandong.other"),
        "the registry compares names without namespaces; Avro's rules and other libraries need not",
    ),
    "unit changed": (field("depth", unit="m"), "the registry does not know units; readers would be wrong by 100"),
    "pii mark dropped": (field("note", pii=...), "the registry does not know personal data"),
    "pii mark lowered": (field("note", pii="P1"), "the registry does not know personal data"),
    "alias that is another field's name": (
        field("count", aliases=["id"]),
        "libraries differ in which field they give the value to",
    ),
}
CASES = [pytest.param(*case, False, id=name) for name, case in COMPATIBLE.items()]
CASES += [pytest.param(*case, True, id=name) for name, case in BREAKING.items()]


@pytest.fixture
def registry(settings: Callable[..., Settings]) -> Registry:
    registry = Registry(settings().registry_url)
    registry.require_compatibility()
    assert registry.compatibility() == FULL
    return registry


@pytest.mark.parametrize(("change", "why", "breaking"), CASES)
def test_our_verdict_and_the_registry_s(
    registry: Registry, world: str, change: Change, why: str, breaking: bool
) -> None:
    changed = copy.deepcopy(BASE)
    change(changed)
    findings = [finding for finding in compare(BASE, changed) if finding.breaking]
    assert bool(findings) == breaking, findings
    subject = f"{world}.district.trial.thing.v1-{NAMESPACE}.Trial"
    registry.register(subject, json.dumps(BASE))
    expected = breaking if why == SAME else not breaking
    with pytest.raises(ConfigError, match=r"cannot read each other \(.* at /") if expected else nullcontext():
        registry.register(subject, json.dumps(changed))


def test_the_gate_asks_a_running_registry(registry: Registry, kafka: KafkaForTests) -> None:
    """In the real world's name, which no other test uses; worlds of tests are left out."""
    topic, record = topics.DISPATCH_REPORT.wire("community"), topics.DISPATCH_REPORT.records[0]
    older = json.loads(schema_of(record))
    older["fields"].append({"name": "gone", "type": "string", "doc": "Was there once."})
    registry.register(f"{topic}-{record.FULL_NAME}", json.dumps(older))
    registry.register(f"t-other.{topic}-{record.FULL_NAME}", json.dumps(BASE))
    outcome = check(ROOT, "HEAD", kafka.registry_url)
    (verdict,) = [verdict for verdict in outcome.verdicts if verdict.fails]
    assert (verdict.rule, verdict.field) == ("field-removed", "gone")
    assert verdict.against == (f"{topic}-{record.FULL_NAME} version 1 in the registry",)
    assert outcome.against[1].startswith("1 versions in the registry")


def test_every_version_counts_not_only_the_last(registry: Registry, world: str) -> None:
    """A field that was removed may come back, but not as something else: the first version's events are still there."""
    first, second, third = (copy.deepcopy(BASE) for _ in range(3))
    drop("note")(second)
    field("note", type="int", default=0, pii=...)(third)
    assert not any(finding.breaking for finding in [*compare(first, second), *compare(second, third)])
    subject = f"{world}.district.trial.thing.v1-{NAMESPACE}.Trial"
    registry.register(subject, json.dumps(first))
    registry.register(subject, json.dumps(second))
    with pytest.raises(ConfigError, match="cannot read each other"):
        registry.register(subject, json.dumps(third))
    assert [finding.rule for finding in compare(first, third) if finding.breaking] == ["pii-dropped", "type-changed"]
    assert registry.versions(subject) == [1, 2]
