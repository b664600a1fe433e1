"""SL 651 on the command line: frames in hexadecimal; packets of one message may come on following lines."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from cityframes.lines import Line, time_of, time_text, unhex
from cityframes.result import FrameError
from cityframes.sl651.body import Message, read
from cityframes.sl651.encode import Group, Value, report_body
from cityframes.sl651.frame import DEFAULTS, End, Frame, Packet, build, decode
from cityframes.sl651.packets import Assembler
from cityframes.sl651.tables import FUNCTIONS, STATION_CLASSES

_FIRST_SERIES = 0xF4


class LineCodec:
    """Decodes and encodes lines."""

    def __init__(self, tolerances: frozenset[str] = DEFAULTS) -> None:
        self._tolerances = tolerances
        self._assembler = Assembler()

    def decode(self, line: str) -> Line | FrameError:
        """Return what a line says."""
        raw = unhex(line)
        if isinstance(raw, FrameError):
            return raw
        frame = decode(raw, self._tolerances)
        if isinstance(frame, FrameError):
            return frame
        whole = self._assembler.add(frame, 0.0)
        if isinstance(whole, FrameError):
            return whole
        if whole is None:
            return Line(envelope(frame))
        message = read(whole, self._tolerances)
        if isinstance(message, FrameError):
            return message
        return Line({**envelope(frame), **contents(message)}, message.readings)

    def encode(self, frame: Mapping[str, Any], readings: list[dict[str, Any]]) -> str:
        """Return the frame; `body` as given, else made of the readings."""
        body = bytes.fromhex(frame["body"]) if frame.get("body") is not None else _body(frame, readings)
        place = frame.get("packet")
        return build(
            uplink=frame.get("direction", "up") == "up", centre=frame.get("centre", 1), station=frame["station"],
            password=frame.get("password", "0000"), function=int(str(frame["function"]), 16), body=body,
            end=End[frame.get("end", "ETX")], packet=Packet(place["total"], place["sequence"]) if place else None,
        ).hex().upper()  # fmt: skip


def _body(frame: Mapping[str, Any], readings: list[dict[str, Any]]) -> bytes:
    """Return a report's body: readings grouped by time; twelve of an element from F4 on are one series."""
    groups: list[Group] = []
    last: str | None = None
    elements: list[tuple[int, Value]] = []
    at = 0
    while at < len(readings):
        one = readings[at]
        number = int(str(one["element"]), 16)
        size = 12 if number >= _FIRST_SERIES else 1
        values = [None if one["value"] is None else Decimal(str(one["value"])) for one in readings[at : at + size]]
        if one["observed_at"] != last:
            last, elements = one["observed_at"], []
            groups.append((time_of(last), elements))
        elements.append((number, values if size == 12 else values[0]))
        at += size
    sent_at = time_of(frame["sent_at"])
    if sent_at is None:
        raise ValueError("sent_at is missing")
    station = frame.get("address") or frame["station"]
    return report_body(frame.get("serial", 1), sent_at, station, int(frame.get("station_class", "50"), 16), groups)


def envelope(frame: Frame) -> dict[str, Any]:
    """Return addresses, function and end of a frame."""
    function = FUNCTIONS.get(frame.function)
    shown: dict[str, Any] = {
        "protocol": "SL651",
        "direction": "up" if frame.uplink else "down",
        "centre": frame.centre,
        "station": frame.station,
        "password": frame.password,
        "function": f"{frame.function:02X}",
        "name": function.name if function else "",
        "end": frame.end.name,
        "body": frame.body.hex().upper(),
    }
    if frame.packet is not None:
        shown["packet"] = {"sequence": frame.packet.sequence, "total": frame.packet.total}
    return shown


def contents(message: Message) -> dict[str, Any]:
    """Return what a body says besides its readings; what it does not say is left out."""
    kind = message.station_class
    return {
        "serial": message.serial,
        "sent_at": time_text(message.sent_at),
        "address": message.station,
        "station_class": None if kind is None else f"{kind:02X}",
        "station_class_name": STATION_CLASSES.get(kind or 0),
        "observed_at": time_text(message.observed_at),
        "status": None if message.status is None else f"{message.status:08X}",
        "states": list(message.states) or None,
        "manual": message.manual,
        "picture_bytes": None if message.picture is None else len(message.picture),
        "text": message.text,
        "settings": {f"{key:02X}": value.hex().upper() for key, value in message.settings} or None,
        "events": list(message.events) or None,
        "rest": message.rest.hex().upper() or None,
    }
