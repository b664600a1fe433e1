"""What may be written in an Avro file: known keys, names that Python and Avro both take, texts of one plain line.

Generated code has these names and texts in it, so nothing may pass that would be read as code.
"""

import keyword
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from liandong_contracts.base import Record

from liandong.codegen.marks import At, Problem
from liandong.codegen.model import plain_text

_KEYS = {
    "record": frozenset({"type", "name", "namespace", "doc", "zh", "aliases", "fields"}),
    "enum": frozenset({"type", "name", "namespace", "doc", "zh", "aliases", "symbols", "default"}),
}
_FIELD_KEYS = frozenset({"name", "type", "doc", "zh", "unit", "pii", "subject", "default", "aliases"})
_TEXTS = ("doc", "zh", "unit")
_TYPE, _FIELD, _SYMBOL = "[A-Z][A-Za-z0-9]*", "[a-z][a-z0-9_]*", "[A-Z][A-Z0-9_]*"
_USED_BESIDE_TYPES = frozenset({"Any", "ClassVar", "Mapping", "Record", "Self", "StrEnum"})
_USED_BESIDE_FIELDS = frozenset(
    {"bool", "bytes", "cls", "datetime", "float", "int", "msgspec", "self", "str", "symbols", "tuple"}
)


def spelling_problems(raw: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what a file of one record or enum may not say, and where."""
    yield from _keys(raw, _KEYS[raw["type"]], ())
    yield from _texts(raw, ())
    if not _named(_TYPE, raw.get("name")) or raw["name"] in _USED_BESIDE_TYPES:
        yield ("name",), f"{raw.get('name')!r} is no name for a type: {_TYPE}, and not one that generated code uses"
    if raw["type"] == "enum":
        for number, symbol in enumerate(_list(raw.get("symbols"))):
            if not _named(_SYMBOL, symbol):
                yield ("symbols", number), f"{symbol!r} is no symbol: {_SYMBOL}"
        return
    fields = _list(raw.get("fields"))
    for number, field in enumerate(fields):
        at: At = ("fields", number)
        if isinstance(field, Mapping):
            yield from _field(field, at)
            others = [other.get("name") for other in fields if isinstance(other, Mapping)]
            yield from _aliases(field.get("aliases", []), others, (*at, "aliases"))
        else:
            yield at, f"a field is an object, not {field!r}"


def _field(field: Mapping[str, Any], at: At) -> Iterator[Problem]:
    name = field.get("name")
    yield from _keys(field, _FIELD_KEYS, at)
    yield from _texts(field, at)
    if "name" in field and not _usable(name):
        yield (
            (*at, "name"),
            f"{name!r} is no name for a field: {_FIELD}, and not one that Python or generated code uses",
        )


def _usable(name: object) -> bool:
    return _named(_FIELD, name) and not (
        keyword.iskeyword(str(name)) or hasattr(Record, str(name)) or name in _USED_BESIDE_FIELDS
    )


def _aliases(aliases: object, others: Sequence[object], at: At) -> Iterator[Problem]:
    if not isinstance(aliases, list):
        yield at, f"aliases is a list of former names, not {aliases!r}"
        return
    for number, alias in enumerate(aliases):
        if not _named(_FIELD, alias):
            yield (*at, number), f"the alias {alias!r} is no name of a field: {_FIELD}"
        elif alias in others:
            yield (*at, number), f"the alias {alias} is the name of another field"


def _keys(raw: Mapping[str, Any], known: frozenset[str], at: At) -> Iterator[Problem]:
    yield from (((*at, key), f"{key}: unknown key; known are {', '.join(sorted(known))}") for key in raw.keys() - known)


def _texts(raw: Mapping[str, Any], at: At) -> Iterator[Problem]:
    for key in _TEXTS:
        try:
            plain_text(raw.get(key, ""))
        except ValueError as error:
            yield (*at, key), f"{key}: {error}"


def _named(pattern: str, name: object) -> bool:
    return isinstance(name, str) and re.fullmatch(pattern, name) is not None


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
