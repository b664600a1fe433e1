"""Re-assembly of messages in several packets (M3): pictures, long series. Memory and waiting time are bounded."""

from cityframes.result import ErrorKind, FrameError
from cityframes.sl651.frame import Frame


class _Partial:
    """The packets of one message that have come so far."""

    __slots__ = ("bodies", "since", "size", "total")

    def __init__(self, total: int, since: float) -> None:
        self.total, self.since, self.size = total, since, 0
        self.bodies: dict[int, bytes] = {}

    def begins_anew(self, sequence: int, body: bytes) -> bool:
        return sequence == 1 and self.bodies.get(1, body) != body

    def put(self, sequence: int, body: bytes) -> None:
        self.size += len(body) - len(self.bodies.get(sequence, b""))
        self.bodies[sequence] = body


class Assembler:
    """Collects the packets of one connection. `now` is any clock that counts seconds.

    A partial message is dropped after `timeout_s`, or when another message of the station and function begins.
    """

    def __init__(self, timeout_s: float = 120.0, max_bytes: int = 1 << 20, max_messages: int = 8) -> None:
        self._timeout = timeout_s
        self._max_bytes = max_bytes
        self._max_messages = max_messages
        self._partials: dict[tuple[str, int], _Partial] = {}

    def add(self, frame: Frame, now: float) -> Frame | FrameError | None:
        """Return the whole message as one frame without packet; None while packets are missing; or why it was dropped.

        The whole frame's `raw` is that of the last packet.
        """
        if frame.packet is None:
            return frame
        key = (frame.station, frame.function)
        partial = self._partial(key, frame, now, frame.packet.total, frame.packet.sequence)
        partial.put(frame.packet.sequence, frame.body)
        if partial.size > self._max_bytes:
            del self._partials[key]
            text = f"message of {partial.total} packets is larger than {self._max_bytes} bytes"
            return FrameError(ErrorKind.BAD_LENGTH, text, frame.raw, frame.station)
        if len(partial.bodies) < partial.total:
            return None
        del self._partials[key]
        body = b"".join(partial.bodies[number] for number in range(1, partial.total + 1))
        return frame._replace(body=body, packet=None)

    def _partial(self, key: tuple[str, int], frame: Frame, now: float, total: int, sequence: int) -> _Partial:
        partial = self._partials.get(key)
        fresh = (
            partial is None
            or partial.total != total
            or now - partial.since > self._timeout
            or partial.begins_anew(sequence, frame.body)
        )
        if partial is None or fresh:
            if partial is None and len(self._partials) >= self._max_messages:
                del self._partials[min(self._partials, key=lambda old: self._partials[old].since)]
            partial = self._partials[key] = _Partial(total, now)
        return partial

    def expire(self, now: float) -> list[tuple[str, int]]:
        """Drop what has waited too long; return (station, function) of each message that stayed incomplete."""
        old = [key for key, partial in self._partials.items() if now - partial.since > self._timeout]
        for key in old:
            del self._partials[key]
        return old
