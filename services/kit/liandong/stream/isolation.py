"""Isolation: finds the one event or timer because of which Kafka refuses a transaction, by smaller and smaller ones.

Only refusals of records condemn (too large, topic gone, not allowed); a broker that is away refuses nothing. The
culprit, alone in its transaction and refused again, becomes a dead letter, and the rest flows. Transactions that are
aborted again and again for other reasons (a handler so slow that the broker gives up) get smaller too. Pure.
"""

from typing import NamedTuple

_SHRINK = 4
_GROW = 2
_PATIENCE = 3


class Unit(NamedTuple):
    """One piece of work: an event (topic, partition, offset) or a timer (state, key, name and due time)."""

    kind: str
    topic: str
    number: int
    offset: int
    name: str = ""


class Isolation:
    """How large transactions may be. `limit`: most units in one; None while nothing is refused."""

    def __init__(self, largest: int) -> None:
        self.limit: int | None = None
        self.last: Unit | None = None
        self.is_active = False
        self._largest = largest
        self._condemned: dict[Unit, str] = {}
        self._row = 0

    def is_full(self, units: int) -> bool:
        """Say whether the open transaction has as many units as it may have."""
        return self.limit is not None and units >= self.limit

    def condemned(self, unit: Unit) -> str | None:
        """Note that a unit comes next, and return why it must not be tried again."""
        self.last = unit
        return self._condemned.get(unit)

    def refused(self, units: int, unit: Unit | None, error: str) -> None:
        """A transaction of so many units was refused; `unit`: the one that certainly is to blame."""
        self.is_active = True
        if unit is None and units <= 1:
            unit = self.last
        if unit is not None:
            self._condemned[unit] = error
            self.limit = 1
        else:
            self.limit = max(1, units // _SHRINK)

    def aborted(self, units: int) -> None:
        """A transaction of so many units was aborted for no refusal: watch, and try less when that goes on."""
        self.is_active = True
        self._row += 1
        if self._row >= _PATIENCE:
            self.limit = max(1, units // _SHRINK)

    def committed(self) -> None:
        """A transaction went through: the next may be larger."""
        self._row = 0
        if self.limit is not None:
            self.limit *= _GROW
        if self.limit is None or self.limit > self._largest:
            self.limit, self.last, self.is_active = None, None, False
            self._condemned = {}
