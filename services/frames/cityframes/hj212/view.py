"""HJ 212 on the command line: packets as text without CR LF."""

from collections.abc import Mapping
from typing import Any

from cityframes.hj212.body import Message, read
from cityframes.hj212.encode import build
from cityframes.hj212.frame import DEFAULTS, Frame, decode
from cityframes.hj212.tables import COMMANDS, SYSTEMS, VERSIONS
from cityframes.lines import Line, time_text
from cityframes.result import FrameError


class LineCodec:
    """Decodes and encodes lines. `units` overrides the units of factors."""

    def __init__(self, tolerances: frozenset[str] = DEFAULTS, units: Mapping[str, str] | None = None) -> None:
        self._tolerances, self._units = tolerances, units or {}

    def decode(self, line: str) -> Line | FrameError:
        """Return what a line says."""
        frame = decode(line.encode("utf-8", "surrogateescape"), self._tolerances)
        if isinstance(frame, FrameError):
            return frame
        message = read(frame, self._tolerances, self._units)
        return message if isinstance(message, FrameError) else Line(shown(frame, message), message.readings)

    def encode(self, frame: Mapping[str, Any], readings: list[dict[str, Any]]) -> str:
        """Return the packet; `cp` as given, else made of `data_time` and the readings."""
        cp = frame.get("cp")
        if cp is None:
            cp = ";".join(_parameters(frame, readings))
        packet = build(
            st=str(frame["st"]), cn=str(frame["cn"]), mn=str(frame["mn"]), cp=str(cp), qn=frame.get("qn"),
            pw=frame.get("pw"), flag=frame.get("flag"), pnum=frame.get("pnum"), pno=frame.get("pno"),
        )  # fmt: skip
        return packet.decode()[:-2]


def _parameters(frame: Mapping[str, Any], readings: list[dict[str, Any]]) -> list[str]:
    parts = []
    if frame.get("data_time"):
        digits = "".join(sign for sign in str(frame["data_time"])[:19] if sign.isdigit())
        parts.append(f"DataTime={digits}")
    for one in readings:
        code = str(one["element"]).rpartition("-")[0]
        flag = f",{code}-Flag={one['flag']}" if one.get("flag") else ""
        parts.append(f"{one['element']}={one['value']}{flag}")
    return parts


def shown(frame: Frame, message: Message) -> dict[str, Any]:
    """Return a packet as plain JSON values."""
    system, command = SYSTEMS.get(frame.st), COMMANDS.get(frame.cn)
    return {
        "protocol": "HJ212",
        "edition": VERSIONS.get(frame.version, str(frame.version)),
        "qn": frame.qn,
        "st": frame.st,
        "st_name": system.name if system else None,
        "cn": frame.cn,
        "cn_name": command.name if command else None,
        "pw": frame.pw,
        "mn": frame.mn,
        "flag": frame.flag,
        "wants_answer": frame.wants_answer,
        "pnum": frame.pnum,
        "pno": frame.pno,
        "data_time": time_text(message.data_time),
        "fields": dict(message.fields) or None,
        "outcome": message.outcome,
        "cp": frame.cp,
        "tolerated": list(message.tolerated) or None,
    }
