"""Adaptive consistency: samples in rounds, and stops when more would hardly change the majority.

Aggarwal et al. 2023 (arXiv 2305.11860): with v1 votes for the first answer and v2 for the second, the first
stays ahead with the probability that Beta(v1 + 1, v2 + 1) is above one half; at 0.95 sampling stops.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import comb

from tts_select.executors.aggregation import rank, vote_counts
from tts_select.executors.search import Search

ROUND = 4
SURE_ENOUGH = 0.95


async def adaptive(search: Search) -> None:
    """At most N solutions; no PRM is asked."""
    while len(search.pool) < search.budget and not search.is_cut:
        before = len(search.pool)
        await search.solutions(min(ROUND, search.budget - before), first=before)
        ranked = rank(search.pool, search.settings.aggregation)
        if is_settled(vote_counts(ranked)) or len(search.pool) == before:
            return


def is_settled(counts: Iterable[int]) -> bool:
    """Whether the answer with the most votes will stay ahead, surely enough."""
    first, second, *_ = [*sorted(counts, reverse=True), 0, 0]
    return p_stays_ahead(first, second) >= SURE_ENOUGH


def p_stays_ahead(first: int, second: int) -> float:
    """P(Beta(first + 1, second + 1) > 1/2), which is a sum of binomial probabilities."""
    n = first + second + 1
    return sum(comb(n, k) for k in range(first + 1)) / float(2**n)
