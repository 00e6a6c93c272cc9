"""How difficult a problem is: the estimated pass@1 of a policy, with an interval and the paper's bin."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

Bin = Literal["easy", "medium", "hard"]

EASY_FROM, MEDIUM_FROM = 0.5, 0.1
"""The least pass@1 of easy and of medium problems (arXiv 2502.06703, section 4.1: absolute thresholds instead
of quantiles)."""


@dataclass(frozen=True, slots=True)
class Difficulty:
    """`low` and `high` are the ends of a 90 % interval."""

    pass_at_1: float
    low: float
    high: float

    @property
    def bin(self) -> Bin:
        """The bin of the paper."""
        return bin_of(self.pass_at_1)

    def as_dict(self) -> dict[str, object]:
        """Return the record of the difficulty for JSON."""
        return {**asdict(self), "bin": self.bin}


def bin_of(pass_at_1: float) -> Bin:
    """Return the bin of a pass@1: easy from 0.5, medium from 0.1, hard below."""
    if pass_at_1 >= EASY_FROM:
        return "easy"
    return "medium" if pass_at_1 >= MEDIUM_FROM else "hard"
