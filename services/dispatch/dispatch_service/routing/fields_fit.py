"""Fits back-off tables: which columns, in which order, judged on the later part of the past. Rows come oldest first."""

import math
from collections.abc import Mapping, Sequence
from itertools import combinations

from dispatch_service.routing.fields_model import Chain, Context, FieldsModel, backed_off, contexts_of
from dispatch_service.routing.measures import Scored, threshold

Row = tuple[Mapping[str, str], str]
_LATER = 0.2  # share of the past on which chains, calibration and threshold are judged
_UNIQUE = 0.5  # a column with a new value in every second row names the row, not its kind
_CHAINS = 3


def counted(rows: Sequence[Row], chains: Sequence[Chain]) -> dict[Context, dict[str, float]]:
    """Return the counts of all contexts of the chains."""
    counts: dict[Context, dict[str, float]] = {}
    for values, unit in rows:
        for context in {context for chain in chains for context in contexts_of(chain, values)}:
            held = counts.setdefault(context, {})
            held[unit] = held.get(unit, 0.0) + 1.0
    return counts


def fit(rows: Sequence[Row], columns: Sequence[str]) -> FieldsModel:
    """Return a model over the columns, in the order that predicts the later rows best."""
    if len({unit for _, unit in rows}) < 2:
        raise ValueError("fewer than two labels: there is nothing to choose; check --label")
    cut = max(1, int(len(rows) * (1 - _LATER)))
    early, later = rows[:cut], rows[cut:]
    useful = [each for each in columns if 1 < len({values.get(each, "") for values, _ in rows}) <= _UNIQUE * len(rows)]
    chains = _together(early, later, [_chain(early, later, first, useful) for first in useful]) or ((),)
    trial = FieldsModel(tuple(columns), chains, counted(early, chains), 1.0, math.inf)
    sharpness = min((0.5 + 0.05 * step for step in range(31)), key=lambda each: _loss(trial, later, each))
    judged = FieldsModel(trial.columns, chains, trial.counts, sharpness, math.inf)
    floor, _ = threshold([Scored(judged.propose(values).ranked, unit) for values, unit in later])
    return FieldsModel(trial.columns, chains, counted(rows, chains), sharpness, min(floor, 2.0))


def _chain(early: Sequence[Row], later: Sequence[Row], first: str, columns: Sequence[str]) -> Chain:
    """Return a chain from its first column on, longest as long as it gains; what a column implies stands before it."""
    chain = _implied(early, first, columns, ())
    best = _chain_loss(early, later, chain)
    while True:
        tries = [(*chain, *_implied(early, each, columns, chain)) for each in columns if each not in chain]
        losses = [(_chain_loss(early, later, each), each) for each in tries]
        if not losses or min(losses)[0] >= best:
            return chain
        best, chain = min(losses)


def _implied(rows: Sequence[Row], column: str, columns: Sequence[str], before: Chain) -> Chain:
    sizes = {each: len({values.get(each, "") for values, _ in rows}) for each in columns}
    coarser = [
        each
        for each in columns
        if each not in before
        and sizes[each] < sizes[column]
        and len({(v.get(each, ""), v.get(column, "")) for v, _ in rows}) <= 1.05 * sizes[column]
    ]
    return (*sorted(coarser, key=lambda each: sizes[each]), column)


def _chain_loss(early: Sequence[Row], later: Sequence[Row], chain: Chain) -> float:
    return _loss(FieldsModel(chain, (chain,), counted(early, [chain]), 1.0, math.inf), later, 1.0)


def _together(early: Sequence[Row], later: Sequence[Row], chains: Sequence[Chain]) -> tuple[Chain, ...]:
    """Return the few chains whose mean predicts best."""
    chosen = [set_ for size in range(1, _CHAINS + 1) for set_ in combinations(sorted(set(chains)), size)]
    if not chosen:
        return ()
    single = {chain: _each(early, later, chain) for chain in set(chains)}

    def loss(set_: tuple[Chain, ...]) -> float:
        return -sum(math.log(sum(parts) / len(parts)) for parts in zip(*(single[c] for c in set_), strict=True))

    return min(chosen, key=loss)


def _each(early: Sequence[Row], later: Sequence[Row], chain: Chain) -> list[float]:
    counts = counted(early, [chain])
    found = []
    for values, unit in later:
        said: dict[str, float] = {}
        for context in contexts_of(chain, values):
            if context in counts:
                said = backed_off(said, counts[context])
        found.append(max(said.get(unit, 0.0), 1e-4))
    return found


def _loss(model: FieldsModel, rows: Sequence[Row], sharpness: float) -> float:
    total = 0.0
    for values, unit in rows:
        mean = model.chances(values)
        powers = sum(chance**sharpness for chance in mean.values())
        total -= math.log(max(mean.get(unit, 0.0) ** sharpness / powers if powers else 0.0, 1e-4))
    return total
