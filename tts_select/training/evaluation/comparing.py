"""A router's frontier against fixed arms, the oracle and other strategies, at equal accuracy or cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tts_select.training.evaluation.frontier import Frontier
from tts_select.training.replay.fixed import Score, accuracy_at, cheapest_as_accurate, cost_at
from tts_select.training.replay.metrics import bootstrap

SMALLEST_DISTANCE = 0.005
"""From the best fixed arm to the oracle; below it there is nothing to close."""


def headline(frontier: Frontier, scores: dict[str, Score], best: Score, top: Score) -> dict[str, Any]:
    """Cost at equal accuracy, the share of the gap to the oracle that is closed at equal cost, and regret."""

    def ratio(places: np.ndarray) -> float:
        here = {n: Score(s.correct[places], s.flops[places]) for n, s in scores.items()}
        accuracy = float(best.correct[places].mean())
        return cost_at(frontier.scores, accuracy, places) / cheapest_as_accurate(here, accuracy).cost

    def closed(places: np.ndarray) -> float:
        fixed = float(best.correct[places].mean())
        reached = accuracy_at(frontier.scores, float(best.flops[places].mean()), places)
        distance = float(top.correct[places].mean()) - fixed
        return (reached - fixed) / distance if distance > SMALLEST_DISTANCE else float("nan")

    def regret(places: np.ndarray) -> float:
        reached = accuracy_at(frontier.scores, float(best.flops[places].mean()), places)
        return float(top.correct[places].mean()) - reached

    n = len(best.correct)
    return {
        "cost_ratio_at_equal_accuracy": bootstrap(ratio, n).as_dict(),
        "gap_closed": bootstrap(closed, n).as_dict(),
        "regret": bootstrap(regret, n).as_dict(),
    }


def frontier_gaps(frontier: Frontier, scores: Mapping[str, Score]) -> dict[str, Any]:
    """Router minus arm at the arm's cost: the worst over arms, and over the best arm at the median budget."""
    n = len(next(iter(scores.values())).correct)
    everything = np.arange(n)
    gaps = {
        name: accuracy_at(frontier.scores, score.cost, everything) - score.accuracy
        for name, score in scores.items()
    }
    reachable = {name: gap for name, gap in gaps.items() if not np.isnan(gap)}
    worst = min(reachable, key=reachable.__getitem__)
    budget = float(np.median([s.cost for s in scores.values()]))
    within = max((s for s in scores.values() if s.cost <= budget), key=lambda s: s.accuracy)

    def at_median(places: np.ndarray) -> float:
        return accuracy_at(frontier.scores, budget, places) - float(within.correct[places].mean())

    return {
        "worst": {"name": worst, "value": reachable[worst]},
        "cheaper_than_any_router": sorted(set(gaps) - set(reachable)),
        "at_median_budget": bootstrap(at_median, n).as_dict(),
        "median_budget": budget,
    }


def gap_to(frontier: Frontier, points: Sequence[Score]) -> dict[str, float]:
    """Router minus the strategy at equal cost, the mean over its points that the router can reach."""

    def mean(places: np.ndarray) -> float:
        gaps = [
            accuracy_at(frontier.scores, float(p.flops[places].mean()), places)
            - float(p.correct[places].mean())
            for p in points
        ]
        return float(np.nanmean(gaps)) if not np.isnan(gaps).all() else float("nan")

    return bootstrap(mean, len(points[0].correct)).as_dict()
