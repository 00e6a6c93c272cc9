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
    """Grow all subtrees at the same time, each with its share of a cap."""
    width = min(search.settings.beam_width, search.budget)
    subtrees = _subtrees(search, search.budget // width)
    try:
        await asyncio.gather(*(grow_beam(tree, width, n_kept=1) for tree in subtrees))
    finally:  # what they found counts too when a deadline cuts them short
        search.pool += [candidate for tree in subtrees for candidate in tree.pool]
        search.policy.limits.join([tree.policy.limits for tree in subtrees])


def _subtrees(search: Search, n: int) -> list[Search]:
    """Searches that differ in their seeds and share nothing, so that their order never matters."""
    return [
        replace(
            search,
            policy=replace(search.policy, limits=limits),
            settings=replace(search.settings, seed=derive_seed(search.settings.seed, k)),
            pool=[],
            tree=k,
        )
        for k, limits in enumerate(search.policy.limits.split(n))
    ]
