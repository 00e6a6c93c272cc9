"""The arithmetic of scores and votes that the executors and the selector share.

Aggregations are those of arXiv 2502.06703, section 3.1. A majority is settled by adaptive consistency
(Aggarwal et al. 2023, arXiv 2305.11860): with v1 votes for the first answer and v2 for the second, the first
stays ahead with the probability that Beta(v1 + 1, v2 + 1) is above one half; at 0.95 sampling stops.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from tts_select.core.plan import Aggregation

ROUND = 4
"""Samples between two looks at the votes."""
SURE_ENOUGH = 0.95

_AGGREGATORS: dict[Aggregation, Callable[[Sequence[float]], float]] = {
    "min": min,
    "last": lambda scores: scores[-1],
    "mean": lambda scores: math.fsum(scores) / len(scores),
    "prod": math.prod,
}


def aggregate(step_scores: Sequence[float], how: Aggregation) -> float:
    """One score of a candidate's step scores.

    Raises:
        ValueError: there are no scores; an unscored candidate has no score, not a zero.
    """
    if not step_scores:
        raise ValueError("a candidate without step scores cannot be aggregated")
    return float(_AGGREGATORS[how](step_scores))


def is_settled(counts: Iterable[int]) -> bool:
    """Whether the answer with the most votes will stay ahead, surely enough."""
    first, second, *_ = [*sorted(counts, reverse=True), 0, 0]
    return p_stays_ahead(first, second) >= SURE_ENOUGH


def p_stays_ahead(first: int, second: int) -> float:
    """P(Beta(first + 1, second + 1) > 1/2), which is a sum of binomial probabilities."""
    n = first + second + 1
    return sum(math.comb(n, k) for k in range(first + 1)) / float(2**n)
