"""The tree of areas of one district: codes, names, parents. It knows no geometry."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """Which areas a task of a plan goes to: one task for each area of that kind."""

    DISTRICT = "district"
    STREET = "street"
    COMMUNITY = "community"


_DIGITS = {Scope.DISTRICT: 6, Scope.STREET: 9, Scope.COMMUNITY: 12}


@dataclass(frozen=True, slots=True)
class Area:
    """One area; `code` as in GB/T 2260 with the statistical digits: 6, 9 or 12."""

    code: str
    name: str
    parent: str | None = None


class Areas:
    """The areas of a district, looked up by code."""

    def __init__(self, areas: tuple[Area, ...]) -> None:
        self._by_code = {area.code: area for area in areas}

    def __contains__(self, code: str) -> bool:
        return code in self._by_code

    def __len__(self) -> int:
        return len(self._by_code)

    @property
    def root(self) -> Area:
        """The area without parent."""
        return next(area for area in self._by_code.values() if area.parent is None)

    def name(self, code: str) -> str:
        """Return the area's name, or the code itself where it is not known."""
        area = self._by_code.get(code)
        return area.name if area else code

    def upward(self, code: str) -> Iterator[Area]:
        """Yield the area and then its parents up to the root; an unknown code begins at its nearest known prefix."""
        area = self._by_code.get(code) or self._nearest(code)
        while area is not None:
            yield area
            area = self._by_code.get(area.parent) if area.parent else None

    def placed(self, code: str, scope: Scope) -> tuple[Area, ...]:
        """Return the areas of a scope that concern `code`: those below it, or the one above it."""
        digits = _DIGITS[scope]
        below = sorted(c for c in self._by_code if len(c) == digits and c.startswith(code))
        if below:
            return tuple(self._by_code[c] for c in below)
        return tuple(area for area in self.upward(code) if len(area.code) == digits)

    def _nearest(self, code: str) -> Area | None:
        known = [c for c in self._by_code if code.startswith(c)]
        return self._by_code[max(known, key=len)] if known else self.root


def problems_of(areas: tuple[Area, ...]) -> list[str]:
    """Return one sentence per mistake in a list of areas; empty when it is sound."""
    found: list[str] = []
    codes = [area.code for area in areas]
    known = set(codes)
    found += [f"area {code} is written more than once" for code in sorted(known) if codes.count(code) > 1]
    for area in areas:
        if not area.code.isdigit() or len(area.code) not in _DIGITS.values():
            found.append(f"area {area.code} ({area.name}): a code has 6, 9 or 12 digits")
        if area.parent is None:
            continue
        if area.parent not in known:
            found.append(f"area {area.code} ({area.name}): its parent {area.parent} is not in the file")
        elif not area.code.startswith(area.parent) or len(area.code) <= len(area.parent):
            found.append(f"area {area.code} ({area.name}): the code does not begin with its parent's {area.parent}")
    roots = [area.code for area in areas if area.parent is None]
    if len(roots) != 1:
        found.append(f"exactly one area has no parent, here: {', '.join(roots) or 'none'}")
    return found
