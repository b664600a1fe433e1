"""Code tables of GB/T 26875.3-2011, read from the data files beside this module."""

from typing import NamedTuple

from cityframes.tables import rows

_PACKAGE = "cityframes.gb26875"


class DataType(NamedTuple):
    """One type of application data. `layout` lists the fields of one object, `bits` the table of its flag word."""

    type: int
    direction: str
    name: str
    english: str
    layout: tuple[str, ...]
    bits: str
    metric: str
    max: int


class Analog(NamedTuple):
    """One analogue quantity: metric, UCUM unit, decimals of the 16-bit number, Chinese name."""

    metric: str
    unit: str
    decimals: int
    name: str


COMMANDS: dict[int, tuple[str, str]] = {
    int(row["code"]): (row["name"], row["english"]) for row in rows(_PACKAGE, "commands.csv")
}
TYPES: dict[int, DataType] = {
    int(row["type"]): DataType(
        int(row["type"]), row["direction"], row["name"], row["english"], tuple(row["layout"].split()), row["bits"],
        row["metric"], int(row["max"]),
    )
    for row in rows(_PACKAGE, "types.csv")
}  # fmt: skip
SYSTEMS: dict[int, str] = {int(row["code"]): row["name"] for row in rows(_PACKAGE, "systems.csv")}
COMPONENTS: dict[int, str] = {int(row["code"]): row["name"] for row in rows(_PACKAGE, "components.csv")}
ANALOGS: dict[int, Analog] = {
    int(row["code"]): Analog(row["metric"], row["unit"], int(row["decimals"]), row["name"])
    for row in rows(_PACKAGE, "analogs.csv")
}
# word -> bit -> (name, Chinese name)
BITS: dict[str, dict[int, tuple[str, str]]] = {}
for _row in rows(_PACKAGE, "bits.csv"):
    BITS.setdefault(_row["word"], {})[int(_row["bit"])] = (_row["english"], _row["name"])


def states(word: str, value: int) -> tuple[str, ...]:
    """Return the names of the set bits of a flag word."""
    return tuple(name for bit, (name, _) in BITS.get(word, {}).items() if value >> bit & 1)
