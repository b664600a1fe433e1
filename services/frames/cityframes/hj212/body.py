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
from cityframes.hj212.tables import COMMANDS, DUST, FLAGS, NOISE, RESULTS, SUFFIXES, Suffix, factor
from cityframes.result import ErrorKind, FrameError, Quality, Reading, Refused

_NUMBER = re.compile(r"[+-]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})(?:[eE][+-]?\d{1,2})?", re.ASCII)
_TYPOS = {"td": "Rtd", "rtd": "Rtd", "RTD": "Rtd", "avg": "Avg", "min": "Min", "max": "Max", "cou": "Cou"}
_UNKNOWN = Suffix("", "value", "RTD", "", "", "")
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


class _Item(NamedTuple):
    """One value before its flag is known."""

    section: int
    key: str
    factor: str
    suffix: Suffix
    text: str
    flag: str | None
    at: datetime | None


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
        items = []
        flags: dict[str, str] = {}
        factors = set()
        for part in group.split(","):
            key, found, text = part.partition("=")
            if not found or not key:
                raise Refused(f"{part!r} is no parameter")
            code, dash, suffix = key.rpartition("-")
            if suffix == "Flag" or key == "Flag":
                flags[code] = text
                factors.add(code)
            elif dash:
                items.append((key, code, suffix, text))
                factors.add(code)
            else:
                self._field(key, text)
                factors.add(key)
        if len(factors) > 1:
            self._tolerate("comma_separator", "a comma between parameters")
        for code, flag in flags.items():
            self._flags[self._section, code] = flag
        for key, code, suffix, text in items:
            self._value(key, code, suffix, text, flags.get(code))

    def _field(self, key: str, text: str) -> None:
        """Take a parameter that belongs to no factor."""
        self._fields.append((key, text))
        if key == "DataTime":
            if len(text) == 17:
                self._tolerate("time_milliseconds", f"DataTime={text}")
            self._time = moment(text)
            self._section += 1
            self._first_time = self._first_time or self._time

    def _value(self, key: str, code: str, name: str, text: str, flag: str | None) -> None:
        suffix = SUFFIXES.get(name)
        if suffix is None and name in _TYPOS:
            self._tolerate("suffix_typo", f"suffix {name} of {key}")
            suffix = SUFFIXES[_TYPOS[name]]
        if suffix is None and not _NUMBER.fullmatch(text):
            self._fields.append((key, text))
            return
        if suffix is not None and suffix.kind == "text":
            self._fields.append((key, text))
            return
        self._items.append(_Item(self._section, key, code, suffix or _UNKNOWN, text, flag, self._at()))

    def _at(self) -> datetime | None:
        """Return the time of the next value: the data time, else the time in QN, else none."""
        if self._time is None and self._frame.qn is not None and len(self._frame.qn) == 17:
            self._time = moment(self._frame.qn)
        return self._time

    def _reading(self, item: _Item) -> Reading:
        flag = item.flag or self._flags.get((item.section, item.factor)) or self._flags.get((item.section, ""))
        value: Decimal | None = Decimal(item.text) if _NUMBER.fullmatch(item.text) else None
        if flag is not None:
            known = FLAGS.get(flag.upper())
            quality = known[1] if known else Quality.SUSPECT
        else:
            quality = Quality.GOOD
        if value is None and quality in (Quality.GOOD, Quality.MANUAL, Quality.OVER_RANGE):
            quality = Quality.DEVICE_FAULT
        metric, unit, name = self._meaning(item.factor, item.suffix, item.key)
        return Reading(
            self._frame.mn, item.key, metric, value, unit, item.at, quality, flag, item.suffix.stat, self._period, name
        )

    def _meaning(self, code: str, suffix: Suffix, key: str) -> tuple[str, str, str]:
        """Return metric, unit and name of a value."""
        known = factor(code, self._frame.st)
        if suffix is _UNKNOWN:
            return key, self._units.get(code, ""), ""
        metric = known.code if known else code
        if known is None:
            unit, name = ("dB{A}", NOISE[code]) if code in NOISE else ("", "")
        else:
            unit, name = (known.total_unit if suffix.kind == "total" else known.unit), known.name
            if known.code in DUST and suffix.kind == "value" and "dust_micrograms" in self._tolerances:
                unit = "ug/m3"
        if suffix.unit:
            unit = suffix.unit
        unit = self._units.get(code, unit) if suffix.kind == "value" else unit
        return f"{metric}_{suffix.metric}" if suffix.metric else metric, unit, name

    def _outcome(self) -> str | None:
        for key, text in self._fields:
            if key in ("QnRtn", "ExeRtn") and text.isdigit() and len(text) <= 3:
                found = RESULTS.get((key, int(text)))
                return found[1] if found else None
        return None
