"""Diverse verifier tree search: N/M independent subtrees, each a greedy beam of width M.

M first steps a subtree, the best one stays and has M children. N/M is rounded down, with one tree at
least; N < M makes that tree narrower.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from tts_select.core.seeds import derive_seed
from tts_select.executors.methods.beam import grow_beam
from tts_select.executors.search import Search


async def dvts(search: Search) -> None:
    """All subtrees grow at the same time and share the pool."""
    width = min(search.settings.beam_width, search.budget)
    subtrees = [
        replace(search, settings=replace(search.settings, seed=derive_seed(search.settings.seed, k)))
        for k in range(search.budget // width)
    ]
    await asyncio.gather(*(grow_beam(tree, width, n_kept=1) for tree in subtrees))
