"""The packet of HJ 212: `##`, length, data segment, check sum. The instruction parameters (CP) are read in body.py."""

import re
from typing import NamedTuple

from cityframes import crc
from cityframes.result import ErrorKind, FrameError, Refused
from cityframes.tolerances import defaults

START = b"##"
TAIL = b"\r\n"
HEADER = 6
MAX_SEGMENT = 1024  # what the standard allows; the length field can say 9999
DEFAULTS = defaults("hj212")

_FIELDS = {"QN": "qn", "ST": "st", "CN": "cn", "PW": "pw", "MN": "mn", "Flag": "flag", "PNUM": "pnum", "PNO": "pno"}
_BY_UPPER = {name.upper(): name for name in _FIELDS}
_MN = re.compile(rb"MN=([^;,]{1,40})")
_TWO, _FOUR = re.compile(r"\w{2}", re.ASCII), re.compile(r"\d{4}", re.ASCII)
_WORD = re.compile(r"[!-~]{1,40}")
_SMALL = re.compile(r"\d{1,4}", re.ASCII)
_MN_FORM = re.compile(r"[0-9A-F]{24}")


class Frame(NamedTuple):
    """One packet whose check sum holds. `tolerated` names the deviations it has. `raw` is without CR LF if so given."""

    qn: str | None
    st: str
    cn: str
    pw: str | None
    mn: str
    flag: int | None
    pnum: int | None
    pno: int | None
    cp: str
    tolerated: tuple[str, ...]
    raw: bytes

    @property
    def wants_answer(self) -> bool:
        """Say whether the sender waits for an answer (bit A of Flag)."""
        return bool(self.flag and self.flag & 1)

    @property
    def version(self) -> int:
        """Return the edition that Flag names: 0 2005, 1 2017, 2 2025; 0 without Flag."""
        return (self.flag or 0) >> 2

    @property
    def station(self) -> str:
        """Return who sent it, by the name that all protocols share."""
        return self.mn


def declared_size(header: bytes) -> int | None:
    """Return the size, CR LF included, that six bytes announce; None when they cannot begin a packet."""
    digits = header[2:6]
    return HEADER + int(digits) + 6 if digits.isdigit() and int(digits) else None


def sender(raw: bytes) -> str | None:
    """Return the MN that broken bytes still carry."""
    found = _MN.search(raw)
    return found[1].decode("ascii", "replace") if found else None


def decode(raw: bytes, tolerances: frozenset[str] = DEFAULTS) -> Frame | FrameError:
    """Read one packet, with or without its closing CR LF."""
    if not raw.startswith(START):
        return FrameError(ErrorKind.UNDECODABLE, "does not begin with ##", raw, sender(raw))
    digits = raw[2:6]
    if len(digits) < 4 or not digits.isdigit():
        text = f"the length {digits.decode('ascii', 'replace')!r} is not four decimal digits"
        return FrameError(ErrorKind.BAD_LENGTH, text, raw, sender(raw))
    length = int(digits)
    end = HEADER + length
    rest = len(raw) - end
    if rest not in (4, 6):
        text = f"announces a data segment of {length} characters, has {_segment_size(raw)}"
        return FrameError(ErrorKind.BAD_LENGTH, text, raw, sender(raw))
    if rest == 6 and not raw.endswith(TAIL):
        return FrameError(ErrorKind.BAD_TAIL, f"ends with {raw[-2:].hex(' ')} instead of CR LF", raw, sender(raw))
    segment, sent = raw[HEADER:end], raw[end : end + 4]
    found = checked(segment, sent, tolerances)
    if isinstance(found, str):
        return FrameError(ErrorKind.BAD_CHECKSUM, found, raw, sender(raw))
    if length > MAX_SEGMENT:
        found.append("long_segment")
        if "long_segment" not in tolerances:
            text = f"a data segment of {length} characters, the standard allows {MAX_SEGMENT}"
            return FrameError(ErrorKind.BAD_LENGTH, text, raw, sender(raw))
    try:
        return _Head(segment.decode("utf-8"), tolerances, found).frame(raw)
    except (Refused, ValueError) as error:
        return FrameError(ErrorKind.UNDECODABLE, str(error), raw, sender(raw))


def _segment_size(raw: bytes) -> int:
    return max(0, len(raw) - HEADER - 4 - (2 if raw.endswith(TAIL) else 0))


