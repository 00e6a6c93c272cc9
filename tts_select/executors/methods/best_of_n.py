"""Best-of-N: N independent solutions, scored by the PRM."""

from __future__ import annotations

from tts_select.executors.search import Search


async def best_of_n(search: Search) -> None:
    """Scores are given once all solutions are written, in one batch."""
    await search.solutions(search.budget)
    search.pool[:] = await search.score(search.pool)
