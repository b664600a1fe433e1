"""Sealing: the writing side. Each unit of work makes its own data keys, so nothing is shared, cached or restored.

A new key must reach Kafka in the transaction of the first event that uses it, before that event: take it from `fresh`.
"""

from datetime import datetime
from typing import TypeVar

from liandong_contracts.base import Record
from liandong_contracts.kit import SubjectKey

from liandong.privacy import scrub
from liandong.privacy.fields import changed
from liandong.privacy.keks import Keks, wrap
from liandong.privacy.sealed import Place, Sealed
from liandong.privacy.tokens import DataKey, Random, new_data_key, seal

R = TypeVar("R", bound=Record)


class Sealing:
    """Encrypts the personal values of one unit of work."""

    def __init__(self, keks: Keks, now: datetime, random: Random) -> None:
        self._keks = keks
        self._now = now
        self._random = random
        self._keys: dict[str, DataKey] = {}
        self._fresh: list[SubjectKey] = []

    def seal(self, record: R) -> R:
        """Return the record with every personal value sealed.

        Raises ValueError for a value that was sealed for another place: it has to be read in the clear first.
        """
        return changed(record, self._sealed)

    def fresh(self) -> list[SubjectKey]:
        """Hand out the keys made since the last call."""
        keys, self._fresh = self._fresh, []
        return keys

    def _sealed(self, text: str, place: Place) -> Sealed:
        if isinstance(text, Sealed):
            if text.token and text.place != place:
                raise ValueError(f"{_name(text.place)} cannot be put into {_name(place)}: read it in the clear first")
            return text
        scrub.remember(text)
        return Sealed(seal(text, place, self._key(place.subject), self._random), place)

    def _key(self, subject: str) -> DataKey:
        key = self._keys.get(subject)
        if key is None:
            key = self._keys[subject] = new_data_key(self._random)
            self._fresh.append(wrap(key, subject, self._keks, self._now, self._random))
        return key


def _name(place: Place) -> str:
    return f"{place.record}.{place.field} of {place.subject}"
