"""Building of GB/T 26875.3 frames: what transmission devices send, requests of a centre and the answers of both."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from cityframes import crc
from cityframes.bcd import SHANGHAI
from cityframes.gb26875.body import Item
from cityframes.gb26875.frame import CONFIRM, CONTROL, DENY, MAX_DATA, START, TAIL, Frame
from cityframes.gb26875.tables import TYPES

_CLOCK, _ROLL_CALL = 90, 91


def label(at: datetime | None) -> bytes:
    """Return an aware time as six binary bytes in Shanghai time; six zeros for None."""
    if at is None:
        return bytes(6)
    if at.tzinfo is None:
        raise ValueError("a time without zone cannot be sent")
    local = at.astimezone(SHANGHAI)
    return bytes([local.second, local.minute, local.hour, local.day, local.month, local.year - 2000])


def build(
    *,
    command: int,
    data: bytes = b"",
    serial: int = 0,
    version: tuple[int, int] = (1, 1),
    at: datetime | None = None,
    source: int = 0,
    destination: int = 0,
) -> bytes:
    """Return one frame; ValueError or OverflowError when a part does not fit."""
    if len(data) > MAX_DATA:
        raise ValueError(f"application data of {len(data)} bytes; {MAX_DATA} fit into one frame")
    text = (
        serial.to_bytes(2, "little") + bytes(version) + label(at) + source.to_bytes(6, "little")
        + destination.to_bytes(6, "little") + len(data).to_bytes(2, "little") + bytes([command]) + data
    )  # fmt: skip
    return START + text + bytes([crc.gb26875(text)]) + TAIL


def _text(value: str, size: int) -> bytes:
    raw = value.encode("gb18030")
    if len(raw) > size:
        raise ValueError(f"{value!r} takes {len(raw)} bytes, {size} are there")
    return raw


# field of a layout -> (field of Item, how it is written); all others are one byte
_WRITERS: dict[str, tuple[str, Callable[[Any], bytes]]] = {
    "status1": ("status", lambda value: bytes([value])),
    "status2": ("status", lambda value: int(value).to_bytes(2, "little")),
    "value": ("value", lambda value: int(value).to_bytes(2, "little", signed=True)),
    "place": ("place", lambda value: b"".join(int(part).to_bytes(2, "little") for part in value)),
    "time": ("time", label),
    "text": ("text", lambda value: bytes([len(_text(value, 255))]) + _text(value, 255)),
    "text31": ("text", lambda value: _text(value, 31).ljust(31, b"\x00")),
}


def data(kind: int, items: Iterable[Item]) -> bytes:
    """Return application data: type, number of objects, objects. ValueError when a field of the type is missing."""
    parts = []
    for item in items:
        for name in TYPES[kind].layout:
            field, write = _WRITERS.get(name, (name, lambda value: bytes([value])))
            value = getattr(item, field)
            if value is None and field != "time":
                raise ValueError(f"type {kind} needs {field}")
            parts.append(write(value))
        parts.append(b"")
    count = len(parts) // (len(TYPES[kind].layout) + 1)
    return bytes([kind, count]) + b"".join(parts)


def answer(frame: Frame, command: int, at: datetime | None) -> bytes:
    """Return an answer without data: the frame's serial number and version, the addresses exchanged."""
    return build(
        command=command, serial=frame.serial, version=frame.version, at=at, source=frame.destination,
        destination=frame.source,
    )  # fmt: skip


def confirm(frame: Frame, at: datetime | None) -> bytes:
    """Return the confirmation (3) of a frame."""
    return answer(frame, CONFIRM, at)


def deny(frame: Frame, at: datetime | None) -> bytes:
    """Return the denial (6) of a frame: the sender sends it again."""
    return answer(frame, DENY, at)


def set_clock(*, serial: int, destination: int, at: datetime, source: int = 0) -> bytes:
    """Return the command that sets the clock of a transmission device."""
    adu = data(_CLOCK, [Item(time=at)])
    return build(command=CONTROL, data=adu, serial=serial, at=at, source=source, destination=destination)


def roll_call(*, serial: int, destination: int, at: datetime, minutes: int, source: int = 0) -> bytes:
    """Return a roll call (查岗): the duty post must answer within `minutes`."""
    adu = data(_ROLL_CALL, [Item(minutes=minutes)])
    return build(command=CONTROL, data=adu, serial=serial, at=at, source=source, destination=destination)
