"""Building of SZY 206 frames: self-reports as terminals send them, and the answers and queries of a centre."""

from collections.abc import Sequence
from decimal import Decimal

from cityframes import bcd
from cityframes.szy206.body import TimeLabel
from cityframes.szy206.frame import Frame, build
from cityframes.szy206.tables import FUNCTIONS, Field

_SIGNS = {"sign": 0x80, "flow": 0xC0}
_SELF_REPORT, _QUERY = 0xC0, 0xB0


def value(number: Decimal | float | None, field: Field, direction: int = 0) -> bytes:
    """Return one value as little-endian BCD; None as "not measured". ValueError when it does not fit."""
    if number is None:
        return b"\xaa" * field.size
    scaled = round(number * 10**field.decimals)
    raw = bytearray(bcd.pack(abs(scaled), field.size))
    if field.form != "plain" and raw[0] > (0x79 if field.form == "sign" else 0x09):
        raise ValueError(f"{number} does not fit into {field.size} bytes beside its {field.form}")
    if field.form in _SIGNS and scaled < 0:
        raw[0] |= _SIGNS[field.form]
    elif scaled < 0:
        raise ValueError(f"{field.metric} cannot be negative")
    if field.form == "wind":
        raw[0] |= direction << 4
    return bytes(raw[::-1])


def label(time: TimeLabel) -> bytes:
    """Return a time label as five bytes, as seven when it has month and year."""
    parts = [time.second, time.minute, time.hour, time.day]
    if time.month is not None and time.year is not None:
        parts += [time.month, time.year - 2000]
    return b"".join(bcd.pack(part, 1) for part in parts) + bytes([time.delay])


def self_report(
    *,
    station: str,
    function: int,
    values: Sequence[Decimal | float | None],
    alarm: int = 0,
    state: int = 0,
    time: TimeLabel | None = None,
    afn: int = _SELF_REPORT,
    fcb: int = 3,
) -> bytes:
    """Return a report of values in the order of the function's layout, repeated for further channels."""
    layout = FUNCTIONS[function].layout
    if not layout or not values or len(values) % len(layout):
        raise ValueError(f"function {function} takes groups of {len(layout)} values, {len(values)} are given")
    data = b"".join(value(number, layout[at % len(layout)]) for at, number in enumerate(values))
    data += alarm.to_bytes(2, "little") + state.to_bytes(2, "little") + (label(time) if time else b"")
    return build(uplink=True, function=function, station=station, afn=afn, data=data, fcb=fcb)


def confirm(frame: Frame) -> bytes:
    """Return the centre's acknowledgement: the frame's control without direction, its address and function, one 00."""
    return build(
        uplink=False, function=frame.function, station=frame.station, afn=frame.afn, data=b"\x00", fcb=frame.fcb,
        divs=frame.divs,
    )  # fmt: skip


def query(*, station: str, function: int, password: bytes = b"", time: TimeLabel | None = None) -> bytes:
    """Return the centre's query of present values; password and time label follow where the terminal wants them."""
    data = password + (label(time) if time else b"")
    return build(uplink=False, function=function, station=station, afn=_QUERY, data=data)
