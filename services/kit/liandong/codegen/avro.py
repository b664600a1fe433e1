"""Read schemas/avro: one named type per file, sharing others by full name; and write self-contained copies.

Only the subset that the platform uses is understood; anything else is refused with the file's name.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from liandong.codegen.defaults import default_problems
from liandong.codegen.marks import At, Problem, line_in, text_of
from liandong.codegen.model import (
    EnumType,
    FieldType,
    NamedType,
    RecordField,
    RecordType,
    named_in,
)
from liandong.codegen.spelling import spelling_problems
from liandong.errors import ConfigError

PRIMITIVES = frozenset({"string", "double", "int", "long", "boolean", "bytes"})
PII_CLASSES = frozenset({"P1", "P2", "P3"})
ENCRYPTED = frozenset({"P2", "P3"})


def load_types(
    folder: Path, prefix: str = "liandong", foreign: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
) -> dict[str, NamedType]:
    """Return all named types below `folder`, each after those it refers to.

    `prefix` stands before the context in their namespaces; `foreign` are the schemas of types declared elsewhere, which
    they may refer to. Raises ConfigError naming the file and what is wrong with it.
    """
    raws: dict[str, tuple[Path, dict[str, Any]]] = {}
    for path in sorted(folder.rglob("*.avsc")):
        raw = _read(path)
        full_name = _checked_name(path, folder, prefix, raw)
        if full_name in raws:
            raise _wrong(path, ("name",), f"{full_name} is also declared in {raws[full_name][0]}")
        raws[full_name] = (path, raw)
    kinds = {name: str(raw["type"]) for name, raw in foreign.items()}
    kinds |= {name: str(raw["type"]) for name, (_, raw) in raws.items()}
    types = {name: _named(path, raw, kinds) for name, (path, raw) in raws.items()}
    known = {**foreign_types(foreign), **types}
    for name, (path, _) in raws.items():
        for at, rule in default_problems(types[name], known):
            raise _wrong(path, at, rule)
    return _in_order(types, {name: path for name, (path, _) in raws.items()})


def foreign_types(schemas: Mapping[str, Mapping[str, Any]]) -> dict[str, NamedType]:
    """Return the types behind schemas that were checked where they were declared."""
    kinds = {name: str(raw["type"]) for name, raw in schemas.items()}
    return {name: _named(Path(f"{name}.avsc"), dict(raw), kinds) for name, raw in schemas.items()}


def self_contained(full_name: str, schemas: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the schema of a type with every other named type written out where it is first used.

    `schemas` holds all types by full name, as their files say. Raises ConfigError when one is missing.
    """
    schema: dict[str, Any] = _inline(full_name, full_name.rpartition(".")[0], schemas, set())
    return schema


