"""What was already recorded of one metric: times and values, two to four bytes each. Appending decodes nothing.

Two pages of up to `policy.REMEMBERED` entries: when the newer is full it becomes the older one, and the older one is
forgotten. So between one and two pages are remembered. An entry is the difference to the one before it, in seconds and
thousandths; what does not fit that (parts of a second, more decimals) is kept exactly, in more bytes. A value may be
missing. For one time the last entry holds.
"""

import struct
from collections.abc import Iterator
from typing import Final

from sensing_service.domain import policy

_HEAD: Final = struct.Struct(
    "<qqHH"
)  # time and value of the newest entry, entries in the newer page, older page's size
_EXACT: Final = struct.Struct("<d")
_THOUSAND: Final = 1000
_SCALED, _RAW, _MISSING = 0, 1, 2
_LARGEST: Final = 1 << 52  # thousandths beyond this are not exact in a double


def remember(seen: bytes, at_ms: int, value: float | None, page: int = policy.REMEMBERED) -> bytes:
    """Return the memory with one more entry."""
    last_ms, last_value, count, older = _HEAD.unpack_from(seen) if seen else (0, 0, 0, 0)
    pages = seen[_HEAD.size :]
    if count >= page:
        pages, older = pages[older:], len(pages) - older
        last_ms, last_value, count = 0, 0, 0
    entry, last_value = _packed(at_ms - last_ms, value, last_value)
    return _HEAD.pack(at_ms, last_value, count + 1, older) + pages + entry


def recall(seen: bytes) -> dict[int, float | None]:
    """Return time (epoch milliseconds) -> value of everything remembered."""
    if not seen:
        return {}
    older = _HEAD.unpack_from(seen)[3]
    pages = seen[_HEAD.size :]
    found = dict(_entries(pages[:older]))
    for at_ms, value in _entries(pages[older:]):
        found[at_ms] = value
    return found


def _packed(delta_ms: int, value: float | None, last: int) -> tuple[bytes, int]:
    """Return one entry, and the thousandths that the next one differs from."""
    seconds, rest = divmod(delta_ms, 1000)
    time = _zigzag(delta_ms) << 1 | 1 if rest else _zigzag(seconds) << 1
    if value is None:
        return _varint(time) + _varint(_MISSING), last
    scaled = round(value * _THOUSAND) if abs(value) < _LARGEST / _THOUSAND else _LARGEST
    if scaled == _LARGEST or scaled / _THOUSAND != value:
        return _varint(time) + _varint(_RAW) + _EXACT.pack(value), last
    return _varint(time) + _varint(_zigzag(scaled - last) << 2 | _SCALED), scaled


def _entries(page: bytes) -> Iterator[tuple[int, float | None]]:
    at, at_ms, last = 0, 0, 0
    while at < len(page):
        time, at = _read(page, at)
        delta = _unzigzag(time >> 1)
        at_ms += delta if time & 1 else delta * 1000
        token, at = _read(page, at)
        kind = token & 3
        if kind == _SCALED:
            last += _unzigzag(token >> 2)
            yield at_ms, last / _THOUSAND
        elif kind == _RAW:
            yield at_ms, _EXACT.unpack_from(page, at)[0]
            at += _EXACT.size
        else:
            yield at_ms, None


def _zigzag(number: int) -> int:
    return number << 1 if number >= 0 else (-number << 1) - 1


def _unzigzag(number: int) -> int:
    return -(number + 1 >> 1) if number & 1 else number >> 1


def _varint(number: int) -> bytes:
    if number < 0x80:
        return bytes((number,))
    parts = bytearray()
    while number >= 0x80:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    parts.append(number)
    return bytes(parts)


def _read(page: bytes, at: int) -> tuple[int, int]:
    byte = page[at]
    if byte < 0x80:
        return byte, at + 1
    number, shift = byte & 0x7F, 7
    while True:
        at += 1
        byte = page[at]
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at + 1
        shift += 7
