"""Adaptive consistency (arXiv 2305.11860) as published: samples until the first answer will stay ahead."""

from __future__ import annotations

from tts_select.core.stopping import BETA
from tts_select.executors.search import Search
from tts_select.executors.stopping import sample_until


async def beta(search: Search) -> None:
    """Look after every solution."""
    await sample_until(BETA, search)
