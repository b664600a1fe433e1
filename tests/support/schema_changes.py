"""Changes of a schema: our verdict, and why the registry differs where it does. Judged without and with a registry."""

from collections.abc import Callable
from typing import Any

import pytest

Change = Callable[[dict[str, Any]], Any]

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
        {"name": "voice", "type": "string", "default": "", "pii": "P2", "subject": "id"},
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
"""The registry judges as we do; any other text says why it does not."""
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
    "encrypted for somebody else": (
        field("voice", subject="note"),
        "the registry does not know encryption; keys belong to a subject",
    ),
    "not encrypted any more": (field("voice", subject=...), "the registry does not know encryption"),
    "encrypted field renamed, old name as alias": (
        field("voice", name="sound", aliases=["voice"]),
        "the registry does not know encryption; a value is bound to the name of its field",
    ),
    "alias that is another field's name": (
        field("count", aliases=["id"]),
        "libraries differ in which field they give the value to",
    ),
}
CASES = [pytest.param(*case, False, id=name) for name, case in COMPATIBLE.items()]
CASES += [pytest.param(*case, True, id=name) for name, case in BREAKING.items()]
