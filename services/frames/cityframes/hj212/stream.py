"""Packets of HJ 212 out of a TCP stream."""

from functools import partial

from cityframes import framing
from cityframes.hj212.frame import DEFAULTS, HEADER, START, Frame, declared_size, decode, sender


class Framer(framing.Framer[Frame]):
    """Framer of one connection; holds at most one packet of 10,011 bytes and a slice of the input."""

    def __init__(self, tolerances: frozenset[str] = DEFAULTS) -> None:
        super().__init__(
            framing.Shape(START, HEADER, HEADER + 6, declared_size, partial(decode, tolerances=tolerances), sender)
        )
