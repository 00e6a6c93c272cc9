"""What can be said of any two frontiers, whether or not one is ever as accurate as the other: accuracy within
fixed budgets, cost at accuracies that both reach, and the area between them.

Within a budget counts what can be had: the most accurate point that costs no more, on all problems. Costs at
accuracies and the area are of envelopes, which are interpolated in the logarithm of cost.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tts_select.training.replay.fixed import Envelope, Score
from tts_select.training.replay.metrics import Interval, IntervalRecord, bootstrap, bootstraps, mean_interval

N_BUDGETS, N_ACCURACIES = 8, 5


def shared_budgets(points: Sequence[Score], others: Sequence[Score]) -> list[float]:
    """From the least with which both can be had to what the dearest of the others costs, in equal ratios."""
    least = max(min(s.cost for s in some) for some in (points, others))
    most = max(s.cost for s in others)
    return [float(b) for b in np.geomspace(least, most, N_BUDGETS)] if most > least else [least]


def most_accurate(scores: Sequence[Score], budget: float = float("inf")) -> Score | None:
    """Of those within the budget, of equals the cheapest; None if all are dearer."""
    within = [s for s in scores if s.cost <= budget]
    return min(within, key=lambda s: (-s.accuracy, s.cost), default=None)


def difference(one: Score, other: Score) -> IntervalRecord:
    """How much more accurate the first is, on the same problems."""
    return mean_interval(one.correct - other.correct).as_dict()


def shared_accuracies(points: Sequence[Score], others: Sequence[Score]) -> list[float]:
    """From where both begin to the most that both reach, in equal steps."""
    ends = [_Stacked(some).envelope(np.arange(some[0].correct.size)).accuracies for some in (points, others)]
    most = float(min(accuracies[-1] for accuracies in ends))
    least = min(most, max(float(accuracies[0]) for accuracies in ends))
    return [float(a) for a in np.linspace(least, most, N_ACCURACIES)] if most > least else [most]


def costs_at(
    points: Sequence[Score], others: Sequence[Score], accuracies: Sequence[float]
) -> list[tuple[float, float, Interval]]:
    """For each accuracy what the points cost, what the others cost, and the first over the second."""
    one, other, wanted = _Stacked(points), _Stacked(others), np.array(accuracies)

    def both(places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return one.envelope(places).costs_at(wanted), other.envelope(places).costs_at(wanted)

    def ratios(places: np.ndarray) -> np.ndarray:
        cost, paid = both(places)
        known = np.isfinite(cost) | np.isfinite(paid)  # in a resample it may be that neither is so accurate
        found: np.ndarray = np.divide(cost, paid, out=np.full(len(wanted), np.nan), where=known)
        return found

    n = one.correct.shape[1]
    costs, paid = both(np.arange(n))
    return list(zip(costs.tolist(), paid.tolist(), bootstraps(ratios, n), strict=True))


def area_between(points: Sequence[Score], others: Sequence[Score]) -> IntervalRecord:
    """How much more accurate the points are than the others at equal cost: the mean over the logarithm of
    cost, from the least with which both can be had to the most that either costs."""
    one, other = _Stacked(points), _Stacked(others)

    def mean_gap(places: np.ndarray) -> float:
        envelopes = [one.envelope(places), other.envelope(places)]
        start = max(e.costs[0] for e in envelopes)
        end = max(start, *(e.costs[-1] for e in envelopes))
        knots = np.unique(
            np.clip(np.log(np.concatenate([e.costs for e in envelopes])), *np.log([start, end]))
        )
        mine, theirs = (np.interp(knots, np.log(e.costs), e.accuracies) for e in envelopes)
        gap = mine - theirs
        if len(knots) == 1:
            return float(gap[0])
        widths = np.diff(knots)
        return float((widths * (gap[1:] + gap[:-1]) / 2).sum() / widths.sum())

    return bootstrap(mean_gap, one.correct.shape[1]).as_dict()


class _Stacked:
    """Scores as arrays of the shape (scores, problems)."""

    def __init__(self, scores: Sequence[Score]) -> None:
        self.correct = np.stack([s.correct for s in scores])
        self.cost = np.stack([s.flops for s in scores])

    def envelope(self, places: np.ndarray) -> Envelope:
        return Envelope.of(self.cost[:, places].mean(axis=1), self.correct[:, places].mean(axis=1))
