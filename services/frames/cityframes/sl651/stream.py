"""Frames out of a TCP stream: half frames, several at once, garbage between, resynchronisation. Memory is bounded.

A refused stretch never hides the next good frame: after any error, and while a started frame is still incomplete, later
frame starts are looked at as well.
"""

from cityframes.result import ErrorKind, FrameError
from cityframes.sl651.frame import HEADER, START, Frame, declared_size, decode, station_of

_SLICE = 1 << 16
_RAW_KEPT = 4096


class Framer:
    """Feed it what the socket gave; it returns what is decided. `flush` decides the remainder.

    It holds at most one frame (4,112 bytes), one slice of the input (64 KB) and the head of a garbage run (4 KB).
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._garbage = bytearray()
        self._garbage_size = 0
        self._out: list[Frame | FrameError] = []
        self._later: list[int] = []  # frame starts behind an incomplete frame, themselves incomplete
        self._looked = 0

    @property
    def waiting(self) -> int:
        """Bytes that are held without a verdict."""
        return len(self._buffer) + self._garbage_size

    @property
    def in_frame(self) -> bool:
        """Say whether a frame has begun that is not complete."""
        return self._buffer.startswith(START)

    def feed(self, data: bytes | bytearray) -> list[Frame | FrameError]:
        """Take bytes; return frames and errors in the order of the stream."""
        for at in range(0, len(data), _SLICE):
            self._buffer += data[at : at + _SLICE]
            self._scan()
        return self._taken()

    def flush(self) -> list[Frame | FrameError]:
        """Give up waiting: the stream was silent or has ended."""
        while len(self._buffer) > 1 and self._buffer.startswith(START):
            self._cut(self._next_start(2), "the stream stopped within a frame")
            self._scan()
        self._discard(len(self._buffer))
        self._end_garbage()
        return self._taken()

    def _taken(self) -> list[Frame | FrameError]:
        out, self._out = self._out, []
        return out

    def _scan(self) -> None:
        """Decide as much of the buffer as can be decided."""
        buffer = self._buffer
        while True:
            start = buffer.find(START)
            if start < 0:
                self._discard(len(buffer) - buffer.endswith(START[:1]))
                return
            self._discard(start)
            if len(buffer) < HEADER:
                return
            size = declared_size(buffer)
            if size is None:
                self._discard(1)
            elif len(buffer) >= size:
                self._take(size)
            elif (later := self._good_frame_behind()) is not None:
                self._cut(later, "another frame began within a frame")
            else:
                return

    def _take(self, size: int) -> None:
        """Decide a frame whose announced bytes are all there."""
        found = decode(bytes(self._buffer[:size]))
        if isinstance(found, Frame):
            self._emit(found)
            self._drop(size)
            return
        if found.kind is ErrorKind.BAD_TAIL:  # no end where the length says: the length is wrong, or what it counts
            found = found._replace(kind=ErrorKind.BAD_LENGTH, detail=f"{found.detail}: announced {size} bytes")
        end = self._next_start(2)
        self._emit(found._replace(raw=bytes(self._buffer[: min(end, _RAW_KEPT)])))
        self._drop(end)

    def _cut(self, end: int, why: str) -> None:
        """Refuse the bytes before `end` as a broken frame."""
        raw = bytes(self._buffer[: min(end, _RAW_KEPT)])
        station = station_of(raw, raw[11] < 0x80) if len(raw) > 11 else None
        self._emit(FrameError(ErrorKind.BAD_LENGTH, f"{why}: {end} bytes", raw, station))
        self._drop(end)

    def _next_start(self, at: int) -> int:
        """Return where the next frame may begin at or after `at`, else the end of what can be none."""
        start = self._buffer.find(START, at)
        if start >= 0:
            return start
        return len(self._buffer) - (len(self._buffer) > at and self._buffer.endswith(START[:1]))

    def _good_frame_behind(self) -> int | None:
        """Return where a whole, right frame begins behind the incomplete one; each start is judged once."""
        buffer = self._buffer
        start = buffer.find(START, max(self._looked, 2))
        while start >= 0:
            self._later.append(start)
            start = buffer.find(START, start + 1)
        self._looked = max(len(buffer) - 1, 2)
        waiting = []
        for start in self._later:
            size = declared_size(buffer[start : start + HEADER]) if len(buffer) - start >= HEADER else 0
            if size is None:
                continue
            if size and start + size <= len(buffer):
                if isinstance(decode(bytes(buffer[start : start + size])), Frame):
                    return start
            else:
                waiting.append(start)
        self._later = waiting
        return None

    def _emit(self, result: Frame | FrameError) -> None:
        self._end_garbage()
        self._out.append(result)

    def _drop(self, size: int) -> None:
        if size:
            del self._buffer[:size]
            self._later, self._looked = [], 0

    def _discard(self, size: int) -> None:
        """Count bytes that belong to no frame."""
        if size <= 0:
            return
        if len(self._garbage) < _RAW_KEPT:
            self._garbage += self._buffer[: min(size, _RAW_KEPT - len(self._garbage))]
        self._garbage_size += size
        self._drop(size)
        if self._garbage_size >= _SLICE:
            self._end_garbage()

    def _end_garbage(self) -> None:
        if self._garbage_size:
            text = f"{self._garbage_size} bytes that belong to no frame"
            self._out.append(FrameError(ErrorKind.GARBAGE, text, bytes(self._garbage)))
            self._garbage.clear()
            self._garbage_size = 0
