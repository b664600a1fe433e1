"""GB/T 26875.3 on the command line: frames in hexadecimal."""

from collections.abc import Mapping
from typing import Any

from cityframes.gb26875.body import Item, Message, Place, read
from cityframes.gb26875.encode import build, data
from cityframes.gb26875.frame import DEFAULTS, Frame, decode
from cityframes.gb26875.tables import ANALOGS, BITS, COMMANDS, COMPONENTS, SYSTEMS, TYPES, states
from cityframes.lines import Line, time_of, time_text, unhex
from cityframes.result import FrameError


class LineCodec:
    """Decodes and encodes lines."""

    def __init__(self, tolerances: frozenset[str] = DEFAULTS) -> None:
        self._tolerances = tolerances

    def decode(self, line: str) -> Line | FrameError:
        """Return what a line says."""
        raw = unhex(line)
        if isinstance(raw, FrameError):
            return raw
        frame = decode(raw, self._tolerances)
        if isinstance(frame, FrameError):
            return frame
        message = read(frame, self._tolerances)
        return message if isinstance(message, FrameError) else Line(shown(frame, message), message.readings)

    def encode(self, frame: Mapping[str, Any], readings: list[dict[str, Any]]) -> str:
        """Return the frame; `data` as given, else made of `type` and `items`."""
        adu = frame.get("data")
        if adu is not None:
            inner = bytes.fromhex(adu)
        else:
            inner = b"" if frame.get("type") is None else data(frame["type"], map(_item, frame.get("items", ())))
        return build(
            command=frame["command"], data=inner, serial=frame["serial"], at=time_of(frame.get("time")),
            version=_version(str(frame.get("version", "1.1"))), source=int(frame["source"], 16),
            destination=int(frame["destination"], 16),
        ).hex().upper()  # fmt: skip


def _version(text: str) -> tuple[int, int]:
    main, _, user = text.partition(".")
    return int(main), int(user)


def _item(shown: Mapping[str, Any]) -> Item:
    fields = {name: shown[name] for name in Item._fields if name in shown}
    if "place" in fields:
        zone, _, number = str(fields["place"]).partition("-")
        fields["place"] = Place(int(zone), int(number))
    if "time" in fields:
        fields["time"] = time_of(fields["time"])
    return Item(**fields)


def shown(frame: Frame, message: Message) -> dict[str, Any]:
    """Return a frame as plain JSON values."""
    command, kind = COMMANDS.get(frame.command), TYPES.get(message.type or 0)
    return {
        "protocol": "GB26875",
        "serial": frame.serial,
        "version": f"{frame.version[0]}.{frame.version[1]}",
        "time": time_text(frame.time),
        "source": frame.station,
        "destination": f"{frame.destination:012X}",
        "source_number": frame.source,
        "destination_number": frame.destination,
        "command": frame.command,
        "command_name": command[0] if command else None,
        "type": message.type,
        "type_name": kind.name if kind else None,
        "heartbeat": message.heartbeat or None,
        "items": [_shown_item(item, kind.bits if kind else "") for item in message.items] or None,
        "rest": message.rest.hex().upper() or None,
        "data": frame.data.hex().upper() or None,
    }


def _shown_item(item: Item, word: str) -> dict[str, Any]:
    flags = item.status if item.status is not None else item.operation
    analog = ANALOGS.get(item.analog or 0) if item.analog is not None else None
    found = {
        **item._asdict(),
        "system_name": SYSTEMS.get(item.system) if item.system is not None else None,
        "component_name": COMPONENTS.get(item.component) if item.component is not None else None,
        "analog_name": analog.name if analog else None,
        "place": None if item.place is None else str(item.place),
        "time": time_text(item.time),
        "states": None if flags is None else list(states(word, flags)),
        "state_names": None if flags is None else [
            name for bit, (_, name) in BITS.get(word, {}).items() if flags >> bit & 1
        ],
    }  # fmt: skip
    return {name: value for name, value in found.items() if value is not None}
