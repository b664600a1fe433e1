"""Data of SZY 206 uplink frames: values, alarm word, state word, time. It never raises.

A self-report ends with the alarm and the state word; a time label (second, minute, hour, day, delay) may follow. Which
of both it is follows from the size of the values.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from cityframes import bcd
from cityframes.result import ErrorKind, FrameError, Quality, Reading, Refused
from cityframes.szy206.frame import DEFAULTS, Frame
from cityframes.szy206.tables import AFNS, FUNCTIONS, LINK_STATES, Field, alarms

_WORDS, _LABEL, _LONG_LABEL = 4, 5, 7
_MANUAL = 0x82
_SEVERAL = 14
_BITS = (0, 11, 6, 8, 5, 3, 2, 1)  # function of each bit of the byte that announces several quantities
_REPAIR = 3  # working mode of the state word: under test or repair
_FLOW_NIBBLES = (0x0, 0x3, 0xC, 0xF)  # m3/s, m3/h, -m3/s, -m3/h
_METER_FAULTS = {"flow": 1 << 5, "volume": 1 << 5, "water_level": 1 << 7}


class TimeLabel(NamedTuple):
    """The time that a frame carries, mostly without month and year. `delay` is the allowed delay in minutes."""

    day: int
    hour: int
    minute: int
    second: int
    delay: int
    month: int | None = None
    year: int | None = None

    def full(self, received_at: datetime | None) -> datetime | None:
        """Return the full time, if the label or `received_at` gives its month."""
        if self.year is not None and self.month is not None:
            return datetime(
                self.year, self.month, self.day, self.hour, self.minute, self.second, tzinfo=bcd.SHANGHAI
            )  # fmt: skip
        return None if received_at is None else self.near(received_at)

    def near(self, received_at: datetime) -> datetime:
        """Return the full time: the latest such day that is not more than a day after `received_at`."""
        latest = received_at.astimezone(bcd.SHANGHAI) + timedelta(days=1)
        for back in range(62):
            day = latest - timedelta(days=back)
            if day.day == self.day:
                found = day.replace(hour=self.hour, minute=self.minute, second=self.second, microsecond=0)
                if found <= latest:
                    return found
        raise ValueError(f"no day {self.day} before {received_at}")


class Message(NamedTuple):
    """What a frame says. `rest` holds bytes without a published form."""

    readings: tuple[Reading, ...] = ()
    alarm: int | None = None
    state: int | None = None
    time: TimeLabel | None = None
    link: str | None = None
    picture: bytes | None = None
    rest: bytes = b""
    observed_at: datetime | None = None

    @property
    def alarms(self) -> tuple[str, ...]:
        """Return the names of the set bits of the alarm word."""
        return alarms(self.alarm or 0)


def read(
    frame: Frame, tolerances: frozenset[str] = DEFAULTS, received_at: datetime | None = None
) -> Message | FrameError:
    """Read the data of a frame. Only with `received_at` the time label becomes the readings' time."""
    try:
        return _read(frame, tolerances, received_at)
    except (Refused, ValueError, OverflowError) as error:
        text = f"function {frame.function}, AFN {frame.afn:02X}: {error}"
        return FrameError(ErrorKind.UNDECODABLE, text, frame.raw, frame.station)


def _read(frame: Frame, tolerances: frozenset[str], received_at: datetime | None) -> Message:
    afn = AFNS.get(frame.afn)
    if not frame.uplink or afn is None or afn.body == "rest":
        return Message(rest=frame.data)
    if afn.body == "picture":
        return Message(picture=frame.data)
    if afn.body == "link":
        if not frame.data:
            raise Refused("a link check without its byte")
        return Message(link=LINK_STATES.get(frame.data[0], f"{frame.data[0]:02X}"), rest=frame.data[1:])
    if frame.function == 0:
        return Message(rest=frame.data)
    return _values(frame, afn.body == "alarm", tolerances, received_at)


def _values(frame: Frame, alarm_first: bool, tolerances: frozenset[str], received_at: datetime | None) -> Message:
    data, layout = frame.data, FUNCTIONS[frame.function].layout
    if len(data) < _WORDS:
        raise Refused(f"{len(data)} bytes, alarm and state word alone take {_WORDS}")
    labels = (_LABEL, _LONG_LABEL) if "long_time_label" in tolerances else (_LABEL,)
    several = frame.function == _SEVERAL and not alarm_first
    fields, size = _shape(data, _several(data[0]) if several else (layout, layout[:1]), labels, several)
    end = len(data) - size
    label = _time(data[end:]) if size else None
    if alarm_first:
        alarm, state, body = data[:2], data[end - 2 : end], data[2 : end - 2]
    else:
        alarm, state, body = data[end - 4 : end - 2], data[end - 2 : end], data[: end - 4]
    message = Message(
        alarm=int.from_bytes(alarm, "little"), state=int.from_bytes(state, "little"), time=label,
        observed_at=label.full(received_at) if label else None,
    )  # fmt: skip
    if several and fields:
        body = body[1:]
    group = sum(field.size for field in fields)
    whole = len(body) // group * group if group else 0
    if layout and whole != len(body) and "extra_values" not in tolerances:
        raise Refused(f"{len(body)} bytes are no whole number of values of {group}: tolerance extra_values is off")
    readings = _readings(frame, message, fields, body[:whole], tolerances)
    return message._replace(readings=tuple(readings), rest=body[whole:])


