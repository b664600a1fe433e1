"""Confluent framing: magic byte 0, the schema id in four bytes, the Avro body. Any Kafka tool reads it."""

from struct import Struct

from liandong.errors import DecodeError

HEADER_BYTES = 5
_HEADER = Struct(">BI")


def header(schema_id: int) -> bytes:
    """Return the five bytes that stand before a body written with the schema `schema_id`."""
    return _HEADER.pack(0, schema_id)


def schema_id_of(value: bytes | None) -> int:
    """Return the id of the schema that a value was written with. Raises DecodeError (BAD_FRAMING)."""
    if value is None or len(value) < HEADER_BYTES or value[0] != 0:
        raise DecodeError("BAD_FRAMING", _found(value), value)
    return int.from_bytes(value[1:HEADER_BYTES], "big")


def _found(value: bytes | None) -> str:
    if value is None:
        return "no value (a tombstone); magic byte 0 and a schema id are expected"
    start = value[:8].hex(" ") or "nothing"
    return f"{len(value)} bytes that begin with {start}; magic byte 0 and a four-byte schema id are expected"
