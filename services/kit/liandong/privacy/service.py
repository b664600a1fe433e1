"""Privacy: what one service may do with personal values. The engines hold one; a service without such values none."""

import os
from collections.abc import Callable
from datetime import datetime

from liandong.privacy.grants import may_read
from liandong.privacy.keks import Keks
from liandong.privacy.keyring import Keyring, KeySource
from liandong.privacy.sealed import Clear, Sealed
from liandong.privacy.sealing import Sealing
from liandong.privacy.tokens import Random


def chance(cause: str) -> Random:
    """Return the machine's randomness, whatever the cause."""
    return os.urandom


class Privacy:
    """Seals for, and opens to, one service. `random_of` gives the randomness of a unit of work; tests repeat it."""

    def __init__(
        self, service: str, keks: Keks, source: KeySource, *, random_of: Callable[[str], Random] = chance
    ) -> None:
        self._service = service
        self._keks = keks
        self._ring = Keyring(keks, source)
        self._random_of = random_of

    def sealing(self, cause: str, now: datetime) -> Sealing:
        """Return what seals the values of the unit of work that `cause` leads to."""
        return Sealing(self._keks, now, self._random_of(cause))

    def granted(self, value: str) -> Sealed | None:
        """Return the sealed value that this service may read; None for an empty one, which protects nothing.

        Raises PermissionError without the grant, TypeError for text that was never sealed.
        """
        if not value:
            return None
        if not isinstance(value, Sealed):
            raise TypeError(
                "only a sealed value can be read in the clear: take it from an event or a SealedText column"
            )
        if not may_read(self._service, value.place.record):
            raise PermissionError(
                f"{self._service} may not read {value.place.record}.{value.place.field}: the topic's file in "
                "schemas/topics has to name it under clear"
            )
        return value

    def open(self, value: str) -> Clear:
        """Return a value in the clear, or the mask. The caller has written the audit record."""
        return self._ring.open(value) if isinstance(value, Sealed) else Clear(value)
