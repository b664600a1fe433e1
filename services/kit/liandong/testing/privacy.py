"""Personal data in tests: keys in memory, and randomness that repeats with its cause, so that outputs compare."""

from hashlib import blake2b
from itertools import count

from liandong.privacy.keyring import MemoryKeys
from liandong.privacy.service import Privacy
from liandong.privacy.tokens import Random


class MemoryKeks:
    """Key-encryption keys in memory; the newest by name wraps."""

    def __init__(self, **keys: bytes) -> None:
        self.keys = keys or {"test-1": b"t" * 32}

    def newest(self) -> tuple[str, bytes]:
        """Return the last key by name."""
        name = max(self.keys)
        return name, self.keys[name]

    def find(self, kek_id: str) -> bytes | None:
        """Return the key of this name."""
        return self.keys.get(kek_id)


def repeatable(cause: str) -> Random:
    """Return bytes that are the same whenever the same cause asks in the same order. For tests only: no secret."""
    numbers = count()
    return lambda size: blake2b(f"{cause}/{next(numbers)}".encode(), digest_size=size).digest()


def memory_privacy(service: str, keys: MemoryKeys) -> Privacy:
    """Return the privacy of a service whose data keys are in memory."""
    return Privacy(service, MemoryKeks(), keys, random_of=repeatable)
