"""Chain of thought: one greedy solution."""

from __future__ import annotations

from tts_select.executors.search import Search


async def cot(search: Search) -> None:
    """The budget is 1 whatever was asked for."""
    await search.solutions(1, temperature=0.0)
