"""Units from the fields of an event: tables that back off from the finest known context to coarser ones.

Keys are ids: names are aliases that change. Counts only, so a confirmed dispatch is one more count. Reads no files.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from dispatch_service.routing.proposal import TOP, Proposal, softmax

Context = tuple[tuple[str, str], ...]  # (column, value) in the order of a chain
Counts = Mapping[Context, Mapping[str, float]]
Chain = tuple[str, ...]  # columns, coarse first; each prefix is a context

PRIOR = 4.0  # cases that the coarser context is worth against the finer one's own


def contexts_of(chain: Chain, values: Mapping[str, str]) -> list[Context]:
    """Return the contexts of a chain, coarse first; the chain ends at the first empty cell."""
    found: list[Context] = [()]
    for column in chain:
        if not values.get(column):
            break
        found.append((*found[-1], (column, values[column])))
    return found


def with_dispatch(counts: Counts, chains: Sequence[Chain], values: Mapping[str, str], unit: str) -> Counts:
    """Return the counts after one confirmed dispatch; the given ones stay as they are."""
    after = dict(counts)
    for context in {context for chain in chains for context in contexts_of(chain, values)}:
        held = after.get(context, {})
        after[context] = {**held, unit: held.get(unit, 0.0) + 1.0}
    return after


def backed_off(coarse: Mapping[str, float], counts: Mapping[str, float]) -> dict[str, float]:
    """Return the probabilities of a context, its own counts filled up with the coarser context's probabilities."""
    total = sum(counts.values()) + (PRIOR if coarse else 0.0)
    return {unit: (counts.get(unit, 0.0) + PRIOR * coarse.get(unit, 0.0)) / total for unit in {**coarse, **counts}}


@dataclass(frozen=True, slots=True)
class FieldsModel:
    """Chains of columns with their counts, calibrated; `version` is empty until saved."""

    columns: tuple[str, ...]
    chains: tuple[Chain, ...]
    counts: Counts
    sharpness: float
    threshold: float
    version: str = ""

    def confirmed(self, values: Mapping[str, str], unit: str) -> "FieldsModel":
        """Return the model after one confirmed dispatch."""
        return replace(self, counts=with_dispatch(self.counts, self.chains, values, unit))

    def chances(self, values: Mapping[str, str]) -> dict[str, float]:
        """Return the mean over the chains, not yet calibrated."""
        mean: dict[str, float] = {}
        for chain in self.chains:
            said: dict[str, float] = {}
            for context in contexts_of(chain, values):
                if context in self.counts:
                    said = backed_off(said, self.counts[context])
            for unit, chance in said.items():
                mean[unit] = mean.get(unit, 0.0) + chance / len(self.chains)
        return mean

    def propose(self, values: Mapping[str, str]) -> Proposal:
        """Return the best units and the fields of the finest contexts that knew the first one."""
        mean = self.chances(values)
        if not mean:
            return Proposal((), (), self.version)
        chances = softmax([math.log(max(chance, 1e-12)) for chance in mean.values()], self.sharpness)
        ranked = sorted(zip(mean, chances, strict=True), key=lambda each: (-each[1], each[0]))
        return Proposal(tuple(ranked[:TOP]), self._because(values, ranked[0][0]), self.version)

    def _because(self, values: Mapping[str, str], unit: str) -> tuple[str, ...]:
        found = []
        for chain in self.chains:
            held = [each for each in contexts_of(chain, values) if self.counts.get(each, {}).get(unit)]
            if held:
                own, total = self.counts[held[-1]][unit], sum(self.counts[held[-1]].values())
                fields = ", ".join(f"{column}={value}" for column, value in held[-1]) or "all cases"
                found.append(f"{fields}: {own:g} of {total:g}")
        return tuple(dict.fromkeys(found))
