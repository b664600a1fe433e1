"""The envelope of SL 651 frames in HEX/BCD form: start, addresses, length, end, check sum. Bodies are not read here."""

from enum import IntEnum
from typing import NamedTuple

from cityframes import crc
from cityframes.result import ErrorKind, FrameError
from cityframes.tolerances import defaults

START = b"\x7e\x7e"
STX = 0x02
SYN = 0x16
HEADER = 14  # bytes up to and including the start character
AROUND = 17  # all bytes but the body
MAX_BODY = 0xFFF
MAX_FRAME = AROUND + MAX_BODY


class End(IntEnum):
    """End characters; ETX and ETB are sent by stations, the others by the centre."""

    ETX = 0x03
    EOT = 0x04
    ENQ = 0x05
    ACK = 0x06
    NAK = 0x15
    ETB = 0x17
    ESC = 0x1B


UP_ENDS = frozenset({End.ETX, End.ETB})
DOWN_ENDS = frozenset({End.ENQ, End.ACK, End.NAK, End.EOT, End.ESC})
DEFAULTS = defaults("sl651")
_ENDS: dict[int, End] = {int(end): end for end in End}


class Packet(NamedTuple):
    """Place of a frame in a message of several packets (M3): 1-based `sequence` of `total`."""

    total: int
    sequence: int


class Frame(NamedTuple):
    """One frame whose check sum holds. `body` is without the packet count; `station` are ten hexadecimal digits."""

    uplink: bool
    centre: int
    station: str
    password: str
    function: int
    body: bytes
    end: End
    packet: Packet | None
    raw: bytes


def declared_size(header: bytes) -> int | None:
    """Return the size of the frame that these 14 bytes announce; None when they cannot begin a frame."""
    direction = header[11] >> 4
    if direction not in (0, 8) or header[13] not in (STX, SYN):
        return None
    size = AROUND + ((header[11] & 0x0F) << 8) + header[12]
    return None if header[13] == SYN and size < AROUND + 3 else size


def decode(raw: bytes, tolerances: frozenset[str] = DEFAULTS) -> Frame | FrameError:
    """Read one whole frame."""
    if not raw.startswith(START):
        return FrameError(ErrorKind.UNDECODABLE, "does not begin with 7E7E", raw)
    if len(raw) < AROUND:
        return FrameError(ErrorKind.BAD_LENGTH, f"{len(raw)} bytes, the shortest frame has {AROUND}", raw)
    if raw[11] >> 4 not in (0, 8):
        return FrameError(ErrorKind.UNDECODABLE, f"direction {raw[11] >> 4:X} is neither up (0) nor down (8)", raw)
    size = AROUND + ((raw[11] & 0x0F) << 8) + raw[12]
    if len(raw) == size + 1 and raw[-1] == START[0] and "trailing_start" in tolerances:
        raw = raw[:-1]
    if size != len(raw):
        text = f"announces {size} bytes, has {len(raw)}"
        return FrameError(ErrorKind.BAD_LENGTH, text, raw, station_of(raw, raw[11] < 0x80))
    uplink = raw[11] < 0x80
    found, sent = crc.modbus(raw[:-2]), int.from_bytes(raw[-2:])
    end = _ENDS.get(raw[-3])
    if end is None or (uplink and end in DOWN_ENDS and "uplink_end" not in tolerances):
        return FrameError(
            ErrorKind.BAD_TAIL, f"{raw[-3]:02X} is no end character of this direction", raw, station_of(raw, uplink)
        )
    if found != sent:
        text = f"check sum {sent:04X}, computed {found:04X}"
        return FrameError(ErrorKind.BAD_CHECKSUM, text, raw, station_of(raw, uplink))
    return _open(raw, uplink, end)


def station_of(raw: bytes, uplink: bool) -> str:
    """Return the station address that a frame's bytes carry, right or not."""
    return (raw[3:8] if uplink else raw[2:7]).hex().upper()


def _open(raw: bytes, uplink: bool, end: End) -> Frame | FrameError:
    """Take a frame apart whose frame bytes are right."""
    station = station_of(raw, uplink)
    body, packet = raw[HEADER:-3], None
    if raw[13] == SYN:
        if len(body) < 3:
            return FrameError(ErrorKind.BAD_LENGTH, "a packet without its packet count", raw, station)
        packet = Packet(int.from_bytes(body[:3]) >> 12, int.from_bytes(body[:3]) & 0xFFF)
        body = body[3:]
        if not 1 <= packet.sequence <= packet.total:
            return FrameError(ErrorKind.UNDECODABLE, f"packet {packet.sequence} of {packet.total}", raw, station)
    elif raw[13] != STX:
        return FrameError(ErrorKind.UNDECODABLE, f"start character {raw[13]:02X}, expected 02 or 16", raw, station)
    centre = raw[2] if uplink else raw[7]
    return Frame(uplink, centre, station, raw[8:10].hex().upper(), raw[10], body, end, packet, raw)


def build(
    *,
    uplink: bool,
    centre: int,
    station: str,
    password: str,
    function: int,
    body: bytes,
    end: End,
    packet: Packet | None = None,
) -> bytes:
    """Return one frame; ValueError when a part does not fit the protocol."""
    place, secret = bytes.fromhex(station), bytes.fromhex(password)
    if len(place) != 5 or len(secret) != 2:
        raise ValueError(f"station {station} must have ten and password {password} four hexadecimal digits")
    if end not in (UP_ENDS if uplink else DOWN_ENDS):
        raise ValueError(f"{end.name} does not end {'an uplink' if uplink else 'a downlink'} frame")
    count = b""
    if packet is not None:
        if not 1 <= packet.sequence <= packet.total <= 0xFFF:
            raise ValueError(f"packet {packet.sequence} of {packet.total}")
        count = (packet.total << 12 | packet.sequence).to_bytes(3)
    inner = count + body
    if len(inner) > MAX_BODY:
        raise ValueError(f"a body of {len(inner)} bytes; {MAX_BODY} fit into one frame: send packets")
    address = bytes([centre]) + place if uplink else place + bytes([centre])
    length = (0 if uplink else 0x8000) | len(inner)
    start = bytes([STX if packet is None else SYN])
    head = START + address + secret + bytes([function]) + length.to_bytes(2) + start
    text = head + inner + bytes([end])
    return text + crc.modbus(text).to_bytes(2)