def checked(segment: bytes, sent: bytes, tolerances: frozenset[str]) -> list[str] | str:
    """Return the deviations of a check sum that holds, or why it does not hold."""
    deviations = []
    text = sent.decode("ascii", "replace")
    upper = text.upper()
    if text != upper:
        deviations.append("lowercase_crc")
        if "lowercase_crc" not in tolerances:
            return f"check sum {text} is not in upper-case digits"
    computed = f"{crc.hj212(segment):04X}"
    if upper == computed:
        return deviations
    if upper == f"{crc.modbus(segment):04X}":
        if "modbus_crc" in tolerances:
            return [*deviations, "modbus_crc"]
        return f"check sum {text} is CRC-16/MODBUS, computed {computed}: tolerance modbus_crc is off"
    return f"check sum {text}, computed {computed}"


class _Head:
    """Takes the fields before CP apart."""

    def __init__(self, segment: str, tolerances: frozenset[str], deviations: list[str]) -> None:
        head, found, tail = segment.partition("CP=&&")
        if not found or not tail.endswith("&&"):
            raise Refused("no CP=&&…&& in the data segment")
        if head and head[-1] not in ";,":
            raise Refused("no separator before CP")
        self._tolerances, self._deviations = tolerances, deviations
        self._fields: dict[str, str] = {}
        self._cp = tail[:-2]
        self._order: list[str] = []
        for item in head[:-1].split(";") if head else ():
            self._item(item)

    def tolerate(self, name: str, what: str) -> None:
        """Note a deviation; refuse it when it is not tolerated."""
        if name not in self._tolerances:
            raise Refused(f"{what}: tolerance {name} is off")
        if name not in self._deviations:
            self._deviations.append(name)

    def _item(self, item: str) -> None:
        if item.startswith(","):
            self.tolerate("stray_comma", f"a comma before {item[1:]}")
            item = item[1:]
        name, found, value = item.partition("=")
        if not found:
            raise Refused(f"{item!r} is no field")
        if name not in _FIELDS:
            known = _BY_UPPER.get(name.upper())
            if known is None:
                raise Refused(f"field {name!r} is not known")
            self.tolerate("field_case", f"field {name}")
            name = known
        if name in self._fields:
            raise Refused(f"field {name} occurs twice")
        self._fields[name] = value
        self._order.append(name)

    def _text(self, name: str, form: re.Pattern[str]) -> str:
        value = self._fields.get(name)
        if value is None or not form.fullmatch(value):
            raise Refused(f"field {name} is {'missing' if value is None else repr(value)}")
        return value

    def _number(self, name: str, top: int) -> int | None:
        value = self._fields.get(name)
        if value is None:
            return None
        if not _SMALL.fullmatch(value) or int(value) > top:
            raise Refused(f"field {name} is {value!r}")
        if name != "Flag" and len(value) > 1 and value.startswith("0"):
            self.tolerate("number_form", f"{name}={value}")
        return int(value)

    def frame(self, raw: bytes) -> Frame:
        """Return the packet; Refused when a field is wrong or missing."""
        st, cn = self._text("ST", _TWO), self._text("CN", _FOUR)
        mn = self._text("MN", _WORD)
        if not _MN_FORM.fullmatch(mn):
            self.tolerate("mn_form", f"MN={mn}")
        qn = self._qn()
        pw = self._fields.get("PW")
        if pw is None:
            self.tolerate("missing_pw", "no PW")
        flag = self._number("Flag", 255)
        if flag is None:
            self.tolerate("missing_flag", "no Flag")
        pnum, pno = self._place(flag)
        return Frame(qn, st, cn, pw, mn, flag, pnum, pno, self._cp, tuple(self._deviations), raw)

    def _qn(self) -> str | None:
        qn = self._fields.get("QN")
        if qn is None:
            self.tolerate("missing_qn", "no QN")
            return None
        self._text("QN", _WORD)
        if len(qn) != 17 or not qn.isdigit():
            self.tolerate("qn_form", f"QN={qn}")
        return qn

    def _place(self, flag: int | None) -> tuple[int | None, int | None]:
        """Return total and number of a split packet."""
        pnum, pno = self._number("PNUM", 9999), self._number("PNO", 9999)
        split = bool(flag and flag & 2)
        if split != (pnum is not None and pno is not None) or (pnum is None) != (pno is None):
            self.tolerate("number_form", f"Flag={flag} with PNUM={pnum}, PNO={pno}")
        if pnum is not None and pno is not None:
            if not 1 <= pno <= pnum:
                raise Refused(f"packet {pno} of {pnum}")
            if self._order.index("PNO") < self._order.index("PNUM"):
                self.tolerate("number_form", "PNO before PNUM")
        return pnum, pno
