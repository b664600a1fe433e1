"""Avro's primitive encodings in plain Python, for code on the hot path. No schemas here.

Nothing in the bytes is trusted: a number has at most 64 bits, a length is not negative, a block has no more items than
bytes left. Readers raise IndexError, ValueError (with UnicodeDecodeError), OverflowError or struct.error for garbage.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from struct import Struct, error
from typing import Any, Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MS: Final = timedelta(milliseconds=1)
DOUBLE: Final = Struct("<d")
FLOAT: Final = Struct("<f")
DOUBLE_ERROR: Final = error
_LEAST, _MOST = -(1 << 63), (1 << 63) - 1


def _zigzag(value: int) -> bytes:
    if not _LEAST <= value <= _MOST:
        raise OverflowError(f"{value} does not fit into 64 bits")
    value = value << 1 if value >= 0 else (~value << 1) | 1
    if 1 << 35 <= value < 1 << 42:  # six bytes: every time from 1971 to 2039
        return bytes(
            (
                value & 127 | 128,
                value >> 7 & 127 | 128,
                value >> 14 & 127 | 128,
                value >> 21 & 127 | 128,
                value >> 28 & 127 | 128,
                value >> 35,
            )
        )
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


_SMALL = [_zigzag(n) for n in range(4096)]


def write_long(value: int) -> bytes:
    """Return a long."""
    return _SMALL[value] if 0 <= value < 4096 else _zigzag(value)


def write_int(value: int) -> bytes:
    """Return an int."""
    if not -0x80000000 <= value <= 0x7FFFFFFF:
        raise OverflowError(f"{value} does not fit into 32 bits")
    return write_long(value)


def write_text(value: str) -> bytes:
    """Return a string."""
    raw = value.encode()
    size = len(raw)
    return _SMALL[size] + raw if size < 4096 else _zigzag(size) + raw


def write_bytes(value: bytes) -> bytes:
    """Return a byte string."""
    return write_long(len(value)) + value


def milliseconds_of(value: datetime) -> int:
    """Return the milliseconds since 1970, cut. Raises TypeError for a time without a zone."""
    return (value - EPOCH) // MS


def write_time(value: datetime) -> bytes:
    """Return a timestamp-millis, cut to milliseconds. Raises TypeError for a time without a zone."""
    return _zigzag((value - EPOCH) // MS)


def read_long(raw: bytes, at: int) -> tuple[int, int]:
    """Return a long and where the next item begins."""
    shift = value = 0
    while True:
        byte = raw[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value > 0xFFFF_FFFF_FFFF_FFFF:
                break
            return (value >> 1) ^ -(value & 1), at
        shift += 7
        if shift > 63:
            break
    raise ValueError(f"a number of more than 64 bits at byte {at}")


def read_int(raw: bytes, at: int) -> tuple[int, int]:
    """Return an int and where the next item begins."""
    value, at = read_long(raw, at)
    if not -0x80000000 <= value <= 0x7FFFFFFF:
        raise ValueError(f"an int of more than 32 bits at byte {at}")
    return value, at


def read_time(raw: bytes, at: int) -> tuple[datetime, int]:
    """Return a timestamp-millis and where the next item begins."""
    value = int.from_bytes(raw[at : at + 6], "little")
    if value & 0x8080_8080_8081 != 0x80_8080_8080:  # not six bytes, or before 1970
        value, at = read_long(raw, at)
        return EPOCH + value * MS, at
    value = (  # the seven bits of each byte, less the sign
        value >> 1 & 63
        | value >> 2 & 127 << 6
        | value >> 3 & 127 << 13
        | value >> 4 & 127 << 20
        | value >> 5 & 127 << 27
        | value >> 6 & 127 << 34
    )
    return EPOCH + value * MS, at + 6


def read_size(raw: bytes, at: int) -> tuple[int, int]:
    """Return a length or an index, which must not be negative, and where the next item begins."""
    size, at = read_long(raw, at)
    if size < 0:
        raise ValueError(f"negative length {size}")
    return size, at


def read_count(raw: bytes, at: int, least: int) -> tuple[int, int]:
    """Return the item count of the next block of an array or map, 0 at its end; an item takes `least` bytes or more."""
    count, at = read_long(raw, at)
    if count < 0:  # some writers add the block's size in bytes
        size, at = read_size(raw, at)
        count = -count
        if size > len(raw) - at:
            raise ValueError(f"a block of {size} bytes at byte {at} of {len(raw)}")
    if count * least > len(raw) - at:
        raise ValueError(f"{count} items at byte {at} of {len(raw)}")
    return count, at


def read_map(
    raw: bytes, at: int, value_of: Callable[[bytes, int], tuple[Any, int]], least: int
) -> tuple[dict[str, Any], int]:
    """Return a map whose values `value_of` reads."""
    values: dict[str, Any] = {}
    while True:
        count, at = read_count(raw, at, least)
        if count == 0:
            return values, at
        for _ in range(count):
            size, at = read_size(raw, at)
            key = raw[at : at + size].decode()
            values[key], at = value_of(raw, at + size)


def read_array(
    raw: bytes, at: int, item_of: Callable[[bytes, int], tuple[Any, int]], least: int
) -> tuple[tuple[Any, ...], int]:
    """Return an array whose items `item_of` reads."""
    count, at = read_count(raw, at, least)
    if count == 0:
        return (), at
    items: list[Any] = []
    while count:
        for _ in range(count):
            item, at = item_of(raw, at)
            items.append(item)
        count, at = read_count(raw, at, least)
    return tuple(items), at
