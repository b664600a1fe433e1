"""Keyring: the reading side of a service with a grant. What cannot be opened becomes the mask and is counted."""

from typing import Protocol

from liandong_contracts.kit import SubjectKey
from prometheus_client import Counter

from liandong.privacy import scrub
from liandong.privacy.keks import Keks, unwrap
from liandong.privacy.sealed import UNREADABLE, Clear, Place, Sealed
from liandong.privacy.tokens import BadToken, key_id_of, open_token

UNREADABLE_VALUES = Counter(
    "liandong_privacy_unreadable_total",
    "Personal values that were asked for in the clear, or met on the wire, and could not be read",
    ["reason"],
)


class KeySource(Protocol):
    """Where data keys are looked up."""

    def find(self, place: Place, key_id: str) -> SubjectKey | None:
        """Return a data key of the place's subject; waits a little for one that may be on its way. None when erased."""
        ...


class Keyring:
    """Opens sealed values. Whoever calls it has made sure of the grant and of the audit record."""

    def __init__(self, keks: Keks, source: KeySource) -> None:
        self._keks = keks
        self._source = source

    def open(self, value: Sealed) -> Clear:
        """Return the value in the clear, or the mask: never an error for what was altered, moved or erased."""
        key_id = key_id_of(value.token)
        if key_id is None:
            return _unreadable("NOT_A_TOKEN")
        kept = self._source.find(value.place, key_id)
        if kept is None or (kept.subject, kept.key_id) != (value.place.subject, key_id):
            return _unreadable("NO_KEY")
        secret = unwrap(kept, self._keks)
        if secret is None:
            return _unreadable("NO_KEK")
        try:
            text = open_token(value.token, value.place, secret)
        except BadToken:
            return _unreadable("ALTERED")
        scrub.remember(text)
        return Clear(text)


class MemoryKeys:
    """Data keys in memory, for tests and harnesses."""

    def __init__(self) -> None:
        self._keys: dict[tuple[str, str], SubjectKey] = {}

    def add(self, key: SubjectKey) -> None:
        """Take a key in."""
        self._keys[key.subject, key.key_id] = key

    def erase(self, subject: str) -> int:
        """Forget the keys of a subject; return how many."""
        gone = [at for at in self._keys if at[0] == subject]
        for at in gone:
            del self._keys[at]
        return len(gone)

    def find(self, place: Place, key_id: str) -> SubjectKey | None:
        """Return a key at once."""
        return self._keys.get((place.subject, key_id))


def _unreadable(reason: str) -> Clear:
    UNREADABLE_VALUES.labels(reason).inc()
    return UNREADABLE
