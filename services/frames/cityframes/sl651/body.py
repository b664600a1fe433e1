"""Bodies of SL 651 uplink frames: serial, send time, address, observation times, elements. It never raises.

What cannot be read refuses the whole body: after a wrong length every later byte would be read as something else.
Two lengths are taken from the standard and not from the definition byte, which some stations send wrongly: F4 (12
bytes) and F5 to FC (24 bytes).
"""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from cityframes import bcd
from cityframes.result import ErrorKind, FrameError, Quality, Reading, Refused
from cityframes.sl651.frame import DEFAULTS, Frame
from cityframes.sl651.tables import BY_CODE, ELEMENTS, FUNCTIONS, STATUS_BITS

_NUMBER = re.compile(r"[+-]?\d{1,12}(?:\.\d{1,12})?", re.ASCII)
_FIVE_MINUTES = timedelta(minutes=5)
_TEST, _UNIFORM, _MANUAL = 0x30, 0x31, 0x35
# function -> what its readings are worth
_QUALITY = {_TEST: Quality.MAINTENANCE, _MANUAL: Quality.MANUAL}


class Message(NamedTuple):
    """What a frame says. Fields that the function does not carry are None or empty.

    `rest` holds bytes without a published form (user-defined functions, downlink arguments, vendors' additions).
    """

    function: int
    serial: int
    sent_at: datetime
    station: str | None = None
    station_class: int | None = None
    observed_at: datetime | None = None
    readings: tuple[Reading, ...] = ()
    status: int | None = None
    manual: str | None = None
    picture: bytes | None = None
    text: str | None = None
    settings: tuple[tuple[int, bytes], ...] = ()
    events: tuple[int, ...] = ()
    rest: bytes = b""

    @property
    def states(self) -> tuple[str, ...]:
        """Names of the set bits of the status word (element 45)."""
        status = self.status or 0
        return tuple(name for bit, (name, _) in STATUS_BITS.items() if status >> bit & 1)


def read(frame: Frame, tolerances: frozenset[str] = DEFAULTS) -> Message | FrameError:
    """Read the body of a frame that is whole (one packet, or joined by `Assembler`)."""
    try:
        return _read(frame, tolerances)
    except (Refused, ValueError, OverflowError) as error:
        return FrameError(ErrorKind.UNDECODABLE, f"function {frame.function:02X}: {error}", frame.raw, frame.station)


def _read(frame: Frame, tolerances: frozenset[str]) -> Message:
    body = frame.body
    if frame.packet is not None:
        raise Refused(f"packet {frame.packet.sequence} of {frame.packet.total} is not a message")
    if len(body) < 8:
        raise Refused(f"body of {len(body)} bytes has no serial number and send time")
    message = Message(frame.function, int.from_bytes(body[:2]), bcd.second(body[2:8]))
    function = FUNCTIONS.get(frame.function)
    if not frame.uplink or function is None:
        return message._replace(rest=body[8:])
    if function.body == "empty":
        return message._replace(rest=body[8:])
    if function.body == "report":
        return _Report(frame, message, tolerances).read()
    at = 8
    if body[at : at + 2] == b"\xf1\xf1" and len(body) >= at + 7:
        message = message._replace(station=body[at + 2 : at + 7].hex().upper())
        at += 7
    return _answer(function.body, message, body[at:], frame, tolerances)


def _answer(form: str, message: Message, rest: bytes, frame: Frame, tolerances: frozenset[str]) -> Message:
    """Read the answers to the centre's queries and commands."""
    if form == "settings":
        return message._replace(settings=tuple(_settings(rest)))
    if form == "text":
        size = rest[0] if rest else 0
        if len(rest) < 1 + size:
            raise Refused(f"a text of {size} bytes is announced, {len(rest) - 1} follow")
        return message._replace(text=rest[1 : 1 + size].decode("ascii", "replace"), rest=rest[1 + size :])
    if form == "events":
        even = len(rest) & ~1
        return message._replace(
            events=tuple(int.from_bytes(rest[at : at + 2]) for at in range(0, even, 2)), rest=rest[even:]
        )
    if form in ("status", "elements"):
        try:
            return _Report(frame, message, tolerances, at=len(frame.body) - len(rest)).read()
        except (Refused, ValueError):
            if form == "status":
                raise
    return message._replace(rest=rest)


