"""Avro's primitive encodings in plain Python, for code on the hot path. No schemas here."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from struct import Struct
from typing import Any, Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MS: Final = timedelta(milliseconds=1)
DOUBLE: Final = Struct("<d")
FLOAT: Final = Struct("<f")
_LEAST, _MOST = -(1 << 63), (1 << 63) - 1


def _zigzag(value: int) -> bytes:
    if not _LEAST <= value <= _MOST:
        raise OverflowError(f"{value} does not fit into 64 bits")
    value = value << 1 if value >= 0 else (~value << 1) | 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


_SMALL = [_zigzag(n) for n in range(4096)]


def write_long(value: int) -> bytes:
    """Return an int or long."""
    return _SMALL[value] if 0 <= value < 4096 else _zigzag(value)


def write_text(value: str) -> bytes:
    """Return a string."""
    raw = value.encode()
    return write_long(len(raw)) + raw


def write_bytes(value: bytes) -> bytes:
    """Return a byte string."""
    return write_long(len(value)) + value


def write_time(value: datetime) -> bytes:
    """Return a timestamp-millis, cut to milliseconds. Raises TypeError for a time without a zone."""
    return write_long((value - EPOCH) // MS)


def read_long(raw: bytes, at: int) -> tuple[int, int]:
    """Return an int or long and where the next item begins. Raises IndexError at the end of `raw`."""
    shift = value = 0
    while True:
        byte = raw[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1), at
        shift += 7


def read_size(raw: bytes, at: int) -> tuple[int, int]:
    """Return a length or an index, which must not be negative, and where the next item begins."""
    size, at = read_long(raw, at)
    if size < 0:
        raise ValueError(f"negative length {size}")
    return size, at


def read_count(raw: bytes, at: int) -> tuple[int, int]:
    """Return the item count of the next block of an array or map, 0 at its end."""
    count, at = read_long(raw, at)
    if count < 0:  # some writers add the block's size in bytes
        _, at = read_long(raw, at)
        count = -count
    return count, at


def read_map(raw: bytes, at: int, value_of: Callable[[bytes, int], tuple[Any, int]]) -> tuple[dict[str, Any], int]:
    """Return a map whose values `value_of` reads."""
    values: dict[str, Any] = {}
    while True:
        count, at = read_count(raw, at)
        if count == 0:
            return values, at
        for _ in range(count):
            size, at = read_size(raw, at)
            key = raw[at : at + size].decode()
            values[key], at = value_of(raw, at + size)


def read_array(raw: bytes, at: int, item_of: Callable[[bytes, int], tuple[Any, int]]) -> tuple[tuple[Any, ...], int]:
    """Return an array whose items `item_of` reads."""
    count, at = read_count(raw, at)
    if count == 0:
        return (), at
    items: list[Any] = []
    while count:
        for _ in range(count):
            item, at = item_of(raw, at)
            items.append(item)
        count, at = read_count(raw, at)
    return tuple(items), at
