"""A router's frontier against fixed arms, the oracle and other strategies, at equal accuracy or cost.

Every number is computed once for what was measured and once for every resample of the problems, and of the
trainings of the router if there are several; that is where intervals come from.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tts_select.training.evaluation.records import FrontierGaps, Guard, WorstGap
from tts_select.training.replay.curves import Curve
from tts_select.training.replay.envelope import EVEN
from tts_select.training.replay.fixed import Score, best_of
from tts_select.training.replay.metrics import Interval, IntervalRecord
from tts_select.training.replay.resampling import interval, intervals, standard_error

SMALLEST_DISTANCE = 0.005
"""From the best fixed arm to the oracle; below it there is nothing to close."""
N_STANDARD_ERRORS = 2.0
"""So far must a distance be from nothing before anything is divided by it, or said to be reached."""
NEAR = 0.005
"""An arm is as good as the best if it is at most so much less accurate."""
UNKNOWN: IntervalRecord = {"value": math.nan, "low": math.nan, "high": math.nan}


@dataclass(frozen=True, slots=True)
class Headline:
    """What a router is worth beside the best fixed arm and the oracle."""

    points: Curve
    arms: Curve
    best: int
    """The place of the best arm."""
    oracle: Curve

    def cost_ratio(self) -> IntervalRecord:
        """The router's cost at the best arm's accuracy, over that of the cheapest arm that has it."""
        fixed = self._fixed
        enough = np.where(self.arms.accuracies >= fixed[:, None] - EVEN, self.arms.costs, np.inf)
        return interval(_costs_at(self.points, fixed[:, None])[:, 0] / enough.min(axis=1)).as_dict()

    def gap_closed(self) -> IntervalRecord:
        """The share of the distance from the best arm to the oracle that the router closes at the arm's cost;
        NaN where there is no distance to speak of."""
        if not self.distance_to_oracle()["holds"]:
            return UNKNOWN
        distance = self._oracle - self._fixed
        gap = self._reached - self._fixed
        has_some = distance > SMALLEST_DISTANCE
        return interval(np.divide(gap, distance, out=np.full_like(gap, np.nan), where=has_some)).as_dict()

    def regret(self) -> IntervalRecord:
        """How much less accurate than the oracle the router is at the best arm's cost."""
        return interval(self._oracle - self._reached).as_dict()

    def distance_to_oracle(self) -> Guard:
        """What `gap_closed` is a share of."""
        found = guard(self._oracle - self._fixed)
        return {**found, "holds": found["holds"] and found["distance"]["value"] > SMALLEST_DISTANCE}

    def distance_above_best(self) -> Guard:
        """How far the router's most accurate price is above the best arm: whether a cost ratio at the arm's
        accuracy is of something that the router surely reaches."""
        most = int(self.points.accuracies[0].argmax())
        return guard(self.points.accuracies[:, most] - self._fixed)

    @property
    def _fixed(self) -> np.ndarray:
        found: np.ndarray = self.arms.accuracies[:, self.best]
        return found

    @property
    def _oracle(self) -> np.ndarray:
        found: np.ndarray = self.oracle.accuracies[:, 0]
        return found

    @property
    def _reached(self) -> np.ndarray:
        return accuracies_at(self.points, self.arms.costs[:, [self.best]])[:, 0]


def guard(distance: np.ndarray) -> Guard:
    """A distance in every resample, and whether it is surely one."""
    error = standard_error(distance)
    holds = bool(distance[0] >= N_STANDARD_ERRORS * error)
    return {"distance": interval(distance).as_dict(), "standard_error": error, "holds": holds}


def accuracies_at(points: Curve, costs: np.ndarray) -> np.ndarray:
    """The frontier's accuracy at costs of the shape (1 + resamples, costs); NaN at a cost that is below all
    of its points in what was measured."""
    found = np.stack([e.accuracies_at(c) for e, c in zip(points.envelopes, costs, strict=True)])
    found[:, costs[0] < points.envelopes[0].costs[0] * (1 - EVEN)] = np.nan
    return found


def _costs_at(points: Curve, accuracies: np.ndarray) -> np.ndarray:
    return np.stack([e.costs_at(a) for e, a in zip(points.envelopes, accuracies, strict=True)])


def gaps_to(points: Curve, others: Curve) -> np.ndarray:
    """The router minus each of the others at its cost, shape (1 + resamples, others)."""
    found: np.ndarray = accuracies_at(points, others.costs) - others.accuracies
    return found


def frontier_gaps(points: Curve, arms: Mapping[str, Score], curve: Curve) -> FrontierGaps:
    """The router minus an arm at the arm's cost: at worst, and for the best arm within the median cost. An
    arm that the router itself is at some price, as its first look is, tells nothing if there are others."""
    found = gaps_to(points, curve)
    gaps = dict(zip(arms, intervals(found), strict=True))
    reachable = {name: gap for name, gap in gaps.items() if not math.isnan(gap.value)}
    own = {name for name, column in zip(arms, found.T, strict=True) if (np.abs(column) <= EVEN).all()}
    others = {name: gap for name, gap in reachable.items() if name not in own}
    budget = float(np.median(curve.costs[0]))
    within = best_of({name: s for name, s in arms.items() if s.cost <= budget})
    place = list(arms).index(within)
    at_median = accuracies_at(points, np.full((len(curve.costs), 1), budget))[:, 0]
    return {
        "worst": _worst(others or reachable),
        "cheaper_than_any_router": sorted(set(gaps) - set(reachable)),
        "at_median_budget": interval(at_median - curve.accuracies[:, place]).as_dict(),
        "median_budget": budget,
    }


def _worst(gaps: Mapping[str, Interval]) -> WorstGap:
    """Empty and NaN where the router is dearer than every arm. The arm is that of what was measured: the
    least of many gaps is below what it is in truth, so that the lower end of its interval is a safe one."""
    if not gaps:
        return {"name": "", **UNKNOWN}
    worst = min(gaps, key=lambda name: gaps[name].value)
    return {"name": worst, **gaps[worst].as_dict()}


def gap_to(points: Curve, others: Curve) -> IntervalRecord:
    """The router minus a strategy at equal cost: the mean over the strategy's points that it can reach."""
    gaps = gaps_to(points, others)
    reachable = gaps[:, ~np.isnan(gaps[0])]
    return interval(reachable.mean(axis=1)).as_dict() if reachable.shape[1] else UNKNOWN


def cost_ratios(
    points: Curve, names: Sequence[str], others: Curve, *, less: Sequence[float]
) -> list[dict[str, Interval]]:
    """For each of `less`, the router's cost at so much less than each other's accuracy over the other's cost;
    infinite where it never is as accurate."""
    found = []
    for by in less:
        ratios = _costs_at(points, others.accuracies - by) / others.costs
        found.append(dict(zip(names, intervals(ratios), strict=True)))
    return found


def near_best_of(arms: Mapping[str, Score], best: Score) -> str:
    """The name of the cheapest arm that is as good as the best."""
    enough = {name: s for name, s in arms.items() if s.accuracy >= best.accuracy - NEAR}
    return min(enough, key=lambda name: enough[name].cost)
