"""Do two versions of a schema understand each other? Avro's resolution rules both ways, and what we promise beyond.

    findings = compare(released, changed)

Pure: two schemas in, a list of findings out. Where the schemas come from, which files and readers they belong to and
what is printed is somebody else's. `compare` is FULL: the new build must read what the old one wrote and the old build
what the new one writes, because both run side by side during a roll-out and old events stay in the topics.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from liandong.codegen.shape import Field, Node, named_within, parse

Reader = Literal["old", "new", "both"]

_CANNOT: dict[Reader, str] = {
    "new": "the new build cannot read older events",
    "old": "older builds cannot read new events",
    "both": "neither build can read the other's events",
}
# int -> long and the like; string <-> bytes is left out on purpose: not all bytes are UTF-8
_PROMOTIONS = {"int": ("long", "float", "double"), "long": ("float", "double"), "float": ("double",)}


@dataclass(frozen=True)
class Finding:
    """One thing that changed. `type` is the full name of the record or enum it happened in, `field` may be empty."""

    type: str
    field: str
    rule: str
    text: str
    remedy: str = ""
    breaking: bool = True


@dataclass(frozen=True)
class _Problem:
    """One place where a reader cannot read a writer."""

    type: str
    field: str
    code: Literal["missing", "type", "symbols", "name"]
    writer: str
    reader: str


def compare(old: Any, new: Any) -> list[Finding]:
    """Return what changed between two versions of one self-contained schema (parsed JSON); breaking ones first.

    Raises ConfigError when one of them is not Avro.
    """
    before, after = parse(old), parse(new)
    backward, forward = list(_reads(before, after)), list(_reads(after, before))
    neither = {(p.type, p.field) for p in backward if p.code == "type"} & {(p.type, p.field) for p in forward}
    found = [_finding(p, after, "both" if (p.type, p.field) in neither else "new") for p in backward]
    found += [_finding(p, after, "old") for p in forward]
    found += _promises(before, after)
    unique = {(f.type, f.field, f.rule): f for f in reversed(found)}  # of equal ones the first is kept
    return sorted(unique.values(), key=lambda f: (not f.breaking, f.type, f.field, f.rule))


def _reads(writer: Node, reader: Node) -> Iterator[_Problem]:
    """Yield where `reader` cannot resolve what `writer` wrote."""
    yield from _Resolution().resolve(writer, reader, reader.name, "")


class _Resolution:
    """One walk through a pair of schemas; remembers the pairs of records it has seen, so that recursion ends."""

    def __init__(self) -> None:
        self._seen: set[tuple[int, int]] = set()

    def resolve(self, writer: Node, reader: Node, type_: str, field: str) -> Iterator[_Problem]:
        if writer.kind == "union":
            for branch in writer.inner:
                yield from self.resolve(branch, reader, type_, field)
        elif reader.kind == "union":
            yield from self._branch(writer, reader, type_, field)
        elif writer.kind != reader.kind or writer.logical != reader.logical:
            promoted = not (writer.logical or reader.logical) and reader.kind in _PROMOTIONS.get(writer.kind, ())
            if not promoted:
                yield _Problem(type_, field, "type", writer.label, reader.label)
        elif writer.kind in ("array", "map"):
            yield from self.resolve(writer.inner[0], reader.inner[0], type_, field)
        elif writer.name and writer.name != reader.name and writer.name not in reader.aliases:
            yield _Problem(type_, field, "name", writer.name, reader.name)
        elif writer.kind == "enum":
            unknown = [symbol for symbol in writer.symbols if symbol not in reader.symbols]
            if unknown and reader.default not in reader.symbols:
                yield _Problem(reader.name, "", "symbols", ", ".join(unknown), reader.name)
        elif writer.kind == "fixed" and writer.size != reader.size:
            yield _Problem(type_, field, "type", f"{writer.size} bytes", f"{reader.size} bytes")
        elif writer.kind == "record":
            yield from self._records(writer, reader)

    def _branch(self, writer: Node, reader: Node, type_: str, field: str) -> Iterator[_Problem]:
        """Avro reads with the first branch that matches; when none does, the nearest one explains why."""
        attempts = [(branch, list(self.resolve(writer, branch, type_, field))) for branch in reader.inner]
        if any(not problems for _, problems in attempts):
            return
        for branch, problems in attempts:
            if (branch.kind, branch.name) == (writer.kind, writer.name):
                yield from problems
                return
        yield _Problem(type_, field, "type", writer.label, reader.label)

    def _records(self, writer: Node, reader: Node) -> Iterator[_Problem]:
        if (id(writer), id(reader)) in self._seen:
            return
        self._seen.add((id(writer), id(reader)))
        for field in reader.fields:
            source = _source(writer, field)
            if source is not None:
                here = (reader.name, field.name)
                for problem in self.resolve(source.type, field.type, *here):
                    whole = problem.code == "type" and (problem.type, problem.field) == here
                    labelled = replace(problem, writer=source.type.label, reader=field.type.label)
                    yield labelled if whole else problem
            elif not field.has_default:
                yield _Problem(reader.name, field.name, "missing", "", field.type.label)


def _source(writer: Node, field: Field) -> Field | None:
    """Return the writer's field that a reader's field takes its value from: by name, else by the reader's alias."""
    for name in (field.name, *field.aliases):
        found = writer.field_called(name)
        if found is not None:
            return found
    return None


