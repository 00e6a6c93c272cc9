"""Adaptive consistency (arXiv 2305.11860): samples in rounds, until more would hardly change the majority."""

from __future__ import annotations

from tts_select.core.voting import ROUND, is_settled
from tts_select.executors.aggregation import rank, vote_counts
from tts_select.executors.search import Search


async def adaptive(search: Search) -> None:
    """At most N solutions; no PRM is asked."""
    while len(search.pool) < search.budget and not search.is_cut:
        before = len(search.pool)
        await search.solutions(min(ROUND, search.budget - before), first=before)
        ranked = rank(search.pool, search.settings.aggregation)
        if is_settled(vote_counts(ranked)) or len(search.pool) == before:
            return
