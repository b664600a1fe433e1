"""Frames of SZY 206 out of a TCP stream, and messages out of split frames."""

from functools import partial

from cityframes import framing
from cityframes.result import ErrorKind, FrameError
from cityframes.szy206.frame import AROUND, DEFAULTS, HEADER, MIN_LENGTH, START, Frame, declared_size, decode, sender


class Framer(framing.Framer[Frame]):
    """Framer of one connection; holds at most one frame (picture: 4,109 bytes) and a slice of the input."""

    def __init__(self, tolerances: frozenset[str] = DEFAULTS) -> None:
        super().__init__(
            framing.Shape(
                START, HEADER, AROUND + MIN_LENGTH, declared_size, partial(decode, tolerances=tolerances), sender
            )
        )


class Assembler:
    """Joins split frames (DIVS counts down to 1) of one connection. They must come in order; a gap drops the message.

    Memory is bounded: `max_bytes` a message, `max_messages` at once, `timeout_s` from the first frame on.
    """

    def __init__(self, timeout_s: float = 120.0, max_bytes: int = 1 << 20, max_messages: int = 8) -> None:
        self._timeout, self._max_bytes, self._max_messages = timeout_s, max_bytes, max_messages
        self._partials: dict[tuple[str, int], tuple[int, float, bytearray]] = {}  # -> next count, since, data

    def add(self, frame: Frame, now: float) -> Frame | FrameError | None:
        """Return the whole message as one frame; None while frames are missing; or why it was dropped."""
        if frame.divs is None:
            return frame
        key = (frame.station, frame.afn)
        expected, since, data = self._partials.pop(key, (0, now, bytearray()))
        if expected and now - since > self._timeout:
            expected = 0
        if expected and frame.divs == expected + 1:  # the last frame once more
            self._partials[key] = (expected, since, data)
            return None
        if expected and frame.divs < expected:
            text = f"split frame {frame.divs} came, {expected} was due"
            return FrameError(ErrorKind.UNDECODABLE, text, frame.raw, frame.station)
        if not expected or frame.divs > expected:
            since, data = now, bytearray()
        data += frame.data
        if len(data) > self._max_bytes:
            text = f"a split message is larger than {self._max_bytes} bytes"
            return FrameError(ErrorKind.BAD_LENGTH, text, frame.raw, frame.station)
        if frame.divs == 1:
            return frame._replace(divs=None, data=bytes(data))
        if len(self._partials) >= self._max_messages:
            del self._partials[min(self._partials, key=lambda old: self._partials[old][1])]
        self._partials[key] = (frame.divs - 1, since, data)
        return None

    def expire(self, now: float) -> list[tuple[str, int]]:
        """Drop what has waited too long; return (station, function code) of each message that stayed incomplete."""
        old = [key for key, (_, since, _) in self._partials.items() if now - since > self._timeout]
        for key in old:
            del self._partials[key]
        return old
