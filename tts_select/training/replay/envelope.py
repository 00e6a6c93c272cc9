"""Frontiers of accuracy against cost: what can be had at a cost, and what an accuracy costs.

Whoever has two points can have what lies between them: the dearer one for a share of the problems, picked
by lot. So a frontier is the upper hull of its points, linear in cost between them, as RouterBench draws it
(arXiv 2403.12031, section 3). A point below the hull is worth what the hull is; beyond the last point
accuracy stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tts_select.training.replay.fixed import Score

EVEN = 1e-9
"""Accuracies that differ by less are the same: their means were summed in another order."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """The corners of a frontier, from cheap to dear; both rise."""

    costs: np.ndarray
    accuracies: np.ndarray

    @classmethod
    def of(cls, costs: np.ndarray, accuracies: np.ndarray) -> Envelope:
        """Return the upper hull of points in any order; of those that cost the same the best counts."""
        order = np.lexsort((-accuracies, costs))
        costs, accuracies = costs[order], accuracies[order]
        rises = np.diff(np.maximum.accumulate(accuracies), prepend=-np.inf) > EVEN
        corners: list[tuple[float, float]] = []
        for cost, accuracy in zip(costs[rises].tolist(), accuracies[rises].tolist(), strict=True):
            while len(corners) > 1 and not _is_above(corners[-2], corners[-1], (cost, accuracy)):
                corners.pop()
            corners.append((cost, accuracy))
        found = np.array(corners)
        return cls(found[:, 0], found[:, 1])

    def costs_at(self, accuracies: np.ndarray) -> np.ndarray:
        """Return the lowest cost at which each accuracy is reached; infinite if it never is."""
        found: np.ndarray = np.interp(accuracies, self.accuracies, self.costs)
        return np.where(accuracies <= self.accuracies[-1] + EVEN, found, np.inf)

    def accuracies_at(self, costs: np.ndarray) -> np.ndarray:
        """Return the accuracy at each cost; below the cheapest point it is that of the cheapest one."""
        found: np.ndarray = np.interp(costs, self.costs, self.accuracies)
        return found

    def accuracy_at(self, cost: float) -> float:
        """Return the accuracy at a cost; NaN if that is less than the cheapest point costs."""
        return float("nan") if cost < self.costs[0] else float(self.accuracies_at(np.array([cost]))[0])

    def mean_over_log_cost(self, start: float, end: float) -> float:
        """Return the mean accuracy over the logarithm of cost between two costs, the second above the
        first: of a + b x cost, as between two corners, the integral is a x log(cost) + b x cost."""
        inside = self.costs[(self.costs > start) & (self.costs < end)]
        costs = np.array([start, *inside, end])
        accuracies = self.accuracies_at(costs)
        slope = np.diff(accuracies) / np.diff(costs)
        level = accuracies[:-1] - slope * costs[:-1]
        whole = (level * np.diff(np.log(costs)) + slope * np.diff(costs)).sum()
        return float(whole / np.log(end / start))


def _is_above(before: tuple[float, float], corner: tuple[float, float], after: tuple[float, float]) -> bool:
    """Whether a corner is above the line between its neighbours."""
    (c0, a0), (c1, a1), (c2, a2) = before, corner, after
    return (a1 - a0) * (c2 - c0) > (a2 - a0) * (c1 - c0)


def cost_at(points: Sequence[Score], accuracy: float, places: np.ndarray) -> float:
    """The cost at which a frontier reaches an accuracy on these problems; infinite if it never does."""
    return float(envelope_of(points, places).costs_at(np.array([accuracy]))[0])


def accuracy_at(points: Sequence[Score], cost: float, places: np.ndarray) -> float:
    """The accuracy that a frontier reaches at a cost; NaN if all of it is dearer."""
    return envelope_of(points, places).accuracy_at(cost)


def envelope_of(points: Sequence[Score], places: np.ndarray) -> Envelope:
    """A frontier on these problems; of several trainings it is that of one of them, picked by lot."""
    costs = np.array([float(p.flops[..., places].mean()) for p in points])
    return Envelope.of(costs, np.array([float(p.correct[..., places].mean()) for p in points]))