def _finding(problem: _Problem, changed: Node, reading: Reader) -> Finding:
    """Turn a place where resolution fails into what a developer did and what helps; `reading` names who cannot."""
    type_, field = problem.type, problem.field
    if problem.code == "missing" and reading != "old":
        text = f"field {field} was added without a default, so it cannot be read from events written before"
        remedy = f'give {field} a default (optional: ["null", …] with default null)'
        return Finding(type_, field, "field-added-without-default", text, remedy)
    if problem.code == "missing":
        text = f"field {field} was removed, but it has no default for the builds that still read it"
        renamed = _renamed_to(changed, type_, field)
        if renamed:
            text = f"field {field} was renamed to {renamed}, but builds of the last release still read {field}"
        remedy = f"keep {field}; what is needed beside it is a new field with a default"
        return Finding(type_, field, "field-removed", text, remedy)
    if problem.code == "symbols":
        return _symbols_without_default(problem, reading)
    old, new = (problem.reader, problem.writer) if reading == "old" else (problem.writer, problem.reader)
    if problem.code == "name":
        text = f"it was a {old} and is now a {new}; values of one are not read as the other"
        remedy = f"keep the name {old}: no alias helps builds that do not know it"
        return Finding(type_, field, "type-renamed", text, remedy)
    text = f"its type was {old} and is now {new}: {_CANNOT[reading]}"
    remedy = f"leave {field or 'it'} as it is and add a new field of the new type with a default"
    return Finding(type_, field, "type-changed", text, remedy)


def _symbols_without_default(problem: _Problem, reading: Reader) -> Finding:
    verb = "added to" if reading == "old" else "removed from"
    text = f"{problem.writer} {verb} an enum without a default symbol: a reader that lacks a symbol fails"
    return Finding(problem.type, "", "enum-default", text, "declare the first symbol as the enum's default")


def _renamed_to(changed: Node, type_: str, field: str) -> str:
    """Return the field of the changed record that names `field` as its alias."""
    for node in named_within(changed):
        if node.name == type_:
            return next((f.name for f in node.fields if field in f.aliases), "")
    return ""


def _promises(before: Node, after: Node) -> Iterator[Finding]:
    """Yield what Avro would let pass and we do not, type by type."""
    now = {name: node for node in named_within(after) for name in (*node.aliases, node.name)}
    for old in named_within(before):
        new = now.get(old.name)
        if new is None or new.kind != old.kind:
            continue
        if old.kind == "enum":
            yield from _enum_promises(old, new)
        for field in new.fields:
            source = _source(old, field)
            if source is not None:
                yield from _field_promises(new, source, field)
        yield from _alias_promises(old, new)


def _enum_promises(old: Node, new: Node) -> Iterator[Finding]:
    gone = [symbol for symbol in old.symbols if symbol not in new.symbols]
    if gone:
        text = f"symbol {', '.join(gone)} was removed: older events with it would be read as {new.default}"
        yield Finding(new.name, "", "symbol-removed", text, "keep it in the list and stop writing it")
    if old.default != new.default:
        text = f"the default symbol was {old.default} and is now {new.default}: unknown symbols change their meaning"
        yield Finding(new.name, "", "enum-default", text, f"keep {old.default} as the first symbol and default")


def _field_promises(record: Node, old: Field, new: Field) -> Iterator[Finding]:
    if old.unit and old.unit != new.unit:
        text = f"the unit was {old.unit} and is now {new.unit or 'none'}: readers would take one for the other"
        remedy = "leave the field as it is and add a new field with the new unit and a default"
        yield Finding(record.name, new.name, "unit-changed", text, remedy)
    yield from _encryption_promises(record, old, new)
    if new.pii < old.pii:
        text = f"the mark pii {old.pii} " + (f"was lowered to {new.pii}" if new.pii else "was dropped")
        remedy = f'put "pii": "{old.pii}" back: the values already written are still personal'
        yield Finding(record.name, new.name, "pii-dropped", text, remedy)
    elif new.pii != old.pii:
        text = f"the mark pii {new.pii} is new here: events written before hold the value without it"
        yield Finding(record.name, new.name, "pii-added", text, breaking=False)
    same_type = old.type.label == new.type.label
    if same_type and old.has_default and new.has_default and old.default != new.default:
        text = f"the default was {old.default!r} and is now {new.default!r}: builds differ where the field is absent"
        yield Finding(record.name, new.name, "default-changed", text, breaking=False)


def _encryption_promises(record: Node, old: Field, new: Field) -> Iterator[Finding]:
    """A value is encrypted for its subject and its place: other builds must know both, or they read what is no text."""
    if old.subject != new.subject:
        was, now = (f"encrypted for {f.subject}" if f.subject else "not encrypted" for f in (old, new))
        text = f"the value was {was} and is now {now}: builds cannot read each other's values"
        remedy = "leave the field as it is and add a new field with a default"
        yield Finding(record.name, new.name, "encryption-changed", text, remedy)
    elif new.subject and old.name != new.name:
        text = f"{old.name} is encrypted and was renamed: what was encrypted as {old.name} cannot be read as {new.name}"
        yield Finding(record.name, new.name, "encrypted-renamed", text, f"keep the name {old.name}")


def _alias_promises(old: Node, new: Node) -> Iterator[Finding]:
    """An alias must lead to one field: libraries differ in whom they give the value to when it could be two."""
    for record, other in ((new, old), (old, new)):
        for field in record.fields:
            rivals = [f for f in record.fields if f is not field]
            taken = {f.name for f in rivals} | {alias for f in rivals for alias in f.aliases}
            if other.field_called(field.name) is not None:
                taken |= {f.name for f in other.fields if f.name != field.name}
            for alias in sorted(taken.intersection(field.aliases)):
                text = f"its alias {alias} is also a name or alias of another field: readers would mix the two up"
                yield Finding(new.name, field.name, "alias-clash", text, "give every name to one field only")
