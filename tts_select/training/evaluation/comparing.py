"""A router's frontier against fixed arms, the oracle and other strategies, at equal accuracy or cost.

Every number is a function of the problems that it is computed on, given by their places, so that intervals
come from resampling them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tts_select.training.evaluation.records import FrontierGaps, WorstGap
from tts_select.training.replay.fixed import (
    Envelope,
    Score,
    accuracy_at,
    cheapest_as_accurate,
    cost_at,
    envelope_of,
)
from tts_select.training.replay.metrics import Interval, IntervalRecord, bootstrap, bootstraps

SMALLEST_DISTANCE = 0.005
"""From the best fixed arm to the oracle; below it there is nothing to close."""
NEAR = 0.005
"""An arm is as good as the best if it is at most so much less accurate."""

Points = Sequence[Score]
"""A frontier, in any order."""


@dataclass(frozen=True, slots=True)
class Headline:
    """What a router is worth beside the best fixed arm and the oracle."""

    points: Points
    arms: Mapping[str, Score]
    best: Score
    oracle: Score

    def cost_ratio(self, places: np.ndarray) -> float:
        """The router's cost at the best arm's accuracy, over that of the cheapest arm that has it."""
        here = {name: Score(s.correct[places], s.flops[places]) for name, s in self.arms.items()}
        accuracy = float(self.best.correct[places].mean())
        return cost_at(self.points, accuracy, places) / cheapest_as_accurate(here, accuracy).cost

    def gap_closed(self, places: np.ndarray) -> float:
        """The share of the distance from the best arm to the oracle that the router closes at the arm's cost;
        NaN where there is no distance to speak of."""
        fixed = float(self.best.correct[places].mean())
        distance = float(self.oracle.correct[places].mean()) - fixed
        return (self._reached(places) - fixed) / distance if distance > SMALLEST_DISTANCE else math.nan

    def regret(self, places: np.ndarray) -> float:
        """How much less accurate than the oracle the router is at the best arm's cost."""
        return float(self.oracle.correct[places].mean()) - self._reached(places)

    def _reached(self, places: np.ndarray) -> float:
        return accuracy_at(self.points, float(self.best.flops[places].mean()), places)


def frontier_gaps(points: Points, arms: Mapping[str, Score]) -> FrontierGaps:
    """The router minus an arm at the arm's cost: at worst, and for the best arm within the median cost."""
    n = len(next(iter(arms.values())).correct)
    everything = np.arange(n)
    gaps = {
        name: accuracy_at(points, score.cost, everything) - score.accuracy for name, score in arms.items()
    }
    reachable = {name: gap for name, gap in gaps.items() if not math.isnan(gap)}
    budget = float(np.median([s.cost for s in arms.values()]))
    within = max((s for s in arms.values() if s.cost <= budget), key=lambda s: s.accuracy)

    def at_median(places: np.ndarray) -> float:
        return accuracy_at(points, budget, places) - float(within.correct[places].mean())

    return {
        "worst": _worst(reachable),
        "cheaper_than_any_router": sorted(set(gaps) - set(reachable)),
        "at_median_budget": bootstrap(at_median, n).as_dict(),
        "median_budget": budget,
    }


def _worst(gaps: Mapping[str, float]) -> WorstGap:
    """Empty and NaN where the router is dearer than every arm."""
    if not gaps:
        return {"name": "", "value": math.nan}
    worst = min(gaps, key=gaps.__getitem__)
    return {"name": worst, "value": gaps[worst]}


def gap_to(points: Points, others: Points) -> IntervalRecord:
    """The router minus a strategy at equal cost: the mean over the strategy's points that it can reach."""

    def mean(places: np.ndarray) -> float:
        router = envelope_of(points, places)
        gaps = [
            router.accuracy_at(float(p.flops[places].mean())) - float(p.correct[places].mean())
            for p in others
        ]
        return float(np.nanmean(gaps)) if not np.isnan(gaps).all() else math.nan

    return bootstrap(mean, len(others[0].correct)).as_dict()


def gain_over(points: Points, other: Score) -> IntervalRecord:
    """The router's accuracy minus that of something else, at the cost of the other; it is NaN where every
    point of the router is dearer."""
    return gap_to(points, [other])


def cost_ratios(
    points: Points, others: Mapping[str, Score], *, less: Sequence[float]
) -> list[dict[str, Interval]]:
    """For each of `less`, the router's cost at so much less than each other's accuracy over the other's cost;
    infinite where it never is as accurate."""
    accuracies = np.stack([p.correct for p in points]), np.stack([s.correct for s in others.values()])
    costs = np.stack([p.flops for p in points]), np.stack([s.flops for s in others.values()])

    def ratios(places: np.ndarray) -> np.ndarray:
        (reached, wanted), (cost, paid) = (
            [values[:, places].mean(axis=1) for values in both] for both in (accuracies, costs)
        )
        envelope = Envelope.of(cost, reached)
        return np.concatenate([envelope.costs_at(wanted - by) / paid for by in less])

    found = bootstraps(ratios, accuracies[0].shape[1])
    return [dict(zip(others, some, strict=True)) for some in _chunks(found, len(others))]


def near_best_of(arms: Mapping[str, Score], best: Score) -> str:
    """The name of the cheapest arm that is as good as the best."""
    enough = {name: s for name, s in arms.items() if s.accuracy >= best.accuracy - NEAR}
    return min(enough, key=lambda name: enough[name].cost)


def _chunks(found: Sequence[Interval], n: int) -> Iterator[Sequence[Interval]]:
    return (found[k : k + n] for k in range(0, len(found), n))
