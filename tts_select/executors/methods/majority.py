"""Majority voting (self-consistency): N independent solutions, one vote each."""

from __future__ import annotations

from tts_select.executors.search import Search


async def majority(search: Search) -> None:
    """No PRM is asked, even if there is one."""
    await search.solutions(search.budget)
