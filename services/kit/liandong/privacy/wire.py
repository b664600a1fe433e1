"""The seam to the codec: tokens instead of personal values on the wire, `Sealed` in memory. Encrypts nothing itself.

Only records that hold personal values pass through here; for all others the codec's functions stay as they are.
"""

from collections.abc import Callable
from typing import Any

from liandong_contracts.base import MASK, Record

from liandong.privacy.fields import Walk, walk_of
from liandong.privacy.keyring import UNREADABLE_VALUES
from liandong.privacy.sealed import Place, Sealed
from liandong.privacy.tokens import key_id_of

Write = Callable[[Any], bytes]
Read = Callable[[bytes, int], tuple[Any, int]]


class NotSealed(ValueError):
    """A personal value was about to leave unencrypted."""


def token_writer(record: type[Record], write: Write) -> Write:
    """Return what writes the tokens of a record's sealed values. It raises NotSealed for a plain one."""
    walk = walk_of(record)
    return write if walk is None else _writing(walk, write)


def token_reader(record: type[Record], read: Read) -> Read:
    """Return what reads tokens as sealed values. Text that is no token is dropped and counted, never shown."""
    walk = walk_of(record)
    return read if walk is None else _reading(walk, read)


def _writing(walk: Walk, write: Write) -> Write:
    return lambda record: write(walk(record, _token))


def _reading(walk: Walk, read: Read) -> Read:
    def sealed(raw: bytes, at: int) -> tuple[Any, int]:
        record, end = read(raw, at)
        return walk(record, _sealed), end

    return sealed


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
