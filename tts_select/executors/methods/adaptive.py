"""Adaptive consistency (arXiv 2305.11860): samples in rounds, until more would hardly change the majority."""

from __future__ import annotations

from collections import Counter

from tts_select.core.voting import ROUND, is_settled
from tts_select.data.grading import group_answers
from tts_select.executors.aggregation import rank
from tts_select.executors.search import Search


async def adaptive(search: Search) -> None:
    """Sample at most N solutions; no PRM is asked."""
    while True:
        new = await search.solutions(min(len(search.pool) + ROUND, search.budget))
        if not new or len(search.pool) >= search.budget or search.is_cut:
            return
        answers = [r.answer for r in rank(search.pool, search.settings.aggregation) if r.answer is not None]
        if is_settled(Counter(await group_answers(answers)).values()):
            return
