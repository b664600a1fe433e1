"""Errors by kind, so that every engine reacts alike. A domain "no" is a value, never one of these."""


class LiandongError(Exception):
    """Base of the kit's errors; the text says what happened, which value, and what to do."""


class ConfigError(LiandongError):
    """The process cannot start as it is configured: say what to change and exit."""


class DecodeError(LiandongError):
    """Bytes or headers that no reader of ours can use: a dead letter with `reason` and the original bytes.

    `value` is the bytes, as they came, where the error is about a value.
    """

    def __init__(self, reason: str, detail: str, value: bytes | None = None) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.value = value


class EncodeError(LiandongError):
    """A record does not fit its own schema, or its value is larger than allowed: a bug of the sender."""


class Unavailable(LiandongError):
    """A dependency is away: back off, pause, keep the order."""


class PositionError(LiandongError):
    """A stored position is before the beginning or past the end of its topic; never reset silently."""


class Fenced(LiandongError):
    """Another instance took over; this one must stop without writing."""
