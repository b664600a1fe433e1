"""What the command line reads and prints: one frame a line in, one JSON object a line out."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from cityframes.result import ErrorKind, FrameError, Reading


class Line(NamedTuple):
    """One decoded line: the frame as plain JSON values, and its readings."""

    frame: dict[str, Any]
    readings: tuple[Reading, ...] = ()


class LineCodec(Protocol):
    """What each protocol offers to the command line."""

    def decode(self, line: str) -> Line | FrameError:
        """Return what a line says."""

    def encode(self, frame: Mapping[str, Any], readings: list[dict[str, Any]]) -> str:
        """Return the line that says it; ValueError or KeyError when it cannot."""


def print_line(result: Line | FrameError) -> str:
    """Return one JSON object. Values keep the decimal digits of the frame."""
    if isinstance(result, FrameError):
        answer = {"ok": False, "error": result.kind.value, "detail": result.detail, "station": result.station}
        return json.dumps(answer, ensure_ascii=False)
    frame = json.dumps({name: value for name, value in result.frame.items() if value is not None}, ensure_ascii=False)
    readings = ", ".join(_reading(one) for one in result.readings)
    return f'{{"ok": true, "frame": {frame}, "readings": [{readings}]}}'


def _reading(one: Reading) -> str:
    fields = one._asdict()
    fields["value"] = 0
    fields["observed_at"] = time_text(one.observed_at)
    order = ("device", "metric", "value", "unit", "observed_at", "quality", "element", "flag", "stat", "period", "name")
    text = json.dumps({name: fields[name] for name in order}, ensure_ascii=False)
    number = "null" if one.value is None else format(one.value, "f")
    return text.replace('"value": 0,', f'"value": {number},', 1)


def time_text(at: datetime | None) -> str | None:
    """Return a time as ISO 8601 with its offset."""
    return None if at is None else at.isoformat()


def time_of(text: str | None) -> datetime | None:
    """Return the time that ISO 8601 text says; ValueError without an offset."""
    if text is None:
        return None
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text} has no offset from UTC")
    return at


def unhex(line: str) -> bytes | FrameError:
    """Return the bytes that hexadecimal digits spell; spaces are allowed."""
    try:
        return bytes.fromhex(line)
    except ValueError:
        raw = line.encode("utf-8", "replace")[:4096]
        return FrameError(ErrorKind.UNDECODABLE, "the line is not hexadecimal", raw)
