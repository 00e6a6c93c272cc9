"""Early-stopping self-consistency (arXiv 2401.10480): samples until a window of four agrees."""

from __future__ import annotations

from tts_select.core.stopping import EARLY_STOPPING
from tts_select.executors.search import Search
from tts_select.executors.stopping import sample_until


async def early_stopping(search: Search) -> None:
    """Look after every window."""
    await sample_until(EARLY_STOPPING, search)
