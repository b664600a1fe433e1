"""Compiled: turns a plan into straight-line Python functions that write and read exactly that record.

Two to three times as fast as a general reader, because there is no dictionary and no schema in between. This is the
path of every machine without a compiler; it gives and refuses the same as the C half.
"""

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from liandong.wire import primitives as p
from liandong.wire.plan import Node, Plan

READ_ERRORS = (ValueError, IndexError, OverflowError, RecursionError, p.DOUBLE_ERROR)
"""What a body's `decode` raises for bytes that are no such record; both halves raise nothing else."""


class Body(Protocol):
    """Reads and writes the bodies of one schema as one kind of record."""

    def decode(self, raw: bytes, at: int = 0, /) -> Any:
        """Return the record whose body begins at an offset and ends with the bytes. Raises READ_ERRORS."""
        ...

    def decode_many(self, raws: Iterable[bytes | None], at: int = 0, /) -> list[Any]:
        """Return the record of each value, None for None. Raises READ_ERRORS."""
        ...

    def encode(self, record: Any, prefix: bytes = b"", /) -> bytes:
        """Return a prefix and the record's body. Raises TypeError where the schema is another version's."""
        ...


_FAST_SIZE = "n = raw[at]; at += 1\nif n & 129: n, at = size(raw, at - 1)\nelse: n >>= 1"  # one byte, not negative
_READS = {  # node -> statements that read into {v}
    "null": "{v} = None",
    "boolean": "{v} = flags[raw[at]]; at += 1",
    "int": "n = raw[at]; at += 1\nif n > 127: {v}, at = read_int(raw, at - 1)\nelse: {v} = (n >> 1) ^ -(n & 1)",
    "long": "n = raw[at]; at += 1\nif n > 127: {v}, at = read_long(raw, at - 1)\nelse: {v} = (n >> 1) ^ -(n & 1)",
    "long-as-double": "n, at = read_long(raw, at)\n{v} = float(n)",
    "float": "{v} = get_float(raw, at)[0]; at += 4",
    "double": "{v} = get_double(raw, at)[0]; at += 8",
    "time": "{v}, at = read_time(raw, at)",
    "bytes": _FAST_SIZE + "\n{v} = raw[at:at + n]; at += n",
    "string": _FAST_SIZE + "\n{v} = raw[at:at + n].decode(); at += n",
}
_WRITES = {  # node -> expression that writes {v}
    "boolean": "flag_bytes[{v}]",
    "int": "int_({v})",
    "long": "long({v})",
    "float": "put_float({v})",
    "double": "put_double({v})",
    "time": "time({v})",
    "bytes": "octets({v})",
    "string": "text({v})",
}


def _refuse(reason: str) -> None:
    raise ValueError(reason)


def _past(at: int, raw: bytes) -> ValueError:
    return ValueError(f"the record ends at byte {at} of {len(raw)}")


_NAMES: dict[str, Any] = {
    "text": p.write_text,
    "octets": p.write_bytes,
    "int_": p.write_int,
    "long": p.write_long,
    "time": p.write_time,
    "put_double": p.DOUBLE.pack,
    "put_float": p.FLOAT.pack,
    "flag_bytes": {False: b"\0", True: b"\1"},
    "get_double": p.DOUBLE.unpack_from,
    "get_float": p.FLOAT.unpack_from,
    "read_int": p.read_int,
    "read_long": p.read_long,
    "read_time": p.read_time,
    "size": p.read_size,
    "array": p.read_array,
    "map_": p.read_map,
    "flags": (False, True),
    "refuse": _refuse,
    "past": _past,
    "zero": b"\0",
    "join": b"".join,
}


