"""The frame of GB/T 26875.3: `@@`, control unit, application data, sum, `##`. Application data are read in body.py."""

from datetime import datetime
from typing import NamedTuple

from cityframes import crc
from cityframes.bcd import SHANGHAI
from cityframes.result import ErrorKind, FrameError
from cityframes.tolerances import defaults

START = b"@@"
TAIL = b"##"
HEADER = 27  # up to and including the command
AROUND = 30
MAX_DATA = 1024
MAX_FRAME = AROUND + MAX_DATA
DEFAULTS = defaults("gb26875")
CONTROL, DATA, CONFIRM, REQUEST, RESPONSE, DENY = range(1, 7)


class Frame(NamedTuple):
    """One frame whose sum holds. Addresses are numbers of 48 bits; `time` is None when the label is empty."""

    serial: int
    version: tuple[int, int]
    time: datetime | None
    source: int
    destination: int
    command: int
    data: bytes
    raw: bytes

    @property
    def station(self) -> str:
        """Return the source address as twelve hexadecimal digits, highest first."""
        return f"{self.source:012X}"


def declared_size(header: bytes) -> int | None:
    """Return the size of the frame that these 27 bytes announce; None when they cannot begin a frame."""
    size = int.from_bytes(header[24:26], "little")
    return AROUND + size if size <= MAX_DATA else None


def sender(raw: bytes) -> str | None:
    """Return the source address that broken bytes still carry."""
    return f"{int.from_bytes(raw[12:18], 'little'):012X}" if len(raw) >= 18 else None


def moment(raw: bytes, tolerances: frozenset[str] = DEFAULTS) -> datetime | None:
    """Return six bytes (second, minute, hour, day, month, year - 2000) as Shanghai time.

    None when all are zero and that is tolerated; ValueError for bytes that are no time.
    """
    if raw == bytes(6) and "zero_time" in tolerances:
        return None
    second, minute, hour, day, month, year = raw
    return datetime(2000 + year, month, day, hour, minute, second, tzinfo=SHANGHAI)


def decode(raw: bytes, tolerances: frozenset[str] = DEFAULTS) -> Frame | FrameError:
    """Read one whole frame."""
    if not raw.startswith(START):
        return FrameError(ErrorKind.UNDECODABLE, "does not begin with 40 40", raw)
    if len(raw) < AROUND:
        return FrameError(ErrorKind.BAD_LENGTH, f"{len(raw)} bytes, the shortest frame has {AROUND}", raw, sender(raw))
    size = int.from_bytes(raw[24:26], "little")
    if size > MAX_DATA or AROUND + size != len(raw):
        text = f"announces {size} bytes of data, has {len(raw) - AROUND}; at most {MAX_DATA} are allowed"
        return FrameError(ErrorKind.BAD_LENGTH, text, raw, sender(raw))
    if not raw.endswith(TAIL):
        return FrameError(ErrorKind.BAD_TAIL, f"ends with {raw[-2:].hex(' ')} instead of 23 23", raw, sender(raw))
    computed = crc.gb26875(raw[2:-3])
    if computed != raw[-3]:
        text = f"check sum {raw[-3]:02X}, computed {computed:02X}"
        return FrameError(ErrorKind.BAD_CHECKSUM, text, raw, sender(raw))
    try:
        label = moment(raw[6:12], tolerances)
    except ValueError as error:
        text = f"time label {raw[6:12].hex(' ')}: {error}"
        return FrameError(ErrorKind.UNDECODABLE, text, raw, sender(raw))
    return Frame(
        int.from_bytes(raw[2:4], "little"), (raw[4], raw[5]), label, int.from_bytes(raw[12:18], "little"),
        int.from_bytes(raw[18:24], "little"), raw[26], raw[27:-3], raw,
    )  # fmt: skip
