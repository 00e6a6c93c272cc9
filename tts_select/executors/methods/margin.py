"""The margin rule: samples until the first answer is ahead of the second by half of the samples."""

from __future__ import annotations

from tts_select.core.stopping import MARGIN_RULE
from tts_select.executors.search import Search
from tts_select.executors.stopping import sample_until


async def margin(search: Search) -> None:
    """Look after every solution from the second on."""
    await sample_until(MARGIN_RULE, search)
