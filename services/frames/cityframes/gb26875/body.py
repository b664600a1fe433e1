"""Application data of GB/T 26875.3: type, count, objects. The layout of each type is data. It never raises."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from cityframes.gb26875.frame import DATA, DEFAULTS, Frame, moment
from cityframes.gb26875.tables import ANALOGS, COMPONENTS, SYSTEMS, TYPES, DataType, states
from cityframes.result import ErrorKind, FrameError, Quality, Reading, Refused


class Place(NamedTuple):
    """Component address: zone (区) and number (位) as annex examples have them; vendors use it differently."""

    zone: int
    number: int

    def __str__(self) -> str:
        return f"{self.zone}-{self.number}"


class Item(NamedTuple):
    """One object. Fields that its type does not have are None."""

    system: int | None = None
    address: int | None = None
    component: int | None = None
    place: Place | None = None
    status: int | None = None
    analog: int | None = None
    value: int | None = None
    operation: int | None = None
    operator: int | None = None
    major: int | None = None
    minor: int | None = None
    text: str | None = None
    reserved: int | None = None
    minutes: int | None = None
    time: datetime | None = None


class Message(NamedTuple):
    """What a frame says. `type` is None without application data (confirmations, heartbeats).

    `rest` holds bytes without a published form: reserved and vendors' types, and what follows the announced objects.
    """

    type: int | None
    items: tuple[Item, ...]
    readings: tuple[Reading, ...]
    heartbeat: bool = False
    rest: bytes = b""
    observed_at: datetime | None = None


class _Cursor:
    """Reads the fields of objects."""

    def __init__(self, data: bytes, tolerances: frozenset[str]) -> None:
        self.data, self.at, self.tolerances = data, 2, tolerances

    def take(self, size: int) -> bytes:
        piece = self.data[self.at : self.at + size]
        if len(piece) < size:
            raise Refused(f"{size} bytes are expected at {self.at} of the data, {len(piece)} are left")
        self.at += size
        return piece

    def byte(self) -> int:
        return self.take(1)[0]

    def word(self) -> int:
        return int.from_bytes(self.take(2), "little")

    def signed(self) -> int:
        return int.from_bytes(self.take(2), "little", signed=True)

    def place(self) -> Place:
        return Place(self.word(), self.word())

    def time(self) -> datetime | None:
        return moment(self.take(6), self.tolerances)

    def text(self) -> str:
        return self._text(self.take(self.byte()))

    def text31(self) -> str:
        return self._text(self.take(31))

    def _text(self, raw: bytes) -> str:
        head, _, tail = raw.partition(b"\x00")
        if tail.strip(b"\x00 ") and "padded_text" not in self.tolerances:
            raise Refused("bytes follow the NUL of a description: tolerance padded_text is off")
        return head.decode("gb18030", "replace").rstrip(" ")


# field of a layout -> (field of Item, how it is read)
_FIELDS: dict[str, tuple[str, Callable[[_Cursor], Any]]] = {
    "status1": ("status", _Cursor.byte),
    "status2": ("status", _Cursor.word),
    "value": ("value", _Cursor.signed),
    "place": ("place", _Cursor.place),
    "time": ("time", _Cursor.time),
    "text": ("text", _Cursor.text),
    "text31": ("text", _Cursor.text31),
    **{
        name: (name, _Cursor.byte)
        for name in (
            "system", "address", "component", "analog", "operation", "operator", "major", "minor", "reserved",
            "minutes",
        )
    },
}  # fmt: skip


def read(frame: Frame, tolerances: frozenset[str] = DEFAULTS) -> Message | FrameError:
    """Read the application data of a frame."""
    try:
        return _read(frame, tolerances)
    except (Refused, ValueError, OverflowError) as error:
        text = f"type {frame.data[0] if frame.data else 0}: {error}"
        return FrameError(ErrorKind.UNDECODABLE, text, frame.raw, frame.station)


def _read(frame: Frame, tolerances: frozenset[str]) -> Message:
    data = frame.data
    if not data:
        return Message(None, (), (), heartbeat=frame.command == DATA, observed_at=frame.time)
    kind = TYPES.get(data[0])
    if kind is None:
        return Message(data[0], (), (), rest=data[1:], observed_at=frame.time)
    if len(data) < 2:
        raise Refused("no number of objects")
    cursor = _Cursor(data, tolerances)
    items = []
    for _ in range(data[1]):
        if kind.type == 21 and len(data) - cursor.at == 1 and "status_without_time" in tolerances:
            items.append(Item(status=cursor.byte()))
            continue
        items.append(Item(**{_FIELDS[name][0]: _FIELDS[name][1](cursor) for name in kind.layout}))
    readings = tuple(one for item in items if (one := _reading(frame, kind, item)) is not None)
    observed = next((item.time for item in items if item.time is not None), frame.time)
    return Message(kind.type, tuple(items), readings, rest=data[cursor.at :], observed_at=observed)


def _reading(frame: Frame, kind: DataType, item: Item) -> Reading | None:
    """Return the value of an object, when it has one."""
    at = item.time or frame.time
    if item.status is None and item.value is None:
        return None
    path = [kind.type, item.system, item.address, item.component, item.place, item.analog]
    element = ".".join(str(part) for part in path if part is not None)
    name = kind.name
    if item.system is not None:
        name = SYSTEMS.get(item.system, "") if item.component is None else COMPONENTS.get(item.component, "")
    if item.value is None:
        flag = ",".join(states(kind.bits, item.status or 0)) or None
        value = Decimal(item.status or 0)
        return Reading(frame.station, element, kind.metric, value, "1", at, Quality.GOOD, flag, "RTD", "INSTANT", name)
    analog = ANALOGS.get(item.analog or 0)
    value = Decimal(item.value).scaleb(-analog.decimals) if analog else Decimal(item.value)
    metric, unit = (analog.metric, analog.unit) if analog else (f"analog_{item.analog}", "")
    label = analog.name if analog else name
    return Reading(frame.station, element, metric, value, unit, at, Quality.GOOD, None, "RTD", "INSTANT", label)
