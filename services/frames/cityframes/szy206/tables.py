"""Code tables of SZY 206-2016, read from the data files beside this module."""

from typing import NamedTuple

from cityframes.tables import rows

_PACKAGE = "cityframes.szy206"


class Field(NamedTuple):
    """One value: metric, bytes, decimals, how the top nibble is read (plain, sign, flow, wind), UCUM unit."""

    metric: str
    size: int
    decimals: int
    form: str
    unit: str


class Function(NamedTuple):
    """What the control byte says a frame is about. `source` tells how sure the layout is."""

    code: int
    name: str
    english: str
    layout: tuple[Field, ...]
    source: str


class Afn(NamedTuple):
    """One application function code and the form of its uplink data."""

    code: int
    name: str
    english: str
    body: str


def _field(text: str) -> Field:
    metric, size, decimals, form, unit = text.split(":")
    return Field(metric, int(size), int(decimals), form, unit)


FUNCTIONS: dict[int, Function] = {
    int(row["code"]): Function(
        int(row["code"]), row["name"], row["english"], tuple(_field(part) for part in row["layout"].split()),
        row["source"],
    )
    for row in rows(_PACKAGE, "functions.csv")
}  # fmt: skip
AFNS: dict[int, Afn] = {
    int(row["code"], 16): Afn(int(row["code"], 16), row["name"], row["english"], row["body"])
    for row in rows(_PACKAGE, "afn.csv")
}
ALARM_BITS: dict[int, tuple[str, str]] = {
    int(row["bit"]): (row["english"], row["name"]) for row in rows(_PACKAGE, "alarms.csv")
}
LINK_STATES = {0xF0: "login", 0xF1: "logout", 0xF2: "keep_alive"}


def alarms(word: int) -> tuple[str, ...]:
    """Return the names of the set bits of an alarm word."""
    return tuple(name for bit, (name, _) in ALARM_BITS.items() if word >> bit & 1)
