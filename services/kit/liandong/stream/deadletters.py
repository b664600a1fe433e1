"""Dead letters: what goes onto the dead-letter topic, and when there are too many. It produces nothing by itself."""

from collections import deque
from collections.abc import Sequence

from liandong.stream.messages import KafkaMessage
from liandong.stream.transactions import FatalError, Headers

HANDLER_FAILED = "HANDLER_FAILED"
TIMER_FAILED = "TIMER_FAILED"
REFUSED = "REFUSED_BY_KAFKA"
_LONGEST = 500
_WINDOW = 100


def letter_headers(
    headers: Sequence[tuple[str, bytes]] | None, service: str, reason: str, error: str, at: tuple[str, int, int]
) -> Headers:
    """Return the original headers and, as dl_*, why and where (topic, partition, offset) the record failed."""
    kept = [(name, value or b"") for name, value in headers or () if not name.startswith("dl_")]
    topic, partition, offset = at
    return [
        *kept,
        ("dl_reason", reason.encode()),
        ("dl_error", error[:_LONGEST].encode()),
        ("dl_topic", topic.encode()),
        ("dl_partition", str(partition).encode()),
        ("dl_offset", str(offset).encode()),
        ("dl_service", service.encode()),
    ]


def letter_of(message: KafkaMessage, service: str, reason: str, error: str) -> Headers:
    """Return the headers of the dead letter of a message."""
    at = message.topic(), message.partition(), message.offset()
    return letter_headers(message.headers(), service, reason, error, at)


class FailureLimit:
    """Stops a service whose handlers fail again and again: then it is the service that is broken, not the events."""

    def __init__(self, in_a_row: int, share: float) -> None:
        self._in_a_row = in_a_row
        self._span = _WINDOW / share
        self._row = 0
        self._handled: deque[int] = deque(maxlen=_WINDOW)

    def failed(self, handled: int, error: Exception) -> None:
        """Note a failure; `handled` counts all successes so far. Raises FatalError beyond the limit."""
        self._row = self._row + 1 if self._handled and self._handled[-1] == handled else 1
        self._handled.append(handled)
        if self._row >= self._in_a_row:
            raise FatalError(
                f"handlers failed {self._row} times in a row, the last time with {error!r}; nothing committed"
            )
        if len(self._handled) == _WINDOW and handled - self._handled[0] + _WINDOW < self._span:
            raise FatalError(f"too large a share of the events failed, the last one with {error!r}; nothing committed")
