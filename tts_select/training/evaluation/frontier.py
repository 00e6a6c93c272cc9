"""A router replayed over prices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tts_select.selector.routers.lookahead import LookaheadRouter
from tts_select.training.replay.cases import Case
from tts_select.training.replay.fixed import Score
from tts_select.training.replay.walks import Walk, walk

N_DRAWS = 4


@dataclass(frozen=True, slots=True)
class Frontier:
    """The router at each of `prices`: its walks, shape (prices, draws, problems), and their scores."""

    prices: Sequence[float]
    walks: Sequence[Sequence[Sequence[Walk]]]
    scores: Sequence[Score]


def frontier_of(
    router: LookaheadRouter,
    cases: Sequence[Case],
    prices: Sequence[float] | np.ndarray,
    seed: int,
    note: Callable[[str], None],
) -> Frontier:
    """Replay the router at each price, in the same draws."""
    walks: list[list[list[Walk]]] = []
    for k, price in enumerate(prices):
        note(f"price {k + 1} of {len(prices)}")
        walks.append([walk(router, cases, float(price), seed=seed + d) for d in range(N_DRAWS)])
    return Frontier([float(p) for p in prices], walks, [score_of(w) for w in walks])


def score_of(draws: Sequence[Sequence[Walk]]) -> Score:
    """Of the same cases in some draws."""
    correct = np.array([[w.correct for w in walks] for walks in draws], dtype=float)
    flops = np.array([[w.flops for w in walks] for walks in draws])
    return Score(correct.mean(axis=0), flops.mean(axis=0))
