"""Instruction parameters (CP) of HJ 212: times, values with their flags, answers. It never raises.

Every factor has its own flag; a factor without one counts as normal, as the standard says for fields left out.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from cityframes.bcd import SHANGHAI
from cityframes.hj212.frame import DEFAULTS, Frame
from cityframes.hj212.tables import COMMANDS, DUST, FLAGS, NOISE, RESULTS, SUFFIXES, factor
from cityframes.result import ErrorKind, FrameError, Quality, Reading, Refused

_NUMBER = re.compile(r"[+-]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})(?:[eE][+-]?\d{1,2})?", re.ASCII)
_TYPOS = {"td": "Rtd", "rtd": "Rtd", "RTD": "Rtd", "avg": "Avg", "min": "Min", "max": "Max", "cou": "Cou"}
_MEASURED = (Quality.GOOD, Quality.MANUAL, Quality.OVER_RANGE)  # flags that go with a value
_UNITED = ("value", "unknown")  # kinds whose unit a device may have its own of
_NO_UNITS: Mapping[str, str] = {}


class Message(NamedTuple):
    """What a packet says. `fields` are the parameters that are no values, as written, in their order.

    `outcome` is the meaning of QnRtn or ExeRtn; `tolerated` adds the body's deviations to the frame's.
    """

    data_time: datetime | None
    readings: tuple[Reading, ...]
    fields: tuple[tuple[str, str], ...]
    outcome: str | None = None
    tolerated: tuple[str, ...] = ()

    @property
    def observed_at(self) -> datetime | None:
        """Return the data time, by the name that all protocols share."""
        return self.data_time


class _Key(NamedTuple):
    """What the name of a parameter means: the factor, the kind of value, whether its suffix is a typing error."""

    code: str
    kind: str
    typo: bool
    stat: str
    metric: str
    unit: str
    name: str


class _Item(NamedTuple):
    """One value before its flag is known."""

    section: int
    name: str
    key: _Key
    text: str
    flag: str | None
    at: datetime | None


@lru_cache(16384)
def _key(name: str, system: str, dust: bool) -> _Key:
    """Return the meaning of a parameter's name; `dust`: dust counts in micrograms."""
    code, dash, ending = name.rpartition("-")
    if name == "Flag":
        return _Key("", "flag", False, "", "", "", "")
    if not dash:
        return _Key(name, "field", False, "", "", "", "")
    suffix = SUFFIXES.get(ending)
    typo = suffix is None and ending in _TYPOS
    if typo:
        suffix = SUFFIXES[_TYPOS[ending]]
    if suffix is None:
        return _Key(code, "unknown", False, "RTD", name, "", "")
    metric, unit, label = code, "dB{A}" if code in NOISE else "", NOISE.get(code, "")
    known = factor(code, system)
    if known is not None:
        metric, label = known.code, known.name
        unit = known.total_unit if suffix.kind == "total" else known.unit
        if known.code in DUST and suffix.kind == "value" and dust:
            unit = "ug/m3"
    if suffix.metric:
        metric = f"{metric}_{suffix.metric}"
    return _Key(code, suffix.kind, typo, suffix.stat, metric, suffix.unit or unit, label)


def read(
    frame: Frame, tolerances: frozenset[str] = DEFAULTS, units: Mapping[str, str] = _NO_UNITS
) -> Message | FrameError:
    """Read the parameters of a packet. `units` gives the unit of a factor where the device sends another one."""
    try:
        return _Body(frame, tolerances, units).read()
    except (Refused, ValueError, OverflowError) as error:
        return FrameError(ErrorKind.UNDECODABLE, f"command {frame.cn}: {error}", frame.raw, frame.mn)


@lru_cache(4096)
def moment(text: str) -> datetime:
    """Return YYYYMMDDhhmmss or YYYYMMDDhhmmsszzz as Shanghai time; ValueError for anything else."""
    if len(text) not in (14, 17) or not text.isdigit() or not text.isascii():
        raise ValueError(f"{text!r} is no time: 14 digits, or 17 with milliseconds")
    parts = (int(text[:4]), *(int(text[at : at + 2]) for at in range(4, 14, 2)))
    milliseconds = int(text[14:] or 0)
    year, month, day, hour, minute, second = parts
    return datetime(year, month, day, hour, minute, second, milliseconds * 1000, tzinfo=SHANGHAI)


