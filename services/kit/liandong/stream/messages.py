"""The Kafka client's message as the engine sees it: of a subscribed topic, so that its place is never missing."""

from typing import Protocol

from confluent_kafka import KafkaError


class KafkaMessage(Protocol):
    """A record, or an error (then `error()` is set and only the place is valid)."""

    def topic(self) -> str:
        """Return the topic on the wire."""
        ...

    def partition(self) -> int:
        """Return the partition."""
        ...

    def offset(self) -> int:
        """Return the offset."""
        ...

    def key(self) -> bytes | None:
        """Return the key."""
        ...

    def value(self) -> bytes | None:
        """Return the value."""
        ...

    def headers(self) -> list[tuple[str, bytes]] | None:
        """Return the headers; a null header's value is None at run time."""
        ...

    def timestamp(self) -> tuple[int, int]:
        """Return the kind of timestamp and the milliseconds."""
        ...

    def error(self) -> KafkaError | None:
        """Return the error that this message stands for."""
        ...
