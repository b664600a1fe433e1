"""Building of SL 651 frames: reports as stations send them (simulators, tests) and the answers of a centre."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal

from cityframes import bcd
from cityframes.sl651.frame import End, Frame, Packet, build
from cityframes.sl651.tables import ELEMENTS

Number = float | Decimal
Value = Number | None | Sequence[Number | None]
Group = tuple[datetime | None, Iterable[tuple[int, Value]]]
_DECIMALS_IN_DEF = 3  # low bits of the definition byte


def uplink(
    *,
    station: str,
    function: int,
    body: bytes,
    centre: int = 1,
    password: str = "0000",
    end: End = End.ETX,
    packet: Packet | None = None,
) -> bytes:
    """Return one frame from a station to the centre."""
    return build(
        uplink=True,
        centre=centre,
        station=station,
        password=password,
        function=function,
        body=body,
        end=end,
        packet=packet,
    )


def answer(frame: Frame, at: datetime, end: End) -> bytes:
    """Return the centre's answer to an uplink frame: its serial number, the centre's time, and `end` as the verdict."""
    return build(
        uplink=False,
        centre=frame.centre,
        station=frame.station,
        password=frame.password,
        function=frame.function,
        body=frame.body[:2] + bcd.pack_time(at, seconds=True),
        end=end,
    )


def confirm(frame: Frame, at: datetime) -> bytes:
    """Return the confirmation that lets the station forget the report and stay on line."""
    return answer(frame, at, End.ESC)


def command(
    *, station: str, function: int, at: datetime, centre: int = 1, password: str = "0000", arguments: bytes = b""
) -> bytes:
    """Return a centre's query or command: serial number 0, its time, and the arguments as the function wants them."""
    return build(
        uplink=False,
        centre=centre,
        station=station,
        password=password,
        function=function,
        body=link_body(0, at) + arguments,
        end=End.ENQ,
    )


def link_body(serial: int, sent_at: datetime) -> bytes:
    """Return the body of a heartbeat (2F)."""
    return serial.to_bytes(2) + bcd.pack_time(sent_at, seconds=True)


def report_body(serial: int, sent_at: datetime, station: str, station_class: int, groups: Iterable[Group]) -> bytes:
    """Return the body of a report: groups of (observation time, [(element id, value), ...]).

    A sequence of twelve values belongs to F4..FC; None is sent as "not measured" (all F).
    """
    parts = [link_body(serial, sent_at), b"\xf1\xf1", bytes.fromhex(station), bytes([station_class])]
    for observed_at, elements in groups:
        if observed_at is not None:
            parts += [b"\xf0\xf0", bcd.pack_time(observed_at, seconds=False)]
        parts += [element(number, value) for number, value in elements]
    return b"".join(parts)


def element(number: int, value: Value) -> bytes:
    """Return identifier, definition and value of one element of the table."""
    known = ELEMENTS[number]
    if number >= 0xF4:
        return _series(number, value)
    if isinstance(value, Sequence):
        raise ValueError(f"element {known.id} takes one value")
    if value is None:
        return bytes([number, known.size << _DECIMALS_IN_DEF | known.decimals]) + b"\xff" * known.size
    scaled = round(value * 10**known.decimals)
    size = known.size + (scaled < 0)
    body = bcd.pack(abs(scaled), known.size)
    return bytes([number, size << _DECIMALS_IN_DEF | known.decimals]) + (b"\xff" if scaled < 0 else b"") + body


def _series(number: int, values: Value) -> bytes:
    """Return the twelve five-minute values of the past hour."""
    if not isinstance(values, Sequence) or len(values) != 12:
        raise ValueError(f"element {number:02X} takes twelve values")
    size, factor = (1, 10) if number == 0xF4 else (2, 100)
    parts = [b"\xff" * size if one is None else round(one * factor).to_bytes(size) for one in values]
    return bytes([number, (12 * size) << _DECIMALS_IN_DEF & 0xFF]) + b"".join(parts)
