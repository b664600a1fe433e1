"""Frames of GB/T 26875.3 out of a TCP stream."""

from functools import partial

from cityframes import framing
from cityframes.gb26875.frame import AROUND, DEFAULTS, HEADER, START, Frame, declared_size, decode, sender


class Framer(framing.Framer[Frame]):
    """Framer of one connection; holds at most one frame of 1,054 bytes and a slice of the input."""

    def __init__(self, tolerances: frozenset[str] = DEFAULTS) -> None:
        super().__init__(
            framing.Shape(START, HEADER, AROUND, declared_size, partial(decode, tolerances=tolerances), sender)
        )
