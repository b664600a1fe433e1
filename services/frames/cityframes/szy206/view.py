"""SZY 206 on the command line: frames in hexadecimal; split frames of one message may come on following lines."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from cityframes.lines import Line, time_text, unhex
from cityframes.result import FrameError
from cityframes.szy206.body import Message, TimeLabel, read
from cityframes.szy206.encode import self_report
from cityframes.szy206.frame import DEFAULTS, Frame, build, decode
from cityframes.szy206.stream import Assembler
from cityframes.szy206.tables import AFNS, FUNCTIONS


class LineCodec:
    """Decodes and encodes lines. With `received_at` time labels, which have no month, become full times."""

    def __init__(self, tolerances: frozenset[str] = DEFAULTS, received_at: datetime | None = None) -> None:
        self._tolerances, self._received_at = tolerances, received_at
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
        message = read(whole, self._tolerances, self._received_at)
        if isinstance(message, FrameError):
            return message
        return Line({**envelope(frame), **contents(message)}, message.readings)

    def encode(self, frame: Mapping[str, Any], readings: list[dict[str, Any]]) -> str:
        """Return the frame; `data` as given, else made of the readings, `alarm`, `state` and `time`."""
        uplink, station, afn = frame.get("direction", "up") == "up", frame["station"], int(str(frame["afn"]), 16)
        if frame.get("data") is not None or not readings:
            return build(
                uplink=uplink, function=frame["function"], station=station, afn=afn, fcb=frame.get("fcb", 3),
                data=bytes.fromhex(frame.get("data") or ""), divs=frame.get("divs"),
            ).hex().upper()  # fmt: skip
        values = [None if one["value"] is None else Decimal(str(one["value"])) for one in readings]
        label = frame.get("time")
        return self_report(
            station=station, function=frame["function"], values=values, afn=afn, fcb=frame.get("fcb", 3),
            alarm=int(frame.get("alarm", "0"), 16), state=int(frame.get("state", "0"), 16),
            time=TimeLabel(**label) if label else None,
        ).hex().upper()  # fmt: skip


def envelope(frame: Frame) -> dict[str, Any]:
    """Return direction, address and codes of a frame."""
    afn = AFNS.get(frame.afn)
    return {
        "protocol": "SZY206",
        "direction": "up" if frame.uplink else "down",
        "station": frame.station,
        "function": frame.function,
        "function_name": FUNCTIONS[frame.function].name,
        "afn": f"{frame.afn:02X}",
        "afn_name": afn.name if afn else None,
        "fcb": frame.fcb,
        "divs": frame.divs,
        "data": frame.data.hex().upper() or None,
    }


def contents(message: Message) -> dict[str, Any]:
    """Return what the data say besides their readings."""
    return {
        "alarm": None if message.alarm is None else f"{message.alarm:04X}",
        "alarms": list(message.alarms) or None,
        "state": None if message.state is None else f"{message.state:04X}",
        "time": None if message.time is None else {k: v for k, v in message.time._asdict().items() if v is not None},
        "observed_at": time_text(message.observed_at),
        "link": message.link,
        "picture_bytes": None if message.picture is None else len(message.picture),
        "rest": message.rest.hex().upper() or None,
    }
