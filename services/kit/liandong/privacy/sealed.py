"""What a personal value is in memory: `Sealed` as it travels and rests, `Clear` once it may be read. No key, no I/O."""

from typing import Any, NamedTuple, Self

from liandong_contracts.base import MASK


class Place(NamedTuple):
    """Where a value belongs: record full name, field, and the id of whose data it is. Bound into the ciphertext."""

    record: str
    field: str
    subject: str


class Sealed(str):
    """A personal value that nobody can read by accident: it is the mask to everyone, and carries its token.

    An empty token is a value that cannot be read any more. Two are equal when their tokens and places are.
    """

    __slots__ = ("place", "token")
    token: str
    place: Place

    def __new__(cls, token: str, place: Place) -> Self:
        """Return the mask that carries `token`."""
        sealed = super().__new__(cls, MASK)
        sealed.token, sealed.place = token, place
        return sealed

    def __getnewargs__(self) -> Any:
        """Let copies and pickles keep the token."""
        return self.token, self.place

    def __eq__(self, other: object) -> bool:
        """Compare tokens and places; with a plain string, the mask."""
        if isinstance(other, Sealed):
            return self.token == other.token and self.place == other.place
        return str.__eq__(self, other) if isinstance(other, str) else NotImplemented

    def __ne__(self, other: object) -> bool:
        """Be the opposite of equal."""
        return not self == other

    __hash__ = str.__hash__

    @property
    def stored(self) -> str:
        """Return what a database column keeps: the token with its place. Reads back with `from_stored`."""
        return "@".join((self.token, *self.place))

    @classmethod
    def from_stored(cls, text: str) -> Self:
        """Return the value that `stored` gave. Anything else is a value that cannot be read."""
        token, *place = text.split("@", 3)
        return cls(token, Place(*place)) if len(place) == 3 else cls("", Place("", "", ""))


class Clear:
    """A personal value that was read with an audit record. Printing shows the mask; `reveal` the value."""

    __slots__ = ("_text", "readable")

    def __init__(self, text: str, *, readable: bool = True) -> None:
        self._text = text
        self.readable = readable

    def reveal(self) -> str:
        """Return the value; the mask when it cannot be read any more. Do not log it, do not store it."""
        return self._text

    def __repr__(self) -> str:
        """Show the mask."""
        return MASK

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        """Show the mask."""
        return MASK


UNREADABLE = Clear(MASK, readable=False)
