"""Frames of SL 651 out of a TCP stream."""

from functools import partial

from cityframes import framing
from cityframes.sl651.frame import AROUND, DEFAULTS, HEADER, START, Frame, declared_size, decode, station_of


def _sender(raw: bytes) -> str | None:
    return station_of(raw, raw[11] < 0x80) if len(raw) > 11 else None


class Framer(framing.Framer[Frame]):
    """Framer of one connection; holds at most one frame of 4,112 bytes and a slice of the input."""

    def __init__(self, tolerances: frozenset[str] = DEFAULTS) -> None:
        super().__init__(
            framing.Shape(START, HEADER, AROUND, declared_size, partial(decode, tolerances=tolerances), _sender)
        )
