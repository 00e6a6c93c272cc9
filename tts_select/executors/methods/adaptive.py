"""Adaptive consistency (arXiv 2305.11860) in rounds: samples until the first answer will stay ahead."""

from __future__ import annotations

from tts_select.core.stopping import ADAPTIVE
from tts_select.executors.search import Search
from tts_select.executors.stopping import sample_until


async def adaptive(search: Search) -> None:
    """Look after every fourth solution."""
    await sample_until(ADAPTIVE, search)
