"""Plan: how the bytes of one schema become a record of ours, worked out once per schema, before any value is read.

A plan is a flat tuple of nodes; node 0 is the record. `compiled` writes Python functions from it, the C half runs it as
it is, so both read and refuse the same bytes. What another version wrote is resolved here: the writer's fields in the
writer's order, each into our field or read over; fields that it lacks take our defaults. No values and no I/O here.
"""

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from types import UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints

from liandong_contracts.base import Record, symbols

from liandong.wire.resolution import Schema, names_of, parsed_schema, same_name

Node = tuple[Any, ...]
"""("null",) and so on for boolean, int, long, long-as-double, float, double, bytes, string, time; ("fixed", bytes);
("enum", members, symbol -> position, function of a position without member); ("union", branches); ("array" or "map",
item, least bytes of an item); ("record", class or None, names, ((name or None, node), ...)); ("refuse", reason)."""

_PRIMITIVES = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})
_BYTES_AT_LEAST = {"boolean": 1, "float": 4, "double": 8, "null": 0, "refuse": 0}
_READS_AS = {  # (written, ours) -> node, where they differ
    ("int", "long"): "long",
    ("int", "float"): "long-as-double",
    ("int", "double"): "long-as-double",
    ("long", "float"): "long-as-double",
    ("long", "double"): "long-as-double",
    ("float", "double"): "float",
    ("string", "bytes"): "bytes",
    ("bytes", "string"): "string",
}
_MOST_WORK = 4096  # nodes that one byte can set in motion
_DEEPEST = 64


class Mismatch(Exception):
    """A schema cannot be read as ours, or not safely; the text says what and why."""


class Plan(NamedTuple):
    """Nodes of a schema; `writes` when they are of our own schema, so that records can be written by them."""

    nodes: tuple[Node, ...]
    writes: bool


def plan_of(record: type[Record], writer: Schema | None = None) -> Plan:
    """Return how bodies of the schema `writer` (parsed; by default the record's own) become records.

    Raises Mismatch.
    """
    ours = parsed_schema(record)
    planner = _Planner(ours if writer is None else writer, ours)
    planner.node(ours if writer is None else writer, ours, record)
    return Plan(planner.checked(), writer is None)


def _unknown(enum: type[StrEnum], written: list[str]) -> Callable[[int], StrEnum]:
    """Return what stands for a symbol that the enum does not have; asking for it counts."""
    table = symbols(enum)
    return lambda position: table[written[position]]


