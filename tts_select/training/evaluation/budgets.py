"""What can be said of any two frontiers, whether or not one is ever as accurate as the other: accuracy within
fixed budgets, cost at accuracies that both reach, and the area between them.

What can be had within a budget is the most accurate point that costs no more, on all problems; the gain at a
budget, the costs of accuracies and the area are of frontiers, which mix points (`replay/envelope.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tts_select.training.replay.curves import Curve
from tts_select.training.replay.envelope import EVEN, Envelope
from tts_select.training.replay.fixed import Score
from tts_select.training.replay.metrics import Interval, IntervalRecord
from tts_select.training.replay.resampling import interval, intervals, mean_of_all

N_BUDGETS, N_ACCURACIES = 8, 5


def ends_of_both(points: Curve, others: Curve) -> tuple[float, float]:
    """From the least cost with which both can be had to what the dearest of the others costs; they are those
    of what was measured in every resample."""
    start = max(float(curve.costs[0].min()) for curve in (points, others))
    return start, max(start, float(others.costs[0].max()))


def shared_budgets(points: Curve, others: Curve) -> list[float]:
    """Between these ends, in equal ratios."""
    start, end = ends_of_both(points, others)
    return [float(b) for b in np.geomspace(start, end, N_BUDGETS)] if end > start else [start]


def is_within(cost: float, budget: float) -> bool:
    """Whether it costs no more; a budget that was made of the same costs may be short of them by rounding."""
    return cost <= budget * (1 + EVEN)


def most_accurate(scores: Sequence[Score], budget: float = float("inf")) -> Score | None:
    """Of those within the budget, of equals the cheapest; None if all are dearer."""
    within = [s for s in scores if is_within(s.cost, budget)]
    return min(within, key=lambda s: (-s.accuracy, s.cost), default=None)


def difference(one: Score, other: Score) -> IntervalRecord:
    """How much more accurate the first is, on the same problems."""
    return mean_of_all(one.correct - other.correct).as_dict()


def gains_at(points: Curve, others: Curve, budgets: Sequence[float]) -> list[Interval]:
    """How much more accurate the first frontier is than the second at each of these costs."""
    wanted = np.array(budgets)
    pairs = zip(points.envelopes, others.envelopes, strict=True)
    return intervals(np.stack([one.accuracies_at(wanted) - two.accuracies_at(wanted) for one, two in pairs]))


def shared_accuracies(points: Curve, others: Curve) -> list[float]:
    """From where both begin to the most that both reach, in equal steps."""
    ends = [curve.envelopes[0].accuracies for curve in (points, others)]
    most = float(min(accuracies[-1] for accuracies in ends))
    least = min(most, max(float(accuracies[0]) for accuracies in ends))
    return [float(a) for a in np.linspace(least, most, N_ACCURACIES)] if most > least else [most]


def costs_at(
    points: Curve, others: Curve, accuracies: Sequence[float]
) -> list[tuple[float, float, Interval]]:
    """For each accuracy what the points cost, what the others cost, and the first over the second."""
    wanted = np.array(accuracies)
    costs, paid = (np.stack([e.costs_at(wanted) for e in curve.envelopes]) for curve in (points, others))
    known = np.isfinite(costs) | np.isfinite(paid)  # in a resample it may be that neither is so accurate
    ratios = np.divide(costs, paid, out=np.full_like(costs, np.nan), where=known)
    return list(zip(costs[0].tolist(), paid[0].tolist(), intervals(ratios), strict=True))


def area_between(points: Curve, others: Curve) -> IntervalRecord:
    """How much more accurate the points are than the others at equal cost: the mean over the logarithm of
    cost, from the least with which both can be had to what the dearest of the others costs. It is the
    difference of two AIQ of RouterBench (arXiv 2403.12031) with a logarithmic axis; RouteLLM's APGR
    (2406.18665) is the same divided by what there is to gain."""
    start, end = ends_of_both(points, others)

    def mean(envelope: Envelope) -> float:
        if end > start:
            return envelope.mean_over_log_cost(start, end)
        return float(envelope.accuracies_at(np.array([start]))[0])

    pairs = zip(points.envelopes, others.envelopes, strict=True)
    return interval(np.array([mean(one) - mean(other) for one, other in pairs])).as_dict()
