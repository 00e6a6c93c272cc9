"""Routers that were trained more than once, replayed: the same draws of the same problems for all of them."""

from __future__ import annotations

from collections.abc import Container, Sequence
from statistics import geometric_mean

import numpy as np

from tts_select.training.evaluation.frontier import Frontier, efforts_of
from tts_select.training.evaluation.replays import Replays, Trainings
from tts_select.training.evaluation.spread import Note
from tts_select.training.replay.fixed import Score


def replayed(
    trainings: Trainings,
    prices: Sequence[float],
    replays: Replays,
    *,
    whole: Container[int],
    note: Note,
) -> tuple[Frontier, dict[str, tuple[float, Score]]]:
    """The frontier, and at each effort that all routers have its price (of several the geometric mean) and
    score. Scores of several trainings have them in their first axis. The places of prices in `whole` are
    those at which the first training has all draws."""
    efforts = [efforts_of(parts) for parts in trainings]
    shared = [name for name in efforts[0] if all(name in own for own in efforts)]
    wanted = [
        [[price] * len(parts) for price in prices] + [own[name] for name in shared]
        for parts, own in zip(trainings, efforts, strict=True)
    ]
    walked = replays.of(trainings, wanted, whole=whole, note=note)
    scores = [_joined([some[k].score for some in walked]) for k in range(len(prices) + len(shared))]
    at = {
        name: (_mean_price([p for own in efforts for p in own[name]]), score)
        for name, score in zip(shared, scores[len(prices) :], strict=True)
    }
    return Frontier(prices, walked[0][: len(prices)], scores[: len(prices)]), at


def _mean_price(prices: Sequence[float]) -> float:
    return prices[0] if len(set(prices)) == 1 else geometric_mean(prices)


def alone(score: Score, training: int) -> Score:
    """The score of one training."""
    if score.correct.ndim == 1:
        return score
    return Score(score.correct[training], score.flops[training])


def _joined(scores: Sequence[Score]) -> Score:
    if len(scores) == 1:
        return scores[0]
    return Score(np.stack([s.correct for s in scores]), np.stack([s.flops for s in scores]))
