"""What tests put in the place of a registry and of RocksDB: plain frames, and a dictionary."""

from collections.abc import Iterator, Sequence

import msgspec
from liandong_contracts.base import Record

from liandong.errors import DecodeError
from liandong.stream.tables import Change


class MemoryCodec:
    """Frames hand-made records without schemas; values are checked against the record's types.

    Processes that share a topic must be given the same `types` in the same order.
    """

    def __init__(self, types: Sequence[type[Record]] = ()) -> None:
        self._types: list[type[Record]] = list(types)

    def encode(self, topic: str, record: Record) -> bytes:
        """Return framed bytes of a record."""
        kind = type(record)
        if kind not in self._types:
            self._types.append(kind)
        value = b"\0" + self._types.index(kind).to_bytes(4, "big") + msgspec.msgpack.encode(record)
        self.decode(value)
        return value

    def decode(self, value: bytes) -> Record:
        """Return the record of framed bytes."""
        kind = self.type_of(value)
        try:
            return msgspec.msgpack.decode(value[5:], type=kind)
        except msgspec.MsgspecError as error:
            raise DecodeError("UNDECODABLE", str(error)) from error

    def type_of(self, value: bytes) -> type[Record]:
        """Return the record type of framed bytes."""
        number = int.from_bytes(value[1:5], "big")
        if len(value) < 5 or value[0] != 0 or number >= len(self._types):
            raise DecodeError("BAD_FRAMING", f"{len(value)} bytes are no framed record")
        return self._types[number]


class DictStore:
    """Committed envelopes in a dictionary."""

    def __init__(self) -> None:
        self._cells: dict[bytes, bytes] = {}

    def get(self, key: bytes) -> bytes | None:
        """Return the packed envelope of a key."""
        return self._cells.get(key)

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """Return all keys and packed envelopes."""
        return iter(list(self._cells.items()))

    def apply(self, changes: list[Change]) -> None:
        """Write the changes of one transaction."""
        for key, value in changes:
            if value is None:
                self._cells.pop(key, None)
            else:
                self._cells[key] = value
