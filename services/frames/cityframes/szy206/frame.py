"""The frame of SZY 206: `68 L 68`, control, address, function, data, CRC-8, `16`. Data are read in body.py."""

from typing import NamedTuple

from cityframes import crc
from cityframes.result import ErrorKind, FrameError
from cityframes.tolerances import defaults

START = b"\x68"
TAIL = 0x16
HEADER = 3
AROUND = 5  # bytes that L does not count
MIN_LENGTH = 7  # control, address, function
IMAGE = 0x61
MAX_IMAGE = 4096  # bytes of a picture in one frame; 1,024 are seen
_IMAGE_LENGTH = 1  # what L is when a picture frame gives its length behind the function code
DEFAULTS = defaults("szy206")


class Frame(NamedTuple):
    """One frame whose check sum holds. `divs` counts down to 1 in a split message, None in a whole one."""

    uplink: bool
    fcb: int
    function: int
    divs: int | None
    station: str
    afn: int
    data: bytes
    raw: bytes


def declared_size(header: bytes) -> int | None:
    """Return the size of the frame that these bytes announce; 0: more are needed; None: they can begin no frame."""
    if header[2] != START[0]:
        return None
    if header[1] != _IMAGE_LENGTH:
        return AROUND + header[1] if header[1] >= MIN_LENGTH else None
    if len(header) < 4:
        return 0
    at = 3 + _head(header)
    if len(header) < at + 2:
        return 0
    if header[at - 1] != IMAGE:
        return None
    size = int.from_bytes(header[at : at + 2], "little")
    return at + 2 + size + 2 if size <= MAX_IMAGE else None


def _head(raw: bytes) -> int:
    """Return the bytes from the control byte to the function code."""
    return 8 if raw[3] & 0x40 else 7


def sender(raw: bytes) -> str | None:
    """Return the address that broken bytes still carry."""
    at = 3 + _head(raw) - 6 if len(raw) > 3 else 0
    return raw[at : at + 5].hex().upper() if at and len(raw) >= at + 5 else None


def decode(raw: bytes, tolerances: frozenset[str] = DEFAULTS) -> Frame | FrameError:
    """Read one whole frame."""
    if len(raw) < HEADER or raw[0] != START[0] or raw[2] != START[0]:
        return FrameError(ErrorKind.UNDECODABLE, "does not begin with 68 L 68", raw)
    size = declared_size(raw)
    if not size or (raw[1] == _IMAGE_LENGTH and "image_length" not in tolerances):
        return FrameError(ErrorKind.BAD_LENGTH, f"L is {raw[1]}, {len(raw)} bytes are there", raw, sender(raw))
    if size != len(raw):
        return FrameError(ErrorKind.BAD_LENGTH, f"announces {size} bytes, has {len(raw)}", raw, sender(raw))
    head = _head(raw)
    if size < HEADER + head + 2:
        return FrameError(ErrorKind.BAD_LENGTH, f"L is {raw[1]}, a split frame has at least 8", raw, sender(raw))
    if raw[-1] != TAIL:
        return FrameError(ErrorKind.BAD_TAIL, f"ends with {raw[-1]:02X} instead of 16", raw, sender(raw))
    computed = crc.szy206(raw[3:-2])
    if computed != raw[-2]:
        text = f"check sum {raw[-2]:02X}, computed {computed:02X}"
        return FrameError(ErrorKind.BAD_CHECKSUM, text, raw, sender(raw))
    at = HEADER + head
    data = raw[at + 2 : -2] if raw[1] == _IMAGE_LENGTH else raw[at:-2]
    control = raw[3]
    divs = raw[4] if control & 0x40 else None
    if divs == 0:
        return FrameError(ErrorKind.UNDECODABLE, "the count of a split frame is 0", raw, sender(raw))
    station = raw[at - 6 : at - 1].hex().upper()
    return Frame(bool(control & 0x80), control >> 4 & 3, control & 15, divs, station, raw[at - 1], data, raw)


def build(
    *,
    uplink: bool,
    function: int,
    station: str,
    afn: int,
    data: bytes = b"",
    fcb: int = 3,
    divs: int | None = None,
) -> bytes:
    """Return one frame; long picture data take the two-byte length. ValueError when a part does not fit."""
    place = bytes.fromhex(station)
    if len(place) != 5 or not 0 <= function <= 15 or not 0 <= fcb <= 3:
        raise ValueError(
            f"station {station} must have ten digits, function {function} and FCB {fcb} fit four, two bits"
        )
    if divs is not None and not 1 <= divs <= 255:
        raise ValueError(f"count {divs} of a split frame is not 1 to 255")
    control = (0x80 if uplink else 0) | (0x40 if divs is not None else 0) | fcb << 4 | function
    count = b"" if divs is None else bytes([divs])
    head = bytes([control]) + count + place + bytes([afn])
    if len(head) + len(data) <= 0xFF:
        text, length = head + data, len(head) + len(data)
    elif afn == IMAGE and len(data) <= MAX_IMAGE:
        text, length = head + len(data).to_bytes(2, "little") + data, _IMAGE_LENGTH
    else:
        raise ValueError(f"data of {len(data)} bytes do not fit into one frame")
    return bytes([START[0], length, START[0]]) + text + bytes([crc.szy206(text), TAIL])