def _read(path: Path) -> dict[str, Any]:
    try:
        raw = json.loads(text_of(path), parse_constant=_no_number, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{path}:{error.lineno}: not JSON: {error.msg}") from error
    except RecursionError as error:
        raise ConfigError(f"{path}:1: nested too deep to be read") from error
    except ValueError as error:
        raise ConfigError(f"{path}:1: {error}") from error
    if not isinstance(raw, dict) or raw.get("type") not in ("record", "enum"):
        raise _wrong(path, ("type",), "one record or enum per file is expected")
    for at, rule in spelling_problems(raw):
        raise _wrong(path, at, rule)
    return raw


def _no_number(word: str) -> None:
    raise ValueError(f"not JSON: {word} is no number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)} is given twice")
    return found


def _checked_name(path: Path, folder: Path, prefix: str, raw: Mapping[str, Any]) -> str:
    namespace = f"{prefix}.{path.relative_to(folder).parts[0]}"
    if raw.get("namespace") != namespace or raw.get("name") != path.stem:
        raise _wrong(path, ("namespace",), f"must declare name {path.stem} in namespace {namespace}")
    if not raw.get("doc"):
        raise _wrong(path, ("doc",), "doc is missing")
    return f"{namespace}.{path.stem}"


def _named(path: Path, raw: dict[str, Any], kinds: Mapping[str, str]) -> NamedType:
    full_name = f"{raw['namespace']}.{raw['name']}"
    if raw["type"] == "enum":
        symbols = tuple(raw.get("symbols", ()))
        if not symbols or raw.get("default") != symbols[0]:
            rule = "the first symbol must be the declared default, so that old readers survive"
            raise _wrong(path, ("default",), rule)
        if twice := [number for number, symbol in enumerate(symbols) if symbol in symbols[:number]]:
            raise _wrong(path, ("symbols", twice[0]), f"symbol {symbols[twice[0]]} is given twice")
        return EnumType(full_name, raw["doc"], symbols, raw)
    declared = enumerate(raw.get("fields", ()))
    fields = tuple(_field(path, number, raw["namespace"], field, kinds) for number, field in declared)
    if not fields:
        raise _wrong(path, ("fields",), "a record needs fields")
    for number, field in enumerate(fields):
        if field.name in {before.name for before in fields[:number]}:
            raise _wrong(path, ("fields", number, "name"), f"field {field.name} is given twice")
    for at, rule in _subject_problems(fields):
        raise _wrong(path, at, rule)
    internal = path.parent.name == "state" or raw["namespace"] == "liandong.kit"
    return RecordType(full_name, raw["doc"], raw.get("zh", ""), fields, internal, raw)


def _field(path: Path, number: int, namespace: str, raw: Mapping[str, Any], kinds: Mapping[str, str]) -> RecordField:
    at = ("fields", number)
    if missing := {"name", "type", "doc"} - raw.keys():
        raise _wrong(path, at, f"field {raw.get('name', number)} has no {', '.join(sorted(missing))}")
    name, doc, pii = raw["name"], raw["doc"], raw.get("pii", "")
    if not doc:
        raise _wrong(path, (*at, "doc"), f"field {name} has no doc")
    if pii and pii not in PII_CLASSES:
        rule = f"field {name} has pii {pii!r}; one of {sorted(PII_CLASSES)} is expected"
        raise _wrong(path, (*at, "pii"), rule)
    try:
        type_ = _type(raw["type"], namespace, kinds)
    except ValueError as error:
        raise _wrong(path, (*at, "type"), f"field {name}: {error}") from error
    if type_.nullable and ("default" not in raw or raw["default"] is not None):
        raise _wrong(path, (*at, "default"), f"field {name} is nullable and must have the default null")
    return RecordField(
        name, type_, doc, raw.get("unit", ""), pii, raw.get("subject", ""), "default" in raw, raw.get("default")
    )


def _subject_problems(fields: Sequence[RecordField]) -> Iterator[Problem]:
    """Say what is wrong with whose data the encrypted fields say they are."""
    ids = {f.name for f in fields if f.type.kind == "string" and not f.type.nullable and f.pii in ("", "P1")}
    for number, field in enumerate(fields):
        pii, subject = ("fields", number, "pii"), ("fields", number, "subject")
        if field.pii and field.type.kind != "string":
            yield pii, f"field {field.name} has pii but is no string; only strings can be encrypted"
        if field.pii in ENCRYPTED and not field.subject:
            yield pii, f"field {field.name} is pii {field.pii} and needs a subject, whose key encrypts it"
        if field.subject and field.pii not in ENCRYPTED:
            yield subject, f"field {field.name} has a subject but is not pii P2 or P3, so it is not encrypted"
        if field.subject and field.subject not in ids:
            rule = f"field {field.name} has the subject {field.subject}, which is no plain string field of the record"
            yield subject, rule


def _type(raw: Any, namespace: str, kinds: Mapping[str, str]) -> FieldType:
    if isinstance(raw, list):
        if len(raw) != 2 or raw[0] != "null":
            raise ValueError('the only union understood is ["null", T]')
        inner = _type(raw[1], namespace, kinds)
        return FieldType(inner.kind, True, inner.name, inner.item)
    if isinstance(raw, dict):
        return _complex(raw, namespace, kinds)
    if not isinstance(raw, str):
        raise ValueError(f"{raw!r} is no type")
    if raw in PRIMITIVES:
        return FieldType(raw)
    full_name = raw if "." in raw else f"{namespace}.{raw}"
    if full_name not in kinds:
        raise ValueError(f"type {raw} is not declared")
    return FieldType(kinds[full_name], name=full_name)


def _complex(raw: Mapping[str, Any], namespace: str, kinds: Mapping[str, str]) -> FieldType:
    kind, logical = raw.get("type"), raw.get("logicalType")
    if logical is not None:
        if (kind, logical) == ("long", "timestamp-millis"):
            return FieldType("timestamp")
        raise ValueError(
            f"logicalType {logical} on {kind} is not in the subset understood, only timestamp-millis on long"
        )
    if kind in ("array", "map"):
        return FieldType(kind, item=_type(raw.get("items" if kind == "array" else "values"), namespace, kinds))
    raise ValueError(f"{dict(raw)} is not in the subset understood")


def _in_order(types: Mapping[str, NamedType], files: Mapping[str, Path]) -> dict[str, NamedType]:
    """Sort by name, but every type after those it contains."""
    ordered: dict[str, NamedType] = {}

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            rule = f"{' contains '.join((*path, name))}: a record cannot contain itself"
            raise _wrong(files[path[-1]], _first_use(types[path[-1]], name), rule)
        if name in ordered:
            return
        for inner in _refers_to(types[name]):
            if inner in types:  # not what is declared elsewhere
                visit(inner, (*path, name))
        ordered[name] = types[name]

    for name in sorted(types):
        visit(name, ())
    return ordered


def _first_use(type_: NamedType, name: str) -> At:
    fields = type_.fields if isinstance(type_, RecordType) else ()
    users = (n for n, field in enumerate(fields) if name in {inner.name for inner in named_in(field.type)})
    return ("fields", next(users, 0), "type")


def _wrong(path: Path, at: At, rule: str) -> ConfigError:
    """Return the refusal of a file, with the line of the value that breaks the rule."""
    return ConfigError(f"{path}:{line_in(path, at)}: {rule}")


def _refers_to(type_: NamedType) -> Iterator[str]:
    if isinstance(type_, RecordType):
        for field in type_.fields:
            yield from (inner.name for inner in named_in(field.type))


def _inline(raw: Any, namespace: str, schemas: Mapping[str, Mapping[str, Any]], seen: set[str]) -> Any:
    if isinstance(raw, list):
        return [_inline(branch, namespace, schemas, seen) for branch in raw]
    if isinstance(raw, dict):
        key = {"array": "items", "map": "values"}.get(raw["type"])
        return {**raw, key: _inline(raw[key], namespace, schemas, seen)} if key else raw
    if raw in PRIMITIVES or raw == "null":
        return raw
    full_name = raw if "." in raw else f"{namespace}.{raw}"
    if full_name in seen:
        return full_name
    seen.add(full_name)
    if full_name not in schemas:
        raise ConfigError(f"type {full_name} is not declared")
    schema = schemas[full_name]
    if schema["type"] == "enum":
        return dict(schema)
    inner = full_name.rpartition(".")[0]
    return {**schema, "fields": [{**f, "type": _inline(f["type"], inner, schemas, seen)} for f in schema["fields"]]}
