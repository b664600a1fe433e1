"""Classes of messages from their words: one weighted sum a class. Loads without scikit-learn; learns nothing."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dispatch_service.routing.proposal import TOP, Proposal, softmax
from dispatch_service.routing.words import terms_of

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class TextModel:
    """Terms with their weight, a row of scores a term, calibrated; `version` is empty until saved."""

    labels: tuple[str, ...]
    terms: tuple[str, ...]
    term_weight: Floats  # what an occurrence is worth at all
    scores: Floats  # term x label
    offset: Floats  # label
    sharpness: float
    threshold: float
    version: str = ""
    _place: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the terms."""
        shape = (len(self.terms), len(self.labels))
        if self.scores.shape != shape or self.term_weight.shape != shape[:1] or self.offset.shape != shape[1:]:
            raise ValueError(f"arrays of shape {self.scores.shape} for {shape[0]} terms and {shape[1]} labels")
        object.__setattr__(self, "_place", {term: index for index, term in enumerate(self.terms)})

    def propose(self, words: Sequence[str]) -> Proposal:
        """Return the best labels for the words; none where not one word is known."""
        at, share = self._weighed(words)
        if not len(at):
            return Proposal((), (), self.version)
        parts = self.scores[at] * share[:, None]
        chances = softmax((parts.sum(axis=0) + self.offset).tolist(), self.sharpness)
        order = sorted(range(len(chances)), key=lambda index: -chances[index])
        gain = parts[:, order[0]]
        best = [index for index in np.argsort(-gain)[:5] if gain[index] > 0]
        because = tuple(self.terms[at[index]] for index in best)
        return Proposal(tuple((self.labels[index], chances[index]) for index in order[:TOP]), because, self.version)

    def scored(self, words: Sequence[str]) -> dict[str, float]:
        """Return the uncalibrated score of each label."""
        at, share = self._weighed(words)
        return dict(zip(self.labels, (share @ self.scores[at] + self.offset).tolist(), strict=True))

    def _weighed(self, words: Sequence[str]) -> tuple[NDArray[np.intp], Floats]:
        place = self._place
        counts = Counter(place[term] for term in terms_of(list(words), place) if term in place)
        at = np.fromiter(counts, dtype=np.intp, count=len(counts))
        tf = np.array([1 + math.log(count) for count in counts.values()], dtype=np.float32)
        share = tf * self.term_weight[at]
        length = float(np.sqrt((share * share).sum()))
        return at, share / length if length else share
