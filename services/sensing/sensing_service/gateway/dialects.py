"""What the TCP server must know of each device protocol: whose frame it is, what it measured, how it is answered.

One dialect object belongs to one connection. It knows no socket and no Kafka; the server answers when Kafka has the
report. Values keep the names of the protocol: which of them a device is registered to measure is for the intake.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from cityframes import FrameError, Reading, gb26875, hj212, sl651, szy206
from cityframes.framing import Framer
from cityframes.tolerances import choose
from liandong_contracts.common import Protocol as Wire
from liandong_contracts.common import Quality
from liandong_contracts.sensing import RejectReason

from sensing_service.domain.intake import Sample
from sensing_service.gateway.alarms import Signal
from sensing_service.gateway.intake import Refusal

_QUALITIES = {quality.value: quality for quality in Quality}
_FIRST_REPORT, _LAST_REPORT = 0x30, 0x36  # SL 651 functions that a centre confirms
_FROM_CENTRE = frozenset({"9013", "9014", "9022"})  # HJ 212 commands that only a centre sends
_ANSWERS = frozenset({"9011", "9012", "9013", "9014", "9015"})  # HJ 212 commands that nobody answers


class Heard(NamedTuple):
    """One understood frame. `answer` makes the confirmation for a moment; None: the sender waits for none."""

    native_id: str
    function_code: str
    raw: bytes
    samples: list[Sample]
    observed_at: datetime
    answer: Callable[[datetime], bytes] | None = None
    refusal: Refusal | None = None
    signals: tuple[Signal, ...] = ()


class Dialect(Protocol):
    """One protocol on one connection."""

    wire: Wire
    framer: Framer[Any]

    def hear(self, frame: Any, now: datetime, seconds: float) -> Heard | FrameError | None:
        """Return what a frame says; None while packets of a split message are missing. `seconds`: a steady clock."""

    def expire(self, seconds: float) -> None:
        """Forget split messages that stayed incomplete too long."""


class Options(NamedTuple):
    """What is set per protocol: changes of the tolerances, and the password that frames must carry (empty: any)."""

    tolerate: str = ""
    password: str = ""


def _samples(readings: Iterable[Reading], otherwise: datetime) -> list[Sample]:
    return [
        Sample(
            one.element, None if one.value is None else float(one.value), one.observed_at or otherwise,
            _QUALITIES[one.quality.value], one.flag,
        )
        for one in readings
    ]  # fmt: skip


def _signals(word: int | None, states: tuple[str, ...], at: datetime | None) -> tuple[Signal, ...]:
    """Return the state word of a whole device, if the frame has one."""
    return () if word is None else (Signal("", f"{word:08X}", states, at),)


def _panel_signals(message: gb26875.Message) -> Iterable[Signal]:
    """Return the states of the systems and components that a fire panel reports."""
    kind = gb26875.TYPES.get(message.type or 0)
    for item in message.items:
        if kind is None or item.status is None:
            continue
        parts = (item.system, item.address, item.component, item.place)
        yield Signal(
            ".".join(str(part) for part in parts if part is not None), f"{item.status:04X}",
            gb26875.states(kind.bits, item.status), item.time, None if item.place is None else str(item.place.zone),
            item.text or "",
        )  # fmt: skip


def _foreign(text: str) -> Refusal:
    return Refusal(RejectReason.UNDECODABLE, text)


def _password(said: str | None, options: Options) -> Refusal | None:
    if not options.password or said == options.password:
        return None
    return Refusal(RejectReason.UNKNOWN_DEVICE, "the password in the frame is wrong: the sender is not who it says")


class Sl651:
    """SL 651: reports (30 to 36) are confirmed with ESC, or ACK when more follows; pictures are not confirmed."""

    wire = Wire.SL651

    def __init__(self, options: Options) -> None:
        self._options, self._tolerances = options, choose("sl651", options.tolerate)
        self.framer: Framer[Any] = sl651.Framer(self._tolerances)
        self._assembler: sl651.Assembler | None = None

    def hear(self, frame: sl651.Frame, now: datetime, seconds: float) -> Heard | FrameError | None:
        """Return what a frame says."""
        if frame.packet is not None:
            self._assembler = self._assembler or sl651.Assembler()
            whole = self._assembler.add(frame, seconds)
            if whole is None or isinstance(whole, FrameError):
                return whole
            frame = whole
        message = sl651.read(frame, self._tolerances)
        if isinstance(message, FrameError):
            return message
        confirmed = _FIRST_REPORT <= frame.function <= _LAST_REPORT and message.picture is None
        end = sl651.End.ACK if frame.end is sl651.End.ETB else sl651.End.ESC
        return Heard(
            frame.station, f"{frame.function:02X}", frame.raw, _samples(message.readings, message.sent_at),
            message.observed_at or message.sent_at, (lambda at: sl651.answer(frame, at, end)) if confirmed else None,
            self._refusal(frame, message), _signals(message.status, message.states, message.observed_at),
        )  # fmt: skip

    def _refusal(self, frame: sl651.Frame, message: sl651.Message) -> Refusal | None:
        if not frame.uplink:
            return _foreign("a downlink frame: only stations are heard here")
        if message.station is not None and message.station != frame.station:
            return _foreign(f"the frame is sent by {frame.station} and speaks for {message.station}")
        return _password(frame.password, self._options)

    def expire(self, seconds: float) -> None:
        """Forget split messages that stayed incomplete too long."""
        if self._assembler is not None:
            self._assembler.expire(seconds)


class Hj212:
    """HJ 212: packets that want an answer get 9014 (data), 9013 (notice) or 9022 (login)."""

    wire = Wire.HJ212

    def __init__(self, options: Options) -> None:
        self._options, self._tolerances = options, choose("hj212", options.tolerate)
        self.framer: Framer[Any] = hj212.Framer(self._tolerances)

    def hear(self, frame: hj212.Frame, now: datetime, seconds: float) -> Heard | FrameError | None:
        """Return what a packet says."""
        message = hj212.read(frame, self._tolerances)
        if isinstance(message, FrameError):
            return message
        answered = frame.wants_answer and frame.cn not in _ANSWERS
        refusal = _password(frame.pw, self._options)
        if frame.cn in _FROM_CENTRE:
            refusal = _foreign(f"command {frame.cn} is a centre's: only stations are heard here")
        return Heard(
            frame.mn, frame.cn, frame.raw, _samples(message.readings, now), message.data_time or now,
            (lambda _: hj212.confirm(frame)) if answered else None, refusal,
        )  # fmt: skip

    def expire(self, seconds: float) -> None:
        """Nothing waits: each packet of a split message says its own time."""


class Szy206:
    """SZY 206: link checks, reports, alarms and manual data are acknowledged; time labels get the month of arrival."""

    wire = Wire.SZY206
    _CONFIRMED = frozenset({0x02, 0x61, 0x81, 0x82, 0xC0})

    def __init__(self, options: Options) -> None:
        self._tolerances = choose("szy206", options.tolerate)
        self.framer: Framer[Any] = szy206.Framer(self._tolerances)
        self._assembler = szy206.Assembler()

    def hear(self, frame: szy206.Frame, now: datetime, seconds: float) -> Heard | FrameError | None:
        """Return what a frame says."""
        whole = self._assembler.add(frame, seconds)
        if whole is None or isinstance(whole, FrameError):
            return whole
        message = szy206.read(whole, self._tolerances, now)
        if isinstance(message, FrameError):
            return message
        confirmed = frame.afn in self._CONFIRMED
        return Heard(
            frame.station, f"{frame.afn:02X}", frame.raw, _samples(message.readings, now), message.observed_at or now,
            (lambda _: szy206.confirm(frame)) if confirmed else None,
            None if frame.uplink else _foreign("a downlink frame: only terminals are heard here"),
            _signals(message.alarm, message.alarms, message.observed_at),
        )  # fmt: skip

    def expire(self, seconds: float) -> None:
        """Forget split messages that stayed incomplete too long."""
        self._assembler.expire(seconds)


class Gb26875:
    """GB/T 26875.3: data (command 2) are confirmed; answers and confirmations of the device are signs of life."""

    wire = Wire.GB26875

    def __init__(self, options: Options) -> None:
        self._tolerances = choose("gb26875", options.tolerate)
        self.framer: Framer[Any] = gb26875.Framer(self._tolerances)

    def hear(self, frame: gb26875.Frame, now: datetime, seconds: float) -> Heard | FrameError | None:
        """Return what a frame says."""
        message = gb26875.read(frame, self._tolerances)
        if isinstance(message, FrameError):
            return message
        refusal = None
        if frame.command in (gb26875.CONTROL, gb26875.REQUEST):
            refusal = _foreign(f"command {frame.command} is a centre's: only transmission devices are heard here")
        return Heard(
            frame.station, "" if message.type is None else str(message.type), frame.raw,
            _samples(message.readings, now), message.observed_at or now,
            (lambda at: gb26875.confirm(frame, at)) if frame.command == gb26875.DATA else None, refusal,
            tuple(_panel_signals(message)),
        )  # fmt: skip

    def expire(self, seconds: float) -> None:
        """Nothing waits: messages are whole."""
