"""SL 651 results as plain JSON values, for the command line."""

from datetime import datetime
from typing import Any

from cityframes.result import ErrorKind, FrameError, Reading
from cityframes.sl651.body import Message, read
from cityframes.sl651.frame import Frame, decode
from cityframes.sl651.packets import Assembler
from cityframes.sl651.tables import FUNCTIONS, STATION_CLASSES


class LineDecoder:
    """Decodes lines of hexadecimal digits; packets of one message may come on following lines."""

    def __init__(self) -> None:
        self._assembler = Assembler()

    def __call__(self, line: str) -> dict[str, Any] | FrameError:
        """Return what a line says."""
        try:
            raw = bytes.fromhex(line)
        except ValueError:
            return FrameError(ErrorKind.UNDECODABLE, "the line is not hexadecimal", line.encode()[:4096])
        frame = decode(raw)
        if isinstance(frame, FrameError):
            return frame
        whole = self._assembler.add(frame, 0.0)
        if isinstance(whole, FrameError):
            return whole
        if whole is None:
            return {"frame": envelope(frame), "readings": []}
        message = read(whole)
        if isinstance(message, FrameError):
            return message
        said = {**envelope(frame), **contents(message)}
        return {"frame": said, "readings": [reading(one) for one in message.readings]}


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
    }
    if frame.packet is not None:
        shown["packet"] = {"sequence": frame.packet.sequence, "total": frame.packet.total}
    return shown


def contents(message: Message) -> dict[str, Any]:
    """Return what a body says besides its readings; what it does not say is left out."""
    kind = message.station_class
    shown: dict[str, Any] = {
        "serial": message.serial,
        "sent_at": _time(message.sent_at),
        "address": message.station,
        "station_class": None if kind is None else f"{kind:02X}",
        "station_class_name": STATION_CLASSES.get(kind or 0),
        "observed_at": _time(message.observed_at),
        "status": None if message.status is None else f"{message.status:08X}",
        "states": list(message.states) or None,
        "manual": message.manual,
        "picture_bytes": None if message.picture is None else len(message.picture),
        "text": message.text,
        "settings": {f"{key:02X}": value.hex().upper() for key, value in message.settings} or None,
        "events": list(message.events) or None,
        "rest": message.rest.hex().upper() or None,
    }
    return {name: value for name, value in shown.items() if value is not None}


def reading(one: Reading) -> dict[str, Any]:
    """Return one reading."""
    shown = one._asdict()
    shown["observed_at"] = _time(one.observed_at)
    shown["quality"] = one.quality.value
    return shown


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
