"""Frames out of a TCP stream: half frames, several at once, garbage between, resynchronisation. Memory is bounded.

A refused stretch never hides the next good frame: after any error, and while a started frame is still incomplete, later
frame starts are looked at as well. Each start is judged once, so the work is linear in the bytes.
"""

import heapq
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from cityframes.result import ErrorKind, FrameError

_SLICE = 1 << 16
_HEAD = 32  # no protocol needs more bytes to know the size of a frame
RAW_KEPT = 4096

F = TypeVar("F")


class Shape(NamedTuple, Generic[F]):
    """What the framer must know of a protocol.

    `declared` gets the first bytes of a frame, `header` at least and 32 at most, and returns the size that they
    announce: None when they cannot begin a frame, 0 when it needs more of them. `decode` reads exactly one frame.
    `sender` returns who sent a broken frame, if its bytes still say so. `least` is the size of the shortest frame.
    """

    start: bytes
    header: int
    least: int
    declared: Callable[[bytes], int | None]
    decode: Callable[[bytes], F | FrameError]
    sender: Callable[[bytes], str | None]


class Framer(Generic[F]):
    """Feed it what the socket gave; it returns what is decided. `flush` decides the remainder.

    It holds at most one frame of the protocol, one slice of the input (64 KB) and the head of a garbage run (4 KB).
    """

    def __init__(self, shape: Shape[F]) -> None:
        self._shape = shape
        self._buffer = bytearray()
        self._garbage = bytearray()
        self._garbage_size = 0
        self._out: list[F | FrameError] = []
        self._base = 0  # place of the buffer in the stream
        self._later: list[tuple[int, int, bool]] = []  # starts behind an incomplete frame: decidable at, start, sized
        self._looked = 0  # places in the stream before this one are in _later, or were
        self._erring = False  # nothing good has come since the last error

    @property
    def waiting(self) -> int:
        """Bytes that are held without a verdict."""
        return len(self._buffer) + self._garbage_size

    @property
    def in_frame(self) -> bool:
        """Say whether a frame has begun that is not complete."""
        return self._buffer.startswith(self._shape.start)

    def feed(self, data: bytes | bytearray) -> list[F | FrameError]:
        """Take bytes; return frames and errors in the order of the stream."""
        for at in range(0, len(data), _SLICE):
            self._buffer += data[at : at + _SLICE]
            self._scan()
        return self._taken()

    def flush(self) -> list[F | FrameError]:
        """Give up waiting: the stream was silent or has ended."""
        while len(self._buffer) >= len(self._shape.start) and self._buffer.startswith(self._shape.start):
            self._cut(self._next_start(len(self._shape.start)), "the stream stopped within a frame")
            self._scan()
        self._discard(len(self._buffer))
        self._end_garbage()
        return self._taken()

    def _taken(self) -> list[F | FrameError]:
        out, self._out = self._out, []
        return out

    def _scan(self) -> None:
        """Decide as much of the buffer as can be decided."""
        buffer, shape = self._buffer, self._shape
        while True:
            start = buffer.find(shape.start)
            if start:
                self._discard(start if start > 0 else len(buffer) - self._half_start())
                if start < 0:
                    return
            if len(buffer) < shape.header:
                return
            size = shape.declared(bytes(buffer[:_HEAD]))
            if size is None:
                self._discard(1)
            elif 0 < size <= len(buffer):
                self._take(size)
            elif (later := self._good_frame_behind()) is not None:
                self._cut(later, "another frame began within a frame")
            else:
                return

    def _half_start(self) -> int:
        """Return how many bytes at the end may begin a start."""
        start = self._shape.start
        return 1 if len(start) > 1 and self._buffer.endswith(start[:1]) else 0

    def _take(self, size: int) -> None:
        """Decide a frame whose announced bytes are all there."""
        found = self._shape.decode(bytes(self._buffer[:size]))
        if not isinstance(found, FrameError):
            self._emit(found)
            self._erring = False
            self._drop(size)
            return
        if found.kind is ErrorKind.BAD_TAIL:  # no end where the length says: the length is wrong, or what it counts
            found = found._replace(kind=ErrorKind.BAD_LENGTH, detail=f"{found.detail}: announced {size} bytes")
        self._refuse(found, self._next_start(len(self._shape.start)))

    def _cut(self, end: int, why: str) -> None:
        """Refuse the bytes before `end` as a broken frame."""
        sender = self._shape.sender(bytes(self._buffer[: min(end, RAW_KEPT)]))
        self._refuse(FrameError(ErrorKind.BAD_LENGTH, f"{why}: {end} bytes", b"", sender), end)

    def _refuse(self, error: FrameError, end: int) -> None:
        """Refuse the bytes before `end`; what is too short for a frame right behind an error is garbage of its run."""
        if self._erring and end < self._shape.least:
            self._discard(end)
            return
        self._emit(error._replace(raw=bytes(self._buffer[: min(end, RAW_KEPT)])))
        self._erring = True
        self._drop(end)

    def _next_start(self, at: int) -> int:
        """Return where the next frame may begin at or after `at`, else the end of what can be none."""
        buffer, shape = self._buffer, self._shape
        start = buffer.find(shape.start, at)
        while start >= 0:
            if start + shape.header > len(buffer) or shape.declared(bytes(buffer[start : start + _HEAD])) is not None:
                return start
            start = buffer.find(shape.start, start + 1)
        return len(buffer) - (self._half_start() if len(buffer) > at else 0)

    def _good_frame_behind(self) -> int | None:
        """Return where a whole, right frame begins behind the incomplete one; each start is judged once."""
        buffer, shape, later, base = self._buffer, self._shape, self._later, self._base
        start = buffer.find(shape.start, max(self._looked - base, len(shape.start)))
        while start >= 0:
            heapq.heappush(later, (base + start + shape.header, base + start, False))
            start = buffer.find(shape.start, start + 1)
        self._looked = base + max(len(buffer) - len(shape.start) + 1, len(shape.start))
        while later and later[0][0] <= base + len(buffer):
            ready, place, sized = heapq.heappop(later)
            start = place - base
            if start <= 0:
                continue
            if sized:
                if not isinstance(shape.decode(bytes(buffer[start : ready - base])), FrameError):
                    return start
            elif (size := shape.declared(bytes(buffer[start : start + _HEAD]))) is not None:
                heapq.heappush(later, (place + (size or _HEAD), place, size > 0))
        return None

    def _emit(self, result: F | FrameError) -> None:
        self._end_garbage()
        self._out.append(result)

    def _drop(self, size: int) -> None:
        del self._buffer[:size]
        self._base += size

    def _discard(self, size: int) -> None:
        """Count bytes that belong to no frame."""
        if size <= 0:
            return
        if len(self._garbage) < RAW_KEPT:
            self._garbage += self._buffer[: min(size, RAW_KEPT - len(self._garbage))]
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
