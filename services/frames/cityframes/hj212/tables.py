"""Code tables of HJ 212-2017 (tables 5 to 9, annex B) and what is known of the 2005 and 2025 editions."""

from typing import NamedTuple

from cityframes.result import Quality
from cityframes.tables import rows

_PACKAGE = "cityframes.hj212"


class System(NamedTuple):
    """One kind of monitored system (ST). `medium` chooses between the 2005 factor codes of water and of gas."""

    code: str
    name: str
    english: str
    medium: str


class Command(NamedTuple):
    """One command (CN). `period` is what its values are over; `edition` is the oldest edition that has it."""

    code: str
    name: str
    english: str
    direction: str
    period: str
    edition: str


class Factor(NamedTuple):
    """One factor: codes of 2017 and 2005, name, UCUM unit of its values and of their total."""

    code: str
    code_2005: str
    name: str
    unit: str
    total_unit: str
    format: str


class Suffix(NamedTuple):
    """One field suffix. `kind` is value, total, state, flag or text; `metric` is added to the factor's."""

    suffix: str
    kind: str
    stat: str
    metric: str
    unit: str
    name: str


SYSTEMS: dict[str, System] = {row["code"]: System(**row) for row in rows(_PACKAGE, "systems.csv")}
COMMANDS: dict[str, Command] = {row["code"]: Command(**row) for row in rows(_PACKAGE, "commands.csv")}
FACTORS: dict[str, Factor] = {row["code"]: Factor(**row) for row in rows(_PACKAGE, "factors.csv")}
FACTORS_2005: dict[str, Factor] = {one.code_2005: one for one in FACTORS.values() if one.code_2005}
SUFFIXES: dict[str, Suffix] = {row["suffix"]: Suffix(**row) for row in rows(_PACKAGE, "suffixes.csv")}
NOISE: dict[str, str] = {row["code"]: row["name"] for row in rows(_PACKAGE, "noise.csv")}
FLAGS: dict[str, tuple[str, Quality]] = {
    row["flag"]: (row["name"], Quality(row["quality"])) for row in rows(_PACKAGE, "flags.csv")
}
# (field, number) -> (Chinese, English): QnRtn of 9011, ExeRtn of 9012
RESULTS: dict[tuple[str, int], tuple[str, str]] = {
    (row["kind"], int(row["code"])): (row["name"], row["english"]) for row in rows(_PACKAGE, "results.csv")
}
VERSIONS = {0: "2005", 1: "2017", 2: "2025"}
DUST = frozenset({"a34001", "a34002", "a34004"})


def factor(code: str, system: str) -> Factor | None:
    """Return what a factor code means in a system: a 2017 code, or a 2005 code where it is not ambiguous.

    Codes of 3 digits are those of water in 2005; air stations used the same numbers for something else.
    """
    found = FACTORS.get(code)
    if found is not None:
        return found
    found = FACTORS_2005.get(code)
    if found is None:
        return None
    known = SYSTEMS.get(system)
    water = found.code.startswith("w")
    return found if known is not None and (known.medium == "water") == water and known.code != "22" else None
