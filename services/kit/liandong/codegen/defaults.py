"""Defaults of record fields: each must be a value of its field's type, or every reader of an old record would fail."""

from collections.abc import Iterator, Mapping
from typing import Any

from liandong.codegen.marks import Problem
from liandong.codegen.model import EnumType, FieldType, NamedType, RecordType

_BITS = {"int": 31, "long": 63}


def default_problems(type_: NamedType, types: Mapping[str, NamedType]) -> Iterator[Problem]:
    """Yield the defaults of a record that are no values of their fields."""
    for number, field in enumerate(type_.fields if isinstance(type_, RecordType) else ()):
        if field.has_default and not (field.type.nullable or _fits(field.type, field.default, types)):
            rule = f"field {field.name} is {field.type.kind} and cannot have the default {field.default!r}"
            yield ("fields", number, "default"), rule


def _fits(type_: FieldType, value: Any, types: Mapping[str, NamedType]) -> bool:
    if type_.kind == "string":
        return isinstance(value, str)
    if type_.kind == "bytes":  # a character is a byte
        return isinstance(value, str) and all(ord(char) < 256 for char in value)
    if type_.kind == "boolean":
        return isinstance(value, bool)
    if type_.kind == "double":
        return isinstance(value, int | float) and not isinstance(value, bool)
    if type_.kind in _BITS:
        return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << _BITS[type_.kind]
    if type_.kind == "enum":
        declared = types[type_.name]
        return isinstance(declared, EnumType) and value in declared.symbols
    if type_.kind in ("array", "map"):  # only an empty one can be written out as a Python default
        return bool(value == ([] if type_.kind == "array" else {}))
    return False  # a time or a record has no default but null