class _Body:
    """Walks through the items of one CP."""

    def __init__(self, frame: Frame, tolerances: frozenset[str], units: Mapping[str, str]) -> None:
        self._frame, self._tolerances, self._units = frame, tolerances, units
        self._dust = "dust_micrograms" in tolerances
        self._deviations: list[str] = []
        self._fields: list[tuple[str, str]] = []
        self._items: list[_Item] = []
        self._flags: dict[tuple[int, str], str] = {}
        self._time: datetime | None = None
        self._first_time: datetime | None = None
        self._section = 0
        command = COMMANDS.get(frame.cn)
        self._period = (command.period if command else "") or "INSTANT"

    def read(self) -> Message:
        for group in self._groups():
            self._group(group)
        readings = tuple([self._reading(item) for item in self._items])
        return Message(
            self._first_time, readings, tuple(self._fields), self._outcome(),
            (*self._frame.tolerated, *self._deviations),
        )  # fmt: skip

    def _tolerate(self, name: str, what: str) -> None:
        if name not in self._tolerances:
            raise Refused(f"{what}: tolerance {name} is off")
        if name not in self._deviations:
            self._deviations.append(name)

    def _groups(self) -> Iterator[str]:
        cp = self._frame.cp
        if cp.endswith(";"):
            self._tolerate("trailing_semicolon", "a semicolon before the closing &&")
            cp = cp.rstrip(";")
        return iter(cp.split(";")) if cp else iter(())

    def _group(self, group: str) -> None:
        """Take one group: the sub-fields of one factor, separated by commas."""
        items: list[tuple[str, _Key, str]] = []
        flags: dict[str, str] = {}
        first: str | None = None
        mixed = False
        for part in group.split(","):
            name, found, text = part.partition("=")
            if not found or not name:
                raise Refused(f"{part!r} is no parameter")
            key = _key(name, self._frame.st, self._dust)
            if first is None:
                first = key.code
            elif key.code != first:
                mixed = True
            if key.kind == "flag":
                flags[key.code] = text
            elif key.kind == "field":
                self._field(name, text)
            else:
                items.append((name, key, text))
        if mixed:
            self._tolerate("comma_separator", "a comma between parameters")
        for code, flag in flags.items():
            self._flags[self._section, code] = flag
        for name, key, text in items:
            self._value(name, key, text, flags.get(key.code))

    def _field(self, key: str, text: str) -> None:
        """Take a parameter that belongs to no factor."""
        self._fields.append((key, text))
        if key == "DataTime":
            if len(text) == 17:
                self._tolerate("time_milliseconds", f"DataTime={text}")
            self._time = moment(text)
            self._section += 1
            self._first_time = self._first_time or self._time

    def _value(self, name: str, key: _Key, text: str, flag: str | None) -> None:
        if key.typo:
            self._tolerate("suffix_typo", f"suffix of {name}")
        if key.kind == "text" or (key.kind == "unknown" and not _NUMBER.fullmatch(text)):
            self._fields.append((name, text))
            return
        self._items.append(_Item(self._section, name, key, text, flag, self._time or self._at()))

    def _at(self) -> datetime | None:
        """Return the time of the next value: the data time, else the time in QN, else none."""
        if self._time is None and self._frame.qn is not None and len(self._frame.qn) == 17:
            self._time = moment(self._frame.qn)
        return self._time

    def _reading(self, item: _Item) -> Reading:
        section, name, key, text, flag, at = item
        flag = flag or self._flags.get((section, key.code)) or self._flags.get((section, ""))
        value: Decimal | None = Decimal(text) if _NUMBER.fullmatch(text) else None
        quality = Quality.GOOD
        if flag is not None and flag != "N":
            known = FLAGS.get(flag.upper())
            quality = known[1] if known else Quality.SUSPECT
        if value is None and quality in _MEASURED:
            quality = Quality.DEVICE_FAULT
        unit = self._units.get(key.code, key.unit) if self._units and key.kind in _UNITED else key.unit
        return Reading(
            self._frame.mn, name, key.metric, value, unit, at, quality, flag, key.stat, self._period, key.name
        )

    def _outcome(self) -> str | None:
        for key, text in self._fields:
            if key in ("QnRtn", "ExeRtn") and text.isdigit() and len(text) <= 3:
                found = RESULTS.get((key, int(text)))
                return found[1] if found else None
        return None
