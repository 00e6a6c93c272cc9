"""The scores of a PRM on the samples of many orders, as arrays beside those of `orders.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tts_select.core.arm import Arm
from tts_select.selector.preference import score_of
from tts_select.training.replay.cases import Case, Order


@dataclass(frozen=True, slots=True)
class Scored:
    """What a PRM says of the samples of one pool, shape (rows, samples) each, in the orders of its draws."""

    score: np.ndarray
    """The one score of each sample; NaN where it has none."""
    cost: np.ndarray
    """What scoring the first 1, 2, ... samples comes to; 0 where a log does not say."""

    def shuffled(self, share: float, rng: np.random.Generator) -> Scored:
        """The same as if the PRM knew less: a share of the samples of each row get each other's scores."""
        score = self.score.copy()
        for row in score:
            some = np.flatnonzero(rng.random(len(row)) < share)
            row[some] = row[rng.permutation(some)]
        return replace(self, score=score)


def scored_in(cases: Sequence[Case], orders: Sequence[Sequence[Order]], arm: Arm, n: int) -> Scored:
    """The scores of the arm's PRM on the first n samples of its pool, in the orders of each case."""
    assert arm.prm is not None
    shape = (len(cases), len(orders[0]), n)
    score, cost = np.full(shape, np.nan), np.zeros(shape)
    for k, (case, some) in enumerate(zip(cases, orders, strict=True)):
        samples = case.observed[arm.pool]
        own = np.array([score_of(s, arm.prm, arm.settings.aggregation) for s in samples])
        pick = np.stack([order.samples[arm.pool][:n] for order in some])
        score[k, :, : pick.shape[1]] = own[pick]
        cost[k] = np.nan_to_num([case.scoring_cost(arm, m) for m in range(1, n + 1)])
    return Scored(score.reshape(-1, n), cost.reshape(-1, n))
