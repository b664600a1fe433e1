"""Deviations of devices in the field from the standards, each with a name, so that each can be switched."""

from typing import NamedTuple

from cityframes.tables import rows


class Tolerance(NamedTuple):
    """One deviation: the protocol, its name, whether it is tolerated unless said otherwise, and what it means."""

    protocol: str
    name: str
    default: bool
    text: str


TOLERANCES: tuple[Tolerance, ...] = tuple(
    Tolerance(row["protocol"], row["name"], row["default"] == "on", row["text"])
    for row in rows("cityframes", "tolerances.csv")
)


def defaults(protocol: str) -> frozenset[str]:
    """Return the names that are tolerated unless said otherwise."""
    return frozenset(one.name for one in TOLERANCES if one.protocol == protocol and one.default)


def choose(protocol: str, words: str) -> frozenset[str]:
    """Return the defaults changed by `words`: names separated by commas, `-name` switches off, `all`, `none`.

    ValueError names a word that is no tolerance of the protocol.
    """
    known = {one.name for one in TOLERANCES if one.protocol == protocol}
    chosen = set(defaults(protocol))
    for word in filter(None, (part.strip() for part in words.split(","))):
        name = word.removeprefix("-")
        if word == "all":
            chosen = set(known)
        elif word == "none":
            chosen = set()
        elif name not in known:
            raise ValueError(f"{name} is no tolerance of {protocol}; there are: {', '.join(sorted(known))}")
        elif word.startswith("-"):
            chosen.discard(name)
        else:
            chosen.add(name)
    return frozenset(chosen)
