"""What a model says about one case, and what may follow from it. Pure: acts on nothing."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

TOP = 3


class Mode(StrEnum):
    """How a decision came about."""

    RULE = "RULE"  # a unique rule answered
    AUTO = "AUTO"  # the model is sure enough
    MANUAL = "MANUAL"  # a person chooses among the proposals
    SHADOW = "SHADOW"  # the model only watches; as MANUAL, but its word is kept for comparison


@dataclass(frozen=True, slots=True)
class Proposal:
    """The best three labels with probability, and the words or fields that decided for the first."""

    ranked: tuple[tuple[str, float], ...]
    because: tuple[str, ...]
    model_version: str


@dataclass(frozen=True, slots=True)
class Decision:
    """A label or None for a person, how, and the proposal that was before it."""

    label: str | None
    mode: Mode
    proposal: Proposal | None


@dataclass(frozen=True, slots=True)
class Gate:
    """Confidence from which a proposal may act, labels that never do, and whether the model only watches."""

    threshold: float
    manual: frozenset[str] = frozenset()
    shadow: bool = False


def decide(rule: str | None, proposal: Proposal | None, gate: Gate) -> Decision:
    """Return the rule's answer, else a sure proposal, else leave it to a person; without a model rules go on alone."""
    if rule is not None:
        return Decision(rule, Mode.RULE, proposal)
    if proposal is None or not proposal.ranked:
        return Decision(None, Mode.MANUAL, proposal)
    label, confidence = proposal.ranked[0]
    if gate.shadow:
        return Decision(None, Mode.SHADOW, proposal)
    if confidence >= gate.threshold and label not in gate.manual:
        return Decision(label, Mode.AUTO, proposal)
    return Decision(None, Mode.MANUAL, proposal)


def softmax(scores: Sequence[float], sharpness: float) -> list[float]:
    """Return probabilities of scores; sharpness is the inverse of the temperature."""
    top = max(scores)
    powers = [math.exp(sharpness * (score - top)) for score in scores]
    total = sum(powers)
    return [power / total for power in powers]
