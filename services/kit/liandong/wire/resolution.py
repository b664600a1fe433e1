"""Reading what another version wrote: which of our records it is, and how the two schemas meet. No I/O."""

import copy
import json
from collections.abc import Callable, Mapping
from functools import cache
from io import BytesIO
from typing import Any

import fastavro
from fastavro import schemaless_reader, schemaless_writer
from fastavro.schema import to_parsing_canonical_form
from liandong_contracts.base import Record, schema_of

Schema = Any  # what fastavro.parse_schema returns: dict, list or str


@cache
def parsed_schema(record: type[Record]) -> Schema:
    """Return the record's own schema, parsed once."""
    return fastavro.parse_schema(json.loads(schema_of(record)))


def library_writer(record: type[Record]) -> Callable[[Any], bytes]:
    """Return a function that writes a record's body by means of the Avro library."""
    schema = parsed_schema(record)

    def write(value: Record) -> bytes:
        out = BytesIO()
        schemaless_writer(out, schema, value.to_avro())
        return out.getvalue()

    return write


def library_reader(record: type[Record], writer: Schema | None = None) -> Callable[[bytes, int], tuple[Any, int]]:
    """Return a function that reads a body that begins at an offset, and says where it ended.

    The body was written with the schema `writer`; by default with the record's own.
    """
    reader = None if writer is None else lenient_reader(record, writer)
    schema = parsed_schema(record) if writer is None else writer

    def read(raw: bytes, at: int) -> tuple[Record, int]:
        body = BytesIO(raw)
        body.seek(at)
        plain: Any = schemaless_reader(body, schema, reader)
        return record.from_avro(plain), body.tell()

    return read


def full_name_of(schema: Schema) -> str:
    """Return the full name of a record schema; empty for anything else."""
    if not isinstance(schema, dict) or schema.get("type") != "record":
        return ""
    name, namespace = str(schema.get("name", "")), schema.get("namespace")
    return f"{namespace}.{name}" if namespace and "." not in name else name


def same_bytes(one: Schema, other: Schema) -> bool:
    """Say whether both schemas read and write the same bytes: they differ in words and defaults at most."""
    return to_parsing_canonical_form(one) == to_parsing_canonical_form(other)


def lenient_reader(record: type[Record], writer: Schema) -> Schema:
    """Return the record's schema, its enums widened by the symbols that only `writer` knows.

    Avro would turn these symbols into the default without a word; passed through, they reach the record's symbol
    table, which does the same and counts.
    """
    known = _symbols(writer)
    reader = copy.deepcopy(json.loads(schema_of(record)))
    for schema in _enums(reader):
        theirs = known.get(full_enum_name(schema), ())
        schema["symbols"] += [symbol for symbol in theirs if symbol not in schema["symbols"]]
    return fastavro.parse_schema(reader)


def full_enum_name(schema: Mapping[str, Any]) -> str:
    """Return the full name of an enum schema, parsed or not."""
    name, namespace = str(schema["name"]), schema.get("namespace")
    return f"{namespace}.{name}" if namespace and "." not in name else name


def _symbols(schema: Schema) -> dict[str, list[str]]:
    return {full_enum_name(enum): enum["symbols"] for enum in _enums(schema)}


def _enums(schema: Any) -> list[dict[str, Any]]:
    if isinstance(schema, list):
        return [enum for branch in schema for enum in _enums(branch)]
    if not isinstance(schema, dict):
        return []
    if schema["type"] == "enum":
        return [schema]
    if schema["type"] == "record":
        return [enum for field in schema["fields"] for enum in _enums(field["type"])]
    inner = schema.get("items") or schema.get("values")
    if inner is None and isinstance(schema["type"], dict | list):
        inner = schema["type"]
    return _enums(inner) if inner is not None else []
