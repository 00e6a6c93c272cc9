"""Majority voting weighed by self-certainty: N independent solutions, whose votes count by the rank of their
certainty among them (Borda voting, Kang, Zhao and Song 2025, arXiv 2502.18581), which is that of the k most
likely tokens alone (core/certainty.py)."""

from __future__ import annotations

import math

from tts_select.executors.methods.weighted_majority import warn_that_votes_count_alike
from tts_select.executors.search import Search


async def self_certainty(search: Search) -> None:
    """The certainties are on the solutions already: no PRM is asked."""
    await search.solutions(search.budget)
    if search.pool and all(math.isnan(candidate.certainty) for candidate in search.pool):
        warn_that_votes_count_alike(search, "log-probabilities of the most likely tokens")
