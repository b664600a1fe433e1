"""The seam to the codec: tokens instead of personal values on the wire, `Sealed` in memory. Encrypts nothing itself.

Only records that hold personal values pass through here; for all others the codec's functions stay as they are.
"""

from collections.abc import Callable
from typing import Any

from liandong_contracts.base import MASK, Record

from liandong.privacy.fields import walk_of
from liandong.privacy.keyring import UNREADABLE_VALUES
from liandong.privacy.sealed import Place, Sealed
from liandong.privacy.tokens import key_id_of

Write = Callable[[Any, bytes], bytes]
Read = Callable[[bytes, int], Any]


class NotSealed(ValueError):
    """A personal value was about to leave unencrypted."""


class Tokens:
    """What every codec does with personal values (see `liandong.wire.codec.Seal`)."""

    def writing(self, record: type[Record], write: Write) -> Write:
        """Return what writes the tokens of a record's sealed values. It raises NotSealed for a plain one."""
        walk = walk_of(record)
        return write if walk is None else lambda value, prefix: write(walk(value, _token), prefix)

    def reading(self, record: type[Record], read: Read) -> Read:
        """Return what reads tokens as sealed values. Text that is no token is dropped and counted, never shown."""
        walk = walk_of(record)
        return read if walk is None else lambda raw, at: walk(read(raw, at), _sealed)


TOKENS = Tokens()


def _token(text: str, place: Place) -> str:
    if isinstance(text, Sealed):
        return text.token or MASK
    raise NotSealed(
        f"{place.record}.{place.field} is personal data and is not encrypted: publish it with work.emit or as an "
        "output of a stream handler"
    )


def _sealed(text: str, place: Place) -> Sealed:
    if key_id_of(text) is None:
        UNREADABLE_VALUES.labels("NOT_A_TOKEN").inc()
        return Sealed("", place)
    return Sealed(text, place)
