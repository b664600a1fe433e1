"""Avro schemas as plain nodes: what the compatibility gate compares. No files, no judgement.

It reads more than `codegen.avro` lets pass (any union, fixed, recursion), because a registry may hold schemas that
were not generated here.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from liandong.errors import ConfigError

PRIMITIVES = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})


@dataclass
class Field:
    """One field of a record, with what Liandong adds to Avro: unit, pii, and the subject of an encrypted field."""

    name: str
    type: "Node"
    aliases: tuple[str, ...]
    has_default: bool
    default: Any
    unit: str
    pii: str
    subject: str


@dataclass(eq=False)
class Node:
    """One type. `kind` is an Avro type name or "union"; names and aliases are full; `logical` is a logical type."""

    kind: str
    name: str = ""
    aliases: tuple[str, ...] = ()
    fields: list[Field] = field(default_factory=list)
    symbols: tuple[str, ...] = ()
    default: str | None = None
    inner: list["Node"] = field(default_factory=list)
    logical: str = ""
    size: int = 0

    @property
    def label(self) -> str:
        """Return what people call the type: `optional string`, `array of int`, a full name."""
        if self.kind == "union" and len(self.inner) == 2 and self.inner[0].kind == "null":
            return f"optional {self.inner[1].label}"
        if self.kind == "union":
            return "[" + ", ".join(branch.label for branch in self.inner) + "]"
        if self.kind in ("array", "map"):
            return f"{self.kind} of {self.inner[0].label}"
        return self.logical or self.name or self.kind

    def field_called(self, name: str) -> Field | None:
        """Return the record's field of a name."""
        return next((found for found in self.fields if found.name == name), None)


def parse(schema: Any) -> Node:
    """Return the node of a self-contained schema (parsed JSON). Raises ConfigError when it is not Avro."""
    return _Parser().node(schema, "")


def named_within(node: Node) -> Iterator[Node]:
    """Yield every record and enum of a schema once, itself included."""
    seen: set[int] = set()

    def visit(at: Node) -> Iterator[Node]:
        if at.name:
            if id(at) in seen:
                return
            seen.add(id(at))
            yield at
        for inner in (*at.inner, *(f.type for f in at.fields)):
            yield from visit(inner)

    yield from visit(node)


class _Parser:
    def __init__(self) -> None:
        self._named: dict[str, Node] = {}

    def node(self, schema: Any, namespace: str) -> Node:
        if isinstance(schema, list):
            return Node("union", inner=[self.node(branch, namespace) for branch in schema])
        if isinstance(schema, str):
            return self._reference(schema, namespace)
        if not isinstance(schema, dict) or "type" not in schema:
            raise ConfigError(f"{schema!r} is not an Avro schema")
        kind = schema["type"]
        if not isinstance(kind, str):
            return self.node(kind, namespace)
        if kind in ("record", "error", "enum", "fixed"):
            return self._declared(schema, namespace)
        if kind in ("array", "map"):
            inner = schema["items" if kind == "array" else "values"]
            return Node(kind, inner=[self.node(inner, namespace)])
        node = self._reference(kind, namespace)
        return Node(node.kind, logical=_logical(schema)) if kind in PRIMITIVES else node

    def _reference(self, name: str, namespace: str) -> Node:
        if name in PRIMITIVES:
            return Node(name)
        found = self._named.get(_full(name, namespace)) or self._named.get(name)
        if found is None:
            raise ConfigError(f"type {name} is used but not declared in the schema")
        return found

    def _declared(self, schema: dict[str, Any], namespace: str) -> Node:
        name = _full(schema["name"], schema.get("namespace", namespace))
        inner = name.rpartition(".")[0]
        aliases = tuple(_full(alias, inner) for alias in schema.get("aliases", ()))
        kind = "record" if schema["type"] == "error" else schema["type"]
        node = self._named[name] = Node(kind, name, aliases, logical=_logical(schema), size=schema.get("size", 0))
        node.symbols, node.default = tuple(schema.get("symbols", ())), schema.get("default")
        for raw in schema.get("fields", ()):
            node.fields.append(self._field(raw, inner))
        return node

    def _field(self, raw: dict[str, Any], namespace: str) -> Field:
        aliases, default = tuple(raw.get("aliases", ())), raw.get("default")
        type_ = self.node(raw["type"], namespace)
        ours = (str(raw.get(word, "")) for word in ("unit", "pii", "subject"))
        return Field(raw["name"], type_, aliases, "default" in raw, default, *ours)


def _full(name: str, namespace: str) -> str:
    return name if "." in name or not namespace else f"{namespace}.{name}"


def _logical(schema: dict[str, Any]) -> str:
    logical = str(schema.get("logicalType", ""))
    if logical == "decimal":
        return f"decimal({schema.get('precision')},{schema.get('scale', 0)})"
    return logical