def _several(mask: int) -> tuple[tuple[Field, ...], ...]:
    """Return the possible layouts of several quantities (function 14): bits 0 to 7 of the first byte name them.

    Water quality (bit 0) has no published size: then nothing is returned.
    """
    chosen = [_BITS[bit] for bit in range(8) if mask >> bit & 1]
    if 0 in chosen:
        return ()
    return tuple(
        tuple(field for code in chosen for field in FUNCTIONS[code].layout[:parts]) for parts in (1, 2)
    )  # fmt: skip


def _shape(
    data: bytes, layouts: tuple[tuple[Field, ...], ...], labels: tuple[int, ...], several: bool
) -> tuple[tuple[Field, ...], int]:
    """Return the fields of one group of values and the size of the time label that ends the data, 0 without.

    Flow may come with or without the volume. Where several readings are possible the one without a label is taken,
    then the one with the shorter label. Groups repeat, but for several quantities, which follow one byte.
    """
    size = len(data) - _WORDS - several
    for fields in layouts:
        group = sum(field.size for field in fields)
        for label in (0, *labels):
            left = size - label
            fits = left == group if several else left >= group and group and left % group == 0
            if group and fits and _ends_with_time(data, label):
                return fields, label
    fallback = () if several else layouts[0]
    return fallback, next((label for label in labels if size >= label and _ends_with_time(data, label)), 0)


def _ends_with_time(data: bytes, size: int) -> bool:
    if not size:
        return True
    try:
        _time(data[-size:])
    except ValueError:
        return False
    return True


def _time(raw: bytes) -> TimeLabel:
    """Return second, minute, hour, day, in seven bytes also month and year (all BCD), and delay.

    ValueError for bytes that are no time.
    """
    second, minute, hour, day = (bcd.digits(raw[at : at + 1]) for at in range(4))
    if second > 59 or minute > 59 or hour > 23 or not 1 <= day <= 31:
        raise ValueError(f"{raw.hex(' ')} is no time")
    if len(raw) == _LABEL:
        return TimeLabel(day, hour, minute, second, raw[4])
    month, year = bcd.digits(raw[4:5]), 2000 + bcd.digits(raw[5:6])
    datetime(year, month, day, tzinfo=bcd.SHANGHAI)  # ValueError for a day that the month does not have
    return TimeLabel(day, hour, minute, second, raw[6], month, year)


def _readings(
    frame: Frame, message: Message, fields: tuple[Field, ...], body: bytes, tolerances: frozenset[str]
) -> list[Reading]:
    readings = []
    quality = _quality(frame, message)
    at, index = 0, 0
    while at < len(body):
        index += 1
        for field in fields:
            raw = body[at : at + field.size]
            at += field.size
            value = _value(raw, field)
            mark, flag = quality, None
            if value is None:
                mark, flag = Quality.DEVICE_FAULT, raw[:1].hex().upper()
            elif (message.alarm or 0) & _METER_FAULTS.get(field.metric, 0):
                mark, flag = Quality.DEVICE_FAULT, "meter_fault"
            hourly = field.form == "flow" and (raw[-1] & 0x30 == 0x30 or "flow_per_hour" in tolerances)
            unit = "m3/h" if hourly and value is not None else field.unit
            element = f"{frame.function}.{field.metric}.{index}"
            readings.append(
                Reading(
                    frame.station, element, field.metric, value, unit, message.observed_at, mark, flag, "RTD",
                    "INSTANT", FUNCTIONS[frame.function].name,
                )
            )  # fmt: skip
            if field.form == "wind":
                element = f"{frame.function}.wind_direction.{index}"
                direction = Decimal(raw[-1] >> 4)
                readings.append(
                    readings[-1]._replace(element=element, metric="wind_direction", value=direction, unit="1")
                )
    return readings


def _quality(frame: Frame, message: Message) -> Quality:
    if frame.afn == _MANUAL:
        return Quality.MANUAL
    return Quality.MAINTENANCE if (message.state or 0) & 3 == _REPAIR else Quality.GOOD


def _value(raw: bytes, field: Field) -> Decimal | None:
    """Read little-endian BCD; all A or all F means "not measured"; the top nibble may hold the sign."""
    if raw in (b"\xaa" * len(raw), b"\xff" * len(raw)):
        return None
    text = raw[::-1].hex()
    top = int(text[0], 16)
    negative = False
    if field.form == "wind":
        text = text[1:]
    elif field.form == "flow":
        if top not in _FLOW_NIBBLES:
            raise Refused(f"{raw.hex(' ')} has no known sign and unit of a flow")
        negative, text = bool(top & 8), "0" + text[1:]
    elif field.form == "sign" and top > 7:
        negative = True
        text = ("0" if top == 15 else str(top & 7)) + text[1:]
    if not text.isdecimal():
        raise Refused(f"{raw.hex(' ')} is no decimal number")
    value = bcd.decimal(text, field.decimals)
    return -value if negative else value