class _Source:
    """Collects the functions of one plan and the names that they use."""

    def __init__(self, plan: Plan) -> None:
        self.nodes = plan.nodes
        self.lines: list[str] = []
        self.names = dict(_NAMES)
        self._done: set[str] = set()

    def keep(self, name: str, value: Any) -> str:
        """Make a value known to the functions and return its name there."""
        self.names[name] = value
        return name

    def function(self, name: str, arguments: str, body: Callable[[], str]) -> str:
        """Write a function, once, and return its name."""
        if name not in self._done:
            self._done.add(name)
            text = body()  # may write other functions first
            self.lines += [f"def {name}({arguments}):", *_indented(text)]
        return name

    def read(self, place: int, v: str) -> str:
        """Return the statements that read a node into `v`."""
        name, *rest = self.nodes[place]
        if name in _READS:
            return _READS[name].format(v=v)
        if name == "fixed":
            return f"{v} = raw[at:at + {rest[0]}]; at += {rest[0]}"
        if name == "refuse":
            return f"{v} = refuse({rest[0]!r})"
        if name == "enum":
            text = f"{_FAST_SIZE}\n{v} = {self.keep(f'members{place}', rest[0])}[n]"
            if None in rest[0]:
                text += f"\nif {v} is None: {v} = {self.keep(f'unknown{place}', rest[2])}(n)"
            return text
        if name == "union":
            return self._read_union(rest[0], v)
        if name == "record":
            return f"{v}, at = {self.function(f'read{place}', 'raw, at', lambda: self._read_record(place))}(raw, at)"
        item = self.function(f"item{place}", "raw, at", lambda: self.read(rest[0], "v") + "\nreturn v, at")
        return f"{v}, at = {'array' if name == 'array' else 'map_'}(raw, at, {item}, {rest[1]})"

    def _read_union(self, branches: tuple[int, ...], v: str) -> str:
        lines = [_FAST_SIZE]
        for number, branch in enumerate(branches):
            lines += [f"{'elif' if number else 'if'} n == {number}:", *_indented(self.read(branch, v))]
        return "\n".join([*lines, "else: refuse(f'no branch {n} in a union')"])

    def fields(self, place: int) -> tuple[list[str], str]:
        """Return the statements that read a record's fields, and the expression of the record."""
        _, record, _, fields = self.nodes[place]
        reads, arguments = [], []
        for number, (name, child) in enumerate(fields):
            reads.append(self.read(child, f"f{number}"))
            if name is not None and record is not None:
                arguments.append(f"{name}=f{number}")
        made = "None" if record is None else f"{self.keep(f'record{place}', record)}({', '.join(arguments)})"
        return reads, made

    def _read_record(self, place: int) -> str:
        reads, made = self.fields(place)
        return "\n".join([*reads, f"return {made}, at"])

    def write(self, place: int, v: str) -> str:
        """Return the expression that writes `v` by a node."""
        name, *rest = self.nodes[place]
        if name in _WRITES:
            return _WRITES[name].format(v=v)
        if name == "record":
            body = lambda: f"return join(({', '.join([*self.pieces(place), ''])}))"  # noqa: E731
            return f"{self.function(f'write{place}', 'v', body)}({v})"
        if name == "enum":
            codes = {symbol: p.write_long(position) for symbol, position in rest[1].items()}
            return f"{self.keep(f'codes{place}', codes)}[{v}]"
        if name == "union":
            null, some = (0, 1) if self.nodes[rest[0][0]][0] == "null" else (1, 0)
            there = f"{p.write_long(some)!r} + {self.write(rest[0][some], v)}"
            return f"({p.write_long(null)!r} if {v} is None else {there})"
        item = self.write(rest[0], "i")
        many = f"[{item} for i in {v}]" if name == "array" else f"[text(k) + {item} for k, i in {v}.items()]"
        return f"(long(len({v})) + join({many}) + zero if {v} else zero)"

    def pieces(self, place: int) -> list[str]:
        """Return the expressions that write a record's fields."""
        return [self.write(child, f"v.{name}") for name, child in self.nodes[place][3]]


def _indented(text: str) -> list[str]:
    return [f"    {line}" for line in text.splitlines()]


class CompiledBody:
    """A body in Python. `decode` and `encode` are the functions of one plan."""

    __slots__ = ("decode", "encode")

    def __init__(self, decode: Callable[..., Any], encode: Callable[..., bytes]) -> None:
        self.decode = decode
        self.encode = encode

    def decode_many(self, raws: Iterable[bytes | None], at: int = 0, /) -> list[Any]:
        """Return the record of each value, None for None. Raises READ_ERRORS."""
        decode = self.decode
        return [None if raw is None else decode(raw, at) for raw in raws]


def _reads_only(record: Any, prefix: bytes = b"") -> bytes:
    raise TypeError("another version's schema is for reading only")


def compiled(plan: Plan) -> Body:
    """Return the functions of a plan."""
    source = _Source(plan)
    reads, made = source.fields(0)
    end = "if at != len(raw): raise past(at, raw)"
    source.function("decode", "raw, at=0, /", lambda: "\n".join([*reads, end, f"return {made}"]))
    if plan.writes:
        source.function(
            "encode", "v, prefix=b'', /", lambda: f"return join((prefix, {', '.join([*source.pieces(0), ''])}))"
        )
    first: Node = plan.nodes[0]
    label = getattr(first[1], "FULL_NAME", "record")
    exec(compile("\n".join(source.lines), f"<{label}>", "exec"), source.names)
    return CompiledBody(source.names["decode"], source.names.get("encode", _reads_only))