def _settings(rest: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(rest):
        if at + 2 > len(rest) or at + 2 + (rest[at + 1] >> 3) > len(rest):
            raise Refused(f"setting {rest[at]:02X} is cut")
        size = rest[at + 1] >> 3
        yield rest[at], rest[at + 2 : at + 2 + size]
        at += 2 + size


class _Report:
    """Walks through the elements of one report."""

    def __init__(self, frame: Frame, message: Message, tolerances: frozenset[str], at: int = 8) -> None:
        self._tolerances = tolerances
        self._body, self._at = frame.body, at
        self._message = message
        self._device = message.station or frame.station
        self._observed = message.sent_at
        self._quality = _QUALITY.get(frame.function, Quality.GOOD)
        self._step: timedelta | None = None
        self._readings: list[Reading] = []

    def read(self) -> Message:
        while self._at < len(self._body):
            self._element(self._body[self._at])
        return self._message._replace(readings=tuple(self._readings))

    def _take(self, size: int) -> bytes:
        """Return the next bytes and step over them."""
        piece = self._body[self._at : self._at + size]
        if len(piece) < size:
            raise Refused(f"{size} bytes are announced at {self._at}, {len(piece)} are left")
        self._at += size
        return piece

    def _element(self, number: int) -> None:
        """Read the element that begins here."""
        guide = _GUIDES.get(number)
        if guide is not None:
            guide(self)
            return
        if 0xF4 <= number <= 0xFC:
            self._series(number, self._take(2)[1])
            return
        name = self._extension() if number == 0xFF else f"{self._take(1)[0]:02X}"
        definition = self._take(1)[0]
        size, decimals = definition >> 3, definition & 7
        if self._step and number != 0xFF:
            self._groups(name, number, size, decimals)
        else:
            self._put(name, number, self._value(size, decimals), self._observed)

    def _extension(self) -> str:
        """An identifier of two bytes."""
        return self._take(2).hex().upper()

    def _value(self, size: int, decimals: int) -> Decimal | None:
        """Read one BCD value; all F means "not measured", a leading FF is the minus sign."""
        text = self._take(size).hex()
        if text.isdecimal():
            return bcd.decimal(text, decimals)
        if size and text == "f" * len(text):
            return None
        if text.startswith("ff") and text[2:].isdecimal():
            return -bcd.decimal(text[2:], decimals)
        raise Refused(f"{text} at {self._at - size} is not a decimal number")

    def _put(self, name: str, number: int, value: Decimal | None, at: datetime) -> None:
        known = ELEMENTS.get(number)
        metric, unit = (known.metric, known.unit) if known else (f"element_{name.lower()}", "")
        if number == 0x05 and value is not None:  # a period is spelt hours.minutes
            value = Decimal(int(value) * 60 + int(value % 1 * 100))
        quality = self._quality if value is not None else Quality.DEVICE_FAULT
        flag = "FF" if value is None else None
        label = known.name if known else ""
        self._readings.append(
            Reading(self._device, name, metric, value, unit, at, quality, flag, "RTD", "INSTANT", label)
        )

    def _address(self) -> None:
        self._marker(0xF1)
        self._device = self._take(5).hex().upper()
        message = self._message._replace(station=self._device)
        after = self._body[self._at : self._at + 2]
        left_out = after in (b"\xf0\xf0", b"\xf2\xf2", b"\xf3\xf3") and "missing_class" in self._tolerances
        if after and not left_out:
            message = message._replace(station_class=self._take(1)[0])
        self._message = message

    def _time(self) -> None:
        self._marker(0xF0)
        self._observed = bcd.minute(self._take(5))
        if self._message.observed_at is None:
            self._message = self._message._replace(observed_at=self._observed)

    def _marker(self, number: int) -> None:
        if self._take(2)[1] != number:
            raise Refused(f"a lone {number:02X} at {self._at - 2}")

    def _manual(self) -> None:
        """Text to the end, pairs of code and value as typed by the observer: `Z 10.49 Q 1.234`."""
        self._marker(0xF2)
        text = self._take(len(self._body) - self._at).decode("gb18030", "replace").strip("\x00 ")
        self._message = self._message._replace(manual=text)
        words = text.split()
        for code, number in pairwise(words):
            known = BY_CODE.get(code)
            if known and _NUMBER.fullmatch(number):
                self._readings.append(
                    Reading(
                        self._device, known.id, known.metric, Decimal(number), known.unit, self._observed,
                        Quality.MANUAL, None, "RTD", "INSTANT", known.name,
                    )
                )  # fmt: skip

    def _picture(self) -> None:
        self._marker(0xF3)
        self._message = self._message._replace(picture=self._take(len(self._body) - self._at))

    def _status(self) -> None:
        number, definition = self._take(2)
        status = int.from_bytes(self._take(definition >> 3))
        self._message = self._message._replace(status=status)
        self._put(f"{number:02X}", number, Decimal(status), self._observed)

    def _time_step(self) -> None:
        _, definition = self._take(2)
        raw = self._take(definition >> 3).rjust(3, b"\x00")
        days, hours, minutes = (bcd.digits(bytes([part])) for part in raw[-3:])
        self._step = timedelta(days=days, hours=hours, minutes=minutes) or None

    def _groups(self, name: str, number: int, size: int, decimals: int) -> None:
        """Values at equal steps, the identifier said once (6.6.4.4); a supply voltage may end the report."""
        left = len(self._body) - self._at
        step, self._step = self._step or _FIVE_MINUTES, None
        tail = 4 if left >= 4 + size and self._body[-4:-2] == b"\x38\x12" else 0
        if size == 0 or (left - tail) % size:
            raise Refused(f"{left} bytes are no whole number of values of {size} bytes")
        for index in range((left - tail) // size):
            self._put(name, number, self._value(size, decimals), self._observed + index * step)

    def _series(self, number: int, definition: int) -> None:
        """Twelve values at five-minute steps. The observation time is that of the first (hour report, table 36).

        Some stations send the full hour instead: then the last valid value would lie after the send time.
        """
        size, decimals = (1, 1) if number == 0xF4 else (2, 2)
        if definition >> 3 != 12 * size and "series_length" not in self._tolerances:
            raise Refused(f"element {number:02X} of {definition >> 3} bytes: tolerance series_length is off")
        raw = self._take(12 * size)
        invalid = (1 << 8 * size) - 1
        counts = [int.from_bytes(raw[at : at + size]) for at in range(0, 12 * size, size)]
        first = self._observed
        last = max((index for index, count in enumerate(counts) if count != invalid), default=0)
        if first + last * _FIVE_MINUTES > self._message.sent_at + _FIVE_MINUTES and "series_ends" in self._tolerances:
            first -= 11 * _FIVE_MINUTES
        for index, count in enumerate(counts):
            value = None if count == invalid else Decimal(count).scaleb(-decimals)
            self._put(f"{number:02X}", number, value, first + index * _FIVE_MINUTES)


_GUIDES = {
    0xF0: _Report._time,
    0xF1: _Report._address,
    0xF2: _Report._manual,
    0xF3: _Report._picture,
    0x45: _Report._status,
    0x04: _Report._time_step,
}
