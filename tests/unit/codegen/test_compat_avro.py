"""Our verdict against what fastavro does when it resolves real data, for random pairs of schemas."""

import copy
import io
from typing import Any

import fastavro
from hypothesis import event, given, settings
from hypothesis import strategies as st
from liandong.codegen.compat import compare

PLAIN = ("string", "double", "int", "long", "boolean", "bytes")
VALUES: dict[str, Any] = {
    "string": st.text(max_size=4),
    "double": st.floats(allow_nan=False, width=32),
    "int": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**62), 2**62),
    "boolean": st.booleans(),
    "bytes": st.binary(max_size=4),
}
DEFAULTS: dict[str, Any] = {"string": "x", "double": 1.5, "int": 1, "long": 2, "boolean": True, "bytes": "\u00ff"}
STAMP = {"type": "long", "logicalType": "timestamp-millis"}
NAMES = ("a", "b", "c", "d")
NAMESPACE = "liandong.trial"


@st.composite
def enums(draw: st.DrawFn) -> dict[str, Any]:
    symbols = ["UNKNOWN", *draw(st.lists(st.sampled_from(["RED", "BLUE", "GREY"]), unique=True, max_size=3))]
    return {"type": "enum", "name": draw(st.sampled_from(["E1", "E2"])), "symbols": symbols, "default": "UNKNOWN"}


@st.composite
def types(draw: st.DrawFn, depth: int = 2) -> Any:
    shapes = ["plain", "plain", "stamp", "enum", "optional"] + (["array", "map", "record"] if depth else [])
    shape = draw(st.sampled_from(shapes))
    if shape == "plain":
        return draw(st.sampled_from(PLAIN))
    if shape == "stamp":
        return STAMP
    if shape == "enum":
        return draw(enums())
    if shape == "record":
        return draw(records(depth - 1, names=("R1", "R2")))
    inner = draw(types(max(depth - 1, 0)))
    inner = inner[1] if isinstance(inner, list) else inner
    if shape == "array":
        return {"type": "array", "items": inner}
    return {"type": "map", "values": inner} if shape == "map" else ["null", inner]


@st.composite
def fields(draw: st.DrawFn, name: str, depth: int) -> dict[str, Any]:
    field: dict[str, Any] = {"name": name, "type": draw(types(depth))}
    if isinstance(field["type"], list):
        field["default"] = None
    elif isinstance(field["type"], str) and draw(st.booleans()):
        field["default"] = DEFAULTS[field["type"]]
    elif isinstance(field["type"], dict) and field["type"]["type"] == "array" and draw(st.booleans()):
        field["default"] = []
    elif isinstance(field["type"], dict) and field["type"]["type"] == "enum" and draw(st.booleans()):
        field["default"] = field["type"]["symbols"][-1]
    if draw(st.integers(0, 4)) == 0:
        field["aliases"] = [draw(st.sampled_from(NAMES))]
    return field


@st.composite
def records(draw: st.DrawFn, depth: int = 2, names: tuple[str, ...] = ("Root",)) -> dict[str, Any]:
    chosen = draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1, max_size=3))
    made = [draw(fields(name, depth)) for name in chosen]
    return {"type": "record", "name": draw(st.sampled_from(names)), "namespace": NAMESPACE, "fields": made}


@st.composite
def changed(draw: st.DrawFn, schema: Any) -> Any:
    """Change a schema in one or two of the ways that people change schemas."""
    schema = copy.deepcopy(schema)
    for _ in range(draw(st.integers(1, 2))):
        within = draw(st.sampled_from(list(found(schema))))
        names = [field["name"] for field in within["fields"]]
        at = draw(st.integers(0, len(names) - 1))
        way = draw(st.sampled_from(["add", "drop", "retype", "rename", "widen", "default"]))
        if way == "add" and set(NAMES) - set(names):
            within["fields"].append(draw(fields(draw(st.sampled_from(sorted(set(NAMES) - set(names)))), 1)))
        elif way == "drop" and len(names) > 1:
            within["fields"].pop(at)
        elif way == "retype":
            within["fields"][at] = draw(fields(names[at], 1))
        elif way == "rename" and set(NAMES) - set(names):
            field = within["fields"][at]
            field["aliases"], field["name"] = [names[at]], draw(st.sampled_from(sorted(set(NAMES) - set(names))))
        elif way == "widen" and isinstance(within["fields"][at]["type"], str):
            within["fields"][at] |= {"type": ["null", within["fields"][at]["type"]], "default": None}
        elif way == "default" and isinstance(within["fields"][at]["type"], str):
            within["fields"][at]["default"] = DEFAULTS[within["fields"][at]["type"]]
    return schema


def found(schema: Any) -> Any:
    """Yield every record in a schema."""
    if isinstance(schema, dict) and schema["type"] == "record":
        yield schema
        for field in schema["fields"]:
            yield from found(field["type"])
    elif isinstance(schema, dict):
        yield from found(schema.get("items", schema.get("values")))
    elif isinstance(schema, list):
        yield from found(schema[1])


def sane(schema: Any) -> bool:
    """Say whether each name is declared once, as one folder of schemas guarantees, and Avro takes the schema."""
    try:
        fastavro.parse_schema(copy.deepcopy(schema))
    except (fastavro.schema.SchemaParseException, ValueError):
        return False
    return True


@st.composite
def values(draw: st.DrawFn, schema: Any) -> Any:
    if isinstance(schema, str):
        return draw(VALUES[schema])
    if isinstance(schema, list):
        return draw(st.none() | values(schema[1]))
    if schema["type"] == "record":
        return {field["name"]: draw(values(field["type"])) for field in schema["fields"]}
    if schema["type"] == "enum":
        return draw(st.sampled_from(schema["symbols"]))
    if schema["type"] == "array":
        return draw(st.lists(values(schema["items"]), max_size=2))
    if schema["type"] == "map":
        return draw(st.dictionaries(st.text(max_size=2), values(schema["values"]), max_size=2))
    return draw(st.integers(0, 2**40))


def resolves(writer: Any, reader: Any, value: Any) -> None:
    body = io.BytesIO()
    fastavro.schemaless_writer(body, fastavro.parse_schema(copy.deepcopy(writer)), value)
    body.seek(0)
    fastavro.schemaless_reader(
        body, fastavro.parse_schema(copy.deepcopy(writer)), fastavro.parse_schema(copy.deepcopy(reader))
    )


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_what_we_call_compatible_is_read_both_ways(data: st.DataObject) -> None:
    old = data.draw(records().filter(sane))
    new = data.draw(changed(old).filter(sane))
    breaking = [finding for finding in compare(old, new) if finding.breaking]
    event("breaking" if breaking else "compatible")
    if not breaking:
        for writer, reader in ((old, new), (new, old)):
            resolves(writer, reader, data.draw(values(writer)))


@given(records().filter(sane))
def test_a_schema_is_compatible_with_itself(schema: Any) -> None:
    assert [finding for finding in compare(schema, schema) if finding.rule != "alias-clash"] == []
