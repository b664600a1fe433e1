"""Measures of proposals against what was right. Figures only: no model, no files."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

PRECISION = 0.95  # what a person corrects at most once in twenty may go out by itself


@dataclass(frozen=True, slots=True)
class Scored:
    """Ranked (label, probability), best first, and the right label."""

    ranked: tuple[tuple[str, float], ...]
    right: str

    @property
    def confidence(self) -> float:
        """Probability of the first."""
        return self.ranked[0][1] if self.ranked else 0.0

    @property
    def hit(self) -> bool:
        """Whether the first is right."""
        return bool(self.ranked) and self.ranked[0][0] == self.right


def per_class(rows: Sequence[Scored]) -> dict[str, dict[str, float]]:
    """Return precision, recall, F1 and count of each right label."""
    said = Counter(row.ranked[0][0] for row in rows if row.ranked)
    right = Counter(row.right for row in rows)
    hits = Counter(row.right for row in rows if row.hit)
    return {
        label: {
            "precision": hits[label] / said[label] if said[label] else 0.0,
            "recall": hits[label] / count,
            "f1": 2 * hits[label] / (said[label] + count),
            "count": count,
        }
        for label, count in sorted(right.items())
    }


def ece(rows: Sequence[Scored], bins: int = 15) -> float:
    """Return the expected calibration error over bins of equal width."""
    sums = [[0.0, 0.0] for _ in range(bins)]
    for row in rows:
        cell = sums[min(bins - 1, int(row.confidence * bins))]
        cell[0] += row.confidence
        cell[1] += row.hit
    return sum(abs(said - hit) for said, hit in sums) / len(rows)


def threshold(rows: Sequence[Scored], precision: float = PRECISION) -> tuple[float, float]:
    """Return the lowest confidence from which upwards the precision holds, and the share covered; (inf, 0) if none."""
    best, hits, seen = (float("inf"), 0.0), 0, 0
    ordered = sorted(rows, key=lambda row: -row.confidence)
    for confidence, same in groupby(ordered, key=lambda row: row.confidence):  # equal confidence goes together
        for row in same:
            seen += 1
            hits += row.hit
        if hits >= precision * seen:
            best = (confidence, seen / len(rows))
    return best


def report(rows: Sequence[Scored]) -> dict[str, float]:
    """Return the five figures; ValueError where there is nothing to measure."""
    if not rows:
        raise ValueError("no row with a label: nothing can be measured; check --label and the file")
    classes = per_class(rows)
    return {
        "macro_f1": sum(each["f1"] for each in classes.values()) / len(classes),
        "top1": sum(row.hit for row in rows) / len(rows),
        "top3": sum(row.right in [label for label, _ in row.ranked[:3]] for row in rows) / len(rows),
        "ece": ece(rows),
        "coverage_at_95": threshold(rows)[1],
    }
