"""Building of HJ 212 packets: reports as stations send them, requests of a centre and the answers of both."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from cityframes import crc
from cityframes.bcd import SHANGHAI
from cityframes.hj212.frame import MAX_SEGMENT, TAIL, Frame

V2017 = 4  # Flag without answer and without split: version 000001


def build(
    *,
    st: str,
    cn: str,
    mn: str,
    cp: str = "",
    qn: str | None = None,
    pw: str | None = "123456",
    flag: int | None = V2017,
    pnum: int | None = None,
    pno: int | None = None,
    modbus: bool = False,
) -> bytes:
    """Return one packet with CR LF; ValueError when the data segment is longer than the length field can say."""
    fields = [
        ("QN", qn), ("ST", st), ("CN", cn), ("PW", pw), ("MN", mn), ("Flag", flag), ("PNUM", pnum), ("PNO", pno),
    ]  # fmt: skip
    head = "".join(f"{name}={value};" for name, value in fields if value is not None)
    segment = f"{head}CP=&&{cp}&&".encode()
    if len(segment) > 9999:
        raise ValueError(f"a data segment of {len(segment)} bytes; send several packets of {MAX_SEGMENT}")
    check = crc.modbus(segment) if modbus else crc.hj212(segment)
    return b"##%04d" % len(segment) + segment + b"%04X" % check + TAIL


def stamp(at: datetime, *, milliseconds: bool = False) -> str:
    """Return an aware time as Shanghai time in 14 or 17 digits."""
    if at.tzinfo is None:
        raise ValueError("a time without zone cannot be sent")
    local = at.astimezone(SHANGHAI)
    return local.strftime("%Y%m%d%H%M%S") + (f"{local.microsecond // 1000:03d}" if milliseconds else "")


Value = tuple[str, str, Decimal | int | str, str | None]


def data(at: datetime, values: Iterable[Value]) -> str:
    """Return the CP of a data packet: (factor, suffix, value, flag); values of one factor stand together."""
    groups: dict[str, list[str]] = {}
    flags: dict[str, str] = {}
    for code, suffix, value, flag in values:
        text = format(value, "f") if isinstance(value, Decimal) else str(value)
        groups.setdefault(code, []).append(f"{code}-{suffix}={text}")
        if flag is not None:
            flags[code] = flag
    parts = [",".join([*texts, *([f"{code}-Flag={flags[code]}"] if code in flags else [])])
             for code, texts in groups.items()]  # fmt: skip
    return ";".join([f"DataTime={stamp(at)}", *parts])


def answer(frame: Frame, cn: str, cp: str = "") -> bytes:
    """Return an answer with the packet's QN, PW, MN and version: system 91, no answer wanted, not split."""
    flag = None if frame.flag is None else frame.flag & 0xFC
    return build(st="91", cn=cn, mn=frame.mn, cp=cp, qn=frame.qn, pw=frame.pw, flag=flag)


def confirm(frame: Frame) -> bytes:
    """Return the answer to data (9014), to a notice (9013) or to a login (9022)."""
    return answer(frame, {"1013": "9013", "9021": "9022"}.get(frame.cn, "9014"))


def accept(request: Frame, code: int = 1) -> bytes:
    """Return a station's answer to a request (9011): 1 about to execute, 2 refused, ... (table 7)."""
    return answer(request, "9011", f"QnRtn={code}")


def result(request: Frame, code: int = 1) -> bytes:
    """Return a station's report that a request was executed (9012): 1 done, ... (table 6)."""
    return answer(request, "9012", f"ExeRtn={code}")
