"""How a PRM says what it thinks of a step."""

from __future__ import annotations

from dataclasses import dataclass

GOOD, BAD = "+", "-"


@dataclass(frozen=True, slots=True)
class Sign:
    """Weighs two tokens of the vocabulary against each other."""

    good: str = GOOD
    bad: str = BAD
    is_cumulative: bool = False
    """Whether it judges a step given that all before it are right: a step's score is then the product of its
    own and of theirs."""


@dataclass(frozen=True, slots=True)
class Likelihood:
    """The probability that the model itself would have written everything up to the step's end, where the end
    of the text closes a step as well as its separator does: an implicit PRM without a reference model."""


@dataclass(frozen=True, slots=True)
class LogRatio:
    """An implicit PRM: the sigmoid of `beta` times the sum of log p - log p_reference over the tokens of all
    steps so far (Yuan et al. 2024, arXiv 2412.01981)."""

    reference: str
    """A folder or a hub name."""
    beta: float


@dataclass(frozen=True, slots=True)
class Head:
    """Linear layers with a ReLU between them, by the names of their weights in the checkpoint; the first of
    `names` that is there is taken."""

    names: tuple[tuple[str, ...], ...]
    n_outputs: int


@dataclass(frozen=True, slots=True)
class Classes:
    """The probability of these classes together, of those of a head."""

    head: Head
    good: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Value:
    """The sigmoid of a head's only output."""

    head: Head


@dataclass(frozen=True, slots=True)
class Verdict:
    """The model is asked about the steps so far, writes a critique of at most `max_tokens` tokens, and weighs
    `good` against `bad` as the answer to `question`."""

    request: str
    opening: str
    step: str
    question: str
    good: str
    bad: str
    max_tokens: int


ReadRule = Sign | Likelihood | LogRatio | Classes | Value
"""What is read of the logits at the steps themselves."""
Rule = ReadRule | Verdict
