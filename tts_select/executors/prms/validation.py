"""What every PRM refuses, and what of its arithmetic is no score."""

from __future__ import annotations

import math
from collections.abc import Sequence

OTHER_FORMAT = "it is not a PRM of this format, choose another one with --prm-format"


def as_probability(value: float) -> float:
    """A sum of probabilities, which rounding may bring above one; NaN where the arithmetic overflowed, never
    a number that would pass for a score.

    >>> as_probability(1.0000001), as_probability(float("inf")), as_probability(float("nan"))
    (1.0, nan, nan)
    """
    return min(1.0, value) if math.isfinite(value) else math.nan


def check_steps(steps: Sequence[str]) -> None:
    """Check the steps of a solution.

    Raises:
        ValueError: a step is empty; it is rejected, not scored.
    """
    if empty := [k for k, step in enumerate(steps) if not step.strip()]:
        raise ValueError(f"step {empty[0] + 1} is empty; an empty step cannot be scored")
