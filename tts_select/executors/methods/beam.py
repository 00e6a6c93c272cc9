"""Beam search under a PRM (arXiv 2502.06703, section 3.1).

N first steps; then, step by step, the best N/M stay and are continued N times in all. N/M is rounded up,
so that N < M keeps one beam. Identical beams keep their places, so a step that was written often is continued
often (docs/lab/log.md), but they are expanded and scored as one: nothing is computed twice. A finished
solution holds its place among the best N/M until better ones push it out; it stays in the pool all the same.
The search ends when none of the best is open.
"""

from __future__ import annotations

from tts_select.core.candidate import Candidate
from tts_select.executors.search import Round, Search


async def beam(search: Search) -> None:
    """Grow one beam over the whole problem."""
    await grow_beam(search, search.budget, n_kept=-(-search.budget // search.settings.beam_width))


async def grow_beam(search: Search, n: int, *, n_kept: int) -> None:
    """`n` continuations a round, of which `n_kept` stay; finished solutions go to the search's pool."""
    finished: list[Candidate] = []
    kept: list[Candidate] = [Candidate()]
    while kept:
        children = await search.score(await search.expand(kept, n))
        ended = [c for c in children if c.finish != "open"]
        search.pool += ended
        finished += [c for c in ended if c.is_complete]
        going_on = [c for c in children if c.finish == "open"]
        best = sorted([*finished, *going_on], key=search.ranking, reverse=True)[:n_kept]
        search.rounds.append(Round(search.tree, children, best))
        kept = [] if search.is_cut else [c for c in best if c.finish == "open"]