class _Planner:
    def __init__(self, writer: Schema, ours: Schema) -> None:
        self.nodes: list[Node] = []
        self._written, self._ours = names_of(writer), names_of(ours)
        self._done: dict[tuple[str, str], int] = {}  # (written, ours or empty) -> node of a record
        self._depth = 0

    def node(self, written: Schema, ours: Schema | None, hint: Any) -> int:
        """Add what reads `written` as `ours`, or over it when that is None, and return its place."""
        self._depth += 1
        if self._depth > _DEEPEST:
            raise Mismatch(f"types are nested more than {_DEEPEST} deep")
        try:
            return self._node(_plain(written, self._written), _plain(ours, self._ours), hint)
        finally:
            self._depth -= 1

    def _node(self, written: Schema, ours: Schema | None, hint: Any) -> int:
        if isinstance(written, list):
            return self._add(("union", tuple(self._branch(branch, ours, hint) for branch in written)))
        if isinstance(ours, list):
            return self.node(written, _branch_of(ours, written), _some(hint))
        name = written["type"]
        if ours is not None and name in ("record", "enum", "fixed", "array", "map") and ours["type"] != name:
            raise Mismatch(f"{_word(written)} is not {_word(ours)}")
        if name == "record":
            return self._record(written, ours, hint)
        if name == "enum":
            return self._enum(written, ours, hint)
        if name == "fixed":
            if ours is not None:
                raise Mismatch("fixed is not a type of ours")
            return self._add(("fixed", written["size"]))
        if name in ("array", "map"):
            inner = "items" if name == "array" else "values"
            hint_of_item = get_args(hint)[0 if name == "array" else 1] if ours is not None else None
            item = self.node(written[inner], ours and ours[inner], hint_of_item)
            return self._add((name, item, 0))
        return self._add((_primitive(written, ours),))

    def _add(self, node: Node) -> int:
        self.nodes.append(node)
        return len(self.nodes) - 1

    def _branch(self, written: Schema, ours: Schema | None, hint: Any) -> int:
        """Add one branch of a union; one that cannot be ours is refused only where a value takes it."""
        mark = len(self.nodes)
        try:
            return self.node(written, ours, hint)
        except Mismatch as error:
            del self.nodes[mark:]
            self._done = {key: place for key, place in self._done.items() if place < mark}
            return self._add(("refuse", str(error)))

    def _record(self, written: dict[str, Any], ours: dict[str, Any] | None, record: type[Record]) -> int:
        key = (written["name"], "" if ours is None else ours["name"])
        if key in self._done:
            return self._done[key]
        place = self._done[key] = self._add(())
        if ours is None:
            over = tuple((None, self.node(field["type"], None, None)) for field in written["fields"])
            self.nodes[place] = ("record", None, (), over)
            return place
        if not same_name(written, ours):
            raise Mismatch(f"record {written['name']} is not {ours['name']}")
        fields = tuple(self._fields(written, ours, get_type_hints(record)))
        names = tuple(name for name, _ in fields if name is not None)
        for field in ours["fields"]:
            if field["name"] not in names and "default" not in field:
                raise Mismatch(f"{ours['name']}.{field['name']} is not written and has no default")
        self.nodes[place] = ("record", record, names, fields)
        return place

    def _fields(
        self, written: dict[str, Any], ours: dict[str, Any], hints: Mapping[str, Any]
    ) -> Iterator[tuple[str | None, int]]:
        by_name = {alias: field for field in ours["fields"] for alias in field.get("aliases", ())}
        by_name |= {field["name"]: field for field in ours["fields"]}
        for field in written["fields"]:
            mine = by_name.get(field["name"])
            try:
                if mine is None:
                    yield None, self.node(field["type"], None, None)
                else:
                    yield mine["name"], self.node(field["type"], mine["type"], hints[mine["name"]])
            except Mismatch as error:
                raise Mismatch(f"{field['name']}: {error}") from error

    def _enum(self, written: dict[str, Any], ours: dict[str, Any] | None, enum: type[StrEnum]) -> int:
        there = written["symbols"]
        if ours is None:
            return self._add(("enum", tuple(there), {}, None))
        if not same_name(written, ours):
            raise Mismatch(f"enum {written['name']} is not {ours['name']}")
        known: dict[str, StrEnum] = {member.value: member for member in enum}
        positions = {symbol: position for position, symbol in enumerate(there)}
        members = tuple(known.get(symbol) for symbol in there)
        return self._add(("enum", members, positions, _unknown(enum, there)))

    def checked(self) -> tuple[Node, ...]:
        """Return the nodes, the least sizes of items filled in, when no bytes can make them work without measure."""
        work: dict[int, int] = {}
        for place in range(len(self.nodes)):
            self._work(place, work)
        least = self._least()
        for place, (name, *rest) in enumerate(self.nodes):
            if name in ("array", "map"):
                size = least[rest[0]] + (name == "map")
                if size == 0:
                    raise Mismatch("an array of items that take no bytes: a few bytes could claim any number of them")
                self.nodes[place] = (name, rest[0], size)
        return tuple(self.nodes)

    def _least(self) -> list[int]:
        """Return the least bytes that each node takes."""
        least = [0] * len(self.nodes)
        for _ in range(len(self.nodes) + 1):
            before = list(least)
            for place, (name, *rest) in enumerate(self.nodes):
                if name == "record":
                    least[place] = sum(before[child] for _, child in rest[2])
                elif name == "union":
                    least[place] = 1 + min((before[child] for child in rest[0]), default=0)
                elif name == "fixed":
                    least[place] = rest[0]
                else:
                    least[place] = _BYTES_AT_LEAST.get(name, 1)
            if least == before:
                break
        return least

    def _work(self, place: int, known: dict[int, int], around: frozenset[int] = frozenset()) -> int:
        """Return how many nodes one pass over this one visits at most, arrays' items and recursion not counted.

        `around` are the records around it since the last byte.
        """
        if place in around:
            raise Mismatch("a record contains itself without end")
        if place in known:
            return known[place]
        known[place] = 1  # met again on the way down, it is behind a byte of its own
        name, *rest = self.nodes[place]
        if name == "record":
            known[place] += sum(self._work(child, known, around | {place}) for _, child in rest[2])
        elif name == "union":
            known[place] += max((self._work(child, known) for child in rest[0]), default=0)
        if known[place] > _MOST_WORK:
            raise Mismatch(f"a single value has more than {_MOST_WORK} parts")
        return known[place]


def _plain(schema: Schema | None, names: Mapping[str, dict[str, Any]]) -> Schema | None:
    """Return a type as a list or as a dictionary whose "type" is a word."""
    if schema is None or isinstance(schema, list):
        return schema
    if isinstance(schema, str):
        return names.get(schema, {"type": schema})
    inner = schema["type"]
    if isinstance(inner, dict | list):
        return _plain(inner, names)
    if inner == "error":
        return {**schema, "type": "record"}
    return names.get(inner, schema)


def _primitive(written: dict[str, Any], ours: dict[str, Any] | None) -> str:
    """Return the node that reads a primitive."""
    name: str = written["type"]
    if name not in _PRIMITIVES:
        raise Mismatch(f"{name} is no Avro type")
    if ours is None:
        return "bytes" if name == "string" else name  # nobody asks whether it is valid text
    if ours["type"] != name and (name, ours["type"]) not in _READS_AS:
        raise Mismatch(f"{_word(written)} is not {_word(ours)}")
    if (ours["type"], ours.get("logicalType")) == ("long", "timestamp-millis"):
        if written.get("logicalType", "timestamp-millis") != "timestamp-millis":
            raise Mismatch(f"{_word(written)} is not {_word(ours)}")
        return "time"
    if "logicalType" in ours:
        raise Mismatch(f"{_word(ours)} is no type that records have")
    return _READS_AS.get((name, ours["type"]), name)


def _branch_of(ours: list[Any], written: dict[str, Any]) -> Schema:
    """Return the branch of a union of ours, null and one more, that a written type can only be."""
    others = [branch for branch in ours if branch != "null"]
    if len(others) != 1 or len(ours) > 2:
        raise Mismatch(f"a union of ours is null and one more type, not {ours}")
    return "null" if written["type"] == "null" else others[0]


def _word(schema: dict[str, Any]) -> str:
    logical = schema.get("logicalType")
    return f"{schema['type']} ({logical})" if logical else str(schema["type"])


def _some(hint: Any) -> Any:
    """Return T of `T | None`."""
    if get_origin(hint) in (Union, UnionType):
        return next(part for part in get_args(hint) if part is not type(None))
    return hint
