"""Schemas as such: parsed once, named types found, two schemas compared. No values and no I/O here."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import fastavro
from fastavro.schema import to_parsing_canonical_form
from liandong_contracts.base import Record, schema_of

Schema = Any  # what fastavro.parse_schema returns: dict, list or str


@cache
def parsed_schema(record: type[Record]) -> Schema:
    """Return the record's own schema, parsed once."""
    return fastavro.parse_schema(json.loads(schema_of(record)))


def full_name_of(schema: Schema) -> str:
    """Return the full name of a record schema; empty for anything else."""
    if not isinstance(schema, dict) or schema.get("type") != "record":
        return ""
    return _full_name(schema)


def same_bytes(one: Schema, other: Schema) -> bool:
    """Say whether both schemas read and write the same bytes: they differ in words and defaults at most."""
    return to_parsing_canonical_form(one) == to_parsing_canonical_form(other) and _logical(one) == _logical(other)


def same_name(written: dict[str, Any], ours: dict[str, Any]) -> bool:
    """Say whether two named types are one: by their last names, or by an alias of ours."""
    last = _full_name(written).rpartition(".")[2]
    return last in {name.rpartition(".")[2] for name in (_full_name(ours), *ours.get("aliases", ()))}


def names_of(schema: Schema) -> dict[str, dict[str, Any]]:
    """Return the definition of each named type in a parsed schema, by full name."""
    return {_full_name(part): part for part in _parts(schema) if part["type"] in ("record", "error", "enum", "fixed")}


def _full_name(schema: dict[str, Any]) -> str:
    name, namespace = str(schema.get("name", "")), schema.get("namespace")
    return f"{namespace}.{name}" if namespace and "." not in name else name


def _logical(schema: Schema) -> list[Any]:
    return [part.get("logicalType") for part in _parts(schema) if part["type"] in ("long", "int", "bytes", "string")]


def _parts(schema: Schema) -> Iterator[dict[str, Any]]:
    """Yield every type in a schema that is not just a word, in the order of the text."""
    if isinstance(schema, list):
        for branch in schema:
            yield from _parts(branch)
    elif isinstance(schema, dict):
        yield schema
        for field in schema.get("fields", ()):
            yield from _parts(field["type"])
        for inner in ("type", "items", "values"):
            yield from _parts(schema.get(inner))
