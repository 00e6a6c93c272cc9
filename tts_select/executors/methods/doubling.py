"""The doubling rule: twice as many samples, until three quarters of them agree."""

from __future__ import annotations

from tts_select.core.stopping import DOUBLING
from tts_select.executors.search import Search
from tts_select.executors.stopping import sample_until


async def doubling(search: Search) -> None:
    """Look at 2, 4, 8, 16, ... solutions."""
    await sample_until(DOUBLING, search)
