"""Code tables of SL 651-2014 (annexes A, B, C and table 58), read from the data files beside this module."""

from typing import NamedTuple

from cityframes.tables import rows

_PACKAGE = "cityframes.sl651"


class Element(NamedTuple):
    """One element: identifier, ASCII code, our metric name, UCUM unit, decimal digits and decimals, Chinese name."""

    id: str
    code: str
    metric: str
    unit: str
    digits: int
    decimals: int
    name: str

    @property
    def size(self) -> int:
        """Bytes that the value takes in BCD."""
        return (self.digits + 1) // 2


class Function(NamedTuple):
    """One function code: names and the form of its uplink body."""

    code: int
    name: str
    english: str
    body: str


ELEMENTS: dict[int, Element] = {
    int(row["id"], 16): Element(
        row["id"], row["code"], row["metric"], row["unit"], int(row["digits"]), int(row["decimals"]), row["name"]
    )
    for row in rows(_PACKAGE, "elements.csv")
}
BY_CODE: dict[str, Element] = {element.code: element for element in ELEMENTS.values()}
FUNCTIONS: dict[int, Function] = {
    int(row["code"], 16): Function(int(row["code"], 16), row["name"], row["english"], row["body"])
    for row in rows(_PACKAGE, "functions.csv")
}
STATION_CLASSES: dict[int, str] = {int(row["code"], 16): row["name"] for row in rows(_PACKAGE, "classes.csv")}
# bit -> (name, Chinese name); a set bit means the named state (table 58)
STATUS_BITS: dict[int, tuple[str, str]] = {
    int(row["bit"]): (row["english"], row["name"]) for row in rows(_PACKAGE, "status.csv")
}
