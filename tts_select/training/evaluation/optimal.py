"""The paper's compute-optimal strategy of one policy, and its efficiency over majority voting.

For a budget N and a difficulty bin the strategy is the arm that is most accurate there (arXiv 2502.06703,
sections 3.1 and 3.2). It is picked on other problems than those it is scored on, in five folds: the best of
many arms on the same problems would be partly luck.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from tts_select.training.replay.fixed import Board, Score

N_FOLDS = 5


@dataclass(frozen=True, slots=True)
class Point:
    """A strategy at a budget."""

    n: int
    score: Score

    def budget(self, places: np.ndarray, *, in_flops: bool) -> float:
        """N, or the mean FLOPs on these problems."""
        return float(self.score.flops[places].mean()) if in_flops else float(self.n)

    def accuracy(self, places: np.ndarray) -> float:
        """On these problems."""
        return float(self.score.correct[places].mean())


def optimal(board: Board, arms: Collection[int], bins: np.ndarray, n: int, seed: int) -> Point:
    """The best of some arms (their places on the board) with a budget up to `n`, by difficulty bin."""
    among = np.array([k for k in arms if board.arms[k].budget <= n])
    success, flops = board.correct[among].mean(-1), board.flops[among].mean(-1)
    fold_of = np.random.default_rng(seed).permutation(len(bins)) % N_FOLDS
    pick = np.zeros(len(bins), int)
    for fold in range(N_FOLDS):
        for bin_ in range(3):
            here = (fold_of == fold) & (bins == bin_)
            others = (fold_of != fold) & (bins == bin_)
            pick[here] = _best(success, flops, others if others.any() else fold_of != fold)
    places = np.arange(len(bins))
    return Point(n, Score(success[pick, places], flops[pick, places]))


def efficiency(
    majority: Sequence[Point], tts: Sequence[Point], places: np.ndarray, *, in_flops: bool = False
) -> float:
    """(the budget at which majority voting is best) / (the budget at which TTS is as good).

    Between two budgets TTS is interpolated in the logarithm. NaN if it never is as good.
    """
    votes = [(point.accuracy(places), point.budget(places, in_flops=in_flops)) for point in majority]
    best = max(accuracy for accuracy, _ in votes)
    spent = min(budget for accuracy, budget in votes if accuracy >= best)
    curve = [(point.accuracy(places), point.budget(places, in_flops=in_flops)) for point in tts]
    reached = next((k for k, (accuracy, _) in enumerate(curve) if accuracy >= best), None)
    if reached is None:
        return math.nan
    if reached == 0:
        return spent / curve[0][1]
    (below, cheap), (above, dear) = curve[reached - 1], curve[reached]
    needed = math.exp(np.interp(best, [below, above], [math.log(cheap), math.log(dear)]))
    return spent / needed


def _best(success: np.ndarray, flops: np.ndarray, problems: np.ndarray) -> int:
    """The most accurate on these problems; of equals the cheapest."""
    means = success[:, problems].mean(axis=1)
    costs = np.where(means >= means.max() - 1e-12, flops[:, problems].mean(axis=1), np.inf)
    return int(costs.argmin())
