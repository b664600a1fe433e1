"""Fits a text model with scikit-learn. Near-duplicates never stand on both sides when confidence is measured."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from datasketch import MinHash, MinHashLSH
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.preprocessing import normalize
from sklearn.svm import LinearSVC

from dispatch_service.routing.measures import Scored, threshold
from dispatch_service.routing.proposal import softmax
from dispatch_service.routing.text_model import Floats, TextModel
from dispatch_service.routing.words import terms_of

MIN_CASES = 3  # a term of fewer messages says more about a person than about a class
FOLDS = 5
_EVENNESS = 2.0  # how much more a term is worth that stands in one class only; by cross-validation
_ALIKE, _HASHES = 0.5, 64  # Jaccard of word pairs


def groups_of(texts: Sequence[Sequence[str]]) -> list[int]:
    """Return for each text the number of its group of near-duplicates (MinHash over pairs of words)."""
    parent = list(range(len(texts)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    seen = MinHashLSH(threshold=_ALIKE, num_perm=_HASHES)
    shingles = [{f"{a} {b}".encode() for a, b in zip(words, [*words[1:], ""], strict=True)} for words in texts]
    for index, sketch in enumerate(MinHash.bulk(shingles, num_perm=_HASHES)):
        for other in seen.query(sketch):
            parent[root(index)] = root(other)
        seen.insert(index, sketch)
    return [root(index) for index in range(len(texts))]


def fit_uncalibrated(texts: Sequence[Sequence[str]], labels: Sequence[str]) -> TextModel:
    """Return a model whose probabilities are not yet calibrated and that never acts by itself."""
    known = _known(texts)
    # a pair of words is a term of its own, so the vectorizer counts, and must not cut
    counter = CountVectorizer(analyzer=lambda words: terms_of(list(words), known), min_df=min(MIN_CASES, len(texts)))
    counts = counter.fit_transform(texts).astype(np.float32)
    classes, which = np.unique(np.asarray(labels), return_inverse=True)
    if len(classes) < 2:
        raise ValueError(f"one label only ({classes[0]}): there is nothing to choose; check --label")
    weight = _term_weight(counts, which, len(classes))
    counts.data = 1 + np.log(counts.data)
    machine = LinearSVC(C=1.0, random_state=0).fit(normalize(counts.multiply(weight).tocsr()), which)
    scores, offset = machine.coef_.T, machine.intercept_
    if len(classes) == 2:
        scores, offset = np.hstack([-scores, scores]), np.concatenate([-offset, offset])
    return TextModel(
        tuple(map(str, classes)),
        tuple(counter.get_feature_names_out()),
        weight,
        scores.astype(np.float32),
        offset.astype(np.float32),
        1.0,
        float("inf"),
    )


def fit(texts: Sequence[Sequence[str]], labels: Sequence[str]) -> TextModel:
    """Return a calibrated model; confidence and threshold come from messages that it had not seen."""
    whole = fit_uncalibrated(texts, labels)
    unseen = cross_validated(texts, labels)
    sharpness = sharpness_of(unseen)
    floor, _ = threshold(calibrated(unseen, sharpness))
    return TextModel(
        whole.labels, whole.terms, whole.term_weight, whole.scores, whole.offset, sharpness, min(floor, 2.0)
    )


Unseen = list[tuple[dict[str, float], str]]  # scores of all labels, and the right one


def cross_validated(texts: Sequence[Sequence[str]], labels: Sequence[str], folds: int = FOLDS) -> Unseen:
    """Return the scores of each message by a model that saw neither it nor a near-duplicate."""
    found: Unseen = []
    for learn, judge in StratifiedGroupKFold(folds, shuffle=True, random_state=0).split(
        np.zeros(len(labels)), np.asarray(labels), groups_of(texts)
    ):
        model = fit_uncalibrated([texts[index] for index in learn], [labels[index] for index in learn])
        for index in judge:
            found.append((model.scored(texts[index]), labels[index]))
    return found


def sharpness_of(unseen: Unseen) -> float:
    """Return the inverse temperature of the least mean logarithmic loss."""

    def loss(log_sharpness: float) -> float:
        rows = calibrated(unseen, float(np.exp(log_sharpness)))
        return -sum(math.log(max(dict(row.ranked).get(row.right, 0.0), 1e-6)) for row in rows)

    return float(np.exp(minimize_scalar(loss, bounds=(-3.0, 4.0), method="bounded", options={"xatol": 0.01}).x))


def calibrated(unseen: Unseen, sharpness: float) -> list[Scored]:
    """Return scores as ranked probabilities."""
    rows = []
    for scores, right in unseen:
        ranked = sorted(zip(scores, softmax(list(scores.values()), sharpness), strict=True), key=lambda each: -each[1])
        rows.append(Scored(tuple(ranked), right))
    return rows


def _known(texts: Sequence[Sequence[str]]) -> frozenset[str]:
    seen: dict[str, int] = {}
    for words in texts:
        for word in set(words):
            seen[word] = seen.get(word, 0) + 1
    return frozenset(word for word, count in seen.items() if count >= min(MIN_CASES, len(texts)))


def _term_weight(counts: Any, which: NDArray[np.intp], classes: int) -> Floats:
    """Return idf, raised for terms that stand unevenly over the classes (1 - entropy)."""
    present = (counts > 0).astype(np.float64)
    idf = np.log((1 + counts.shape[0]) / (1 + np.asarray(present.sum(axis=0)).ravel())) + 1
    share = np.vstack([np.asarray(present[which == each].mean(axis=0)).ravel() for each in range(classes)]) + 1e-4
    share /= share.sum(axis=0)
    even = -(share * np.log(share)).sum(axis=0) / np.log(classes)
    return np.asarray(idf * (1 + _EVENNESS * (1 - even)), dtype=np.float32)
