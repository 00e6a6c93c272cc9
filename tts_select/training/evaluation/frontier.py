"""What is measured, one router or one of each fold, replayed over prices."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tts_select.selector.routers.protocol import Router
from tts_select.training.replay.cases import Case
from tts_select.training.replay.fixed import Score
from tts_select.training.replay.walks import Walk, walk

MIDDLE_SHARE = 0.99
"""Of the best accuracy: where no price has a name, the middle one is the dearest that keeps it."""
PROBES = "the probes"
"""What ran last where nothing but the probes did."""


@dataclass(frozen=True, slots=True)
class Part:
    """A router, and the problems that it is measured on."""

    router: Router
    trained_on: Mapping[str, Any]
    places: np.ndarray
    """Of its problems among all."""

    def of(self, cases: Sequence[Case]) -> list[Case]:
        """Its own ones."""
        return [cases[k] for k in self.places]


@dataclass(frozen=True, slots=True)
class Walked:
    """The walks at one price; arrays have the shape (draws, problems)."""

    correct: np.ndarray
    cost: np.ndarray
    probe_cost: np.ndarray
    confidence: np.ndarray
    is_unfamiliar: np.ndarray
    last: np.ndarray
    """The name of the arm that ran last, the probes aside."""

    @classmethod
    def of(cls, draws: Sequence[Sequence[Walk]]) -> Walked:
        """From walks of the same problems."""

        def each(value: Callable[[Walk], object], kind: type) -> np.ndarray:
            return np.array([[value(w) for w in walks] for walks in draws], dtype=kind)

        return cls(
            correct=each(lambda w: w.correct, float),
            cost=each(lambda w: w.flops, float),
            probe_cost=each(lambda w: w.probe_flops, float),
            confidence=each(lambda w: w.confidence, float),
            is_unfamiliar=each(lambda w: w.unfamiliar is not None, bool),
            last=each(lambda w: w.chosen[-1] if w.chosen else PROBES, object),
        )

    @property
    def score(self) -> Score:
        """Means over draws."""
        return Score(self.correct.mean(axis=0), self.cost.mean(axis=0))

    @property
    def probe_share(self) -> float:
        """Of the probes in the cost."""
        return float(self.probe_cost.mean()) / self.score.cost


@dataclass(frozen=True, slots=True)
class Frontier:
    """The router at each of `prices`."""

    prices: Sequence[float]
    walked: Sequence[Walked]
    scores: Sequence[Score]


def frontier_of(
    parts: Sequence[Part],
    cases: Sequence[Case],
    prices: Sequence[float] | np.ndarray,
    *,
    seed: int,
    n_draws: int,
    note: Callable[[str], None],
) -> Frontier:
    """Replay the router at each price, in the same draws."""
    walked = []
    for k, price in enumerate(prices):
        note(f"price {k + 1} of {len(prices)}")
        walked.append(walked_at(parts, cases, [float(price)] * len(parts), seed=seed, n_draws=n_draws))
    return Frontier([float(p) for p in prices], walked, [w.score for w in walked])


def walked_at(
    parts: Sequence[Part], cases: Sequence[Case], prices: Sequence[float], *, seed: int, n_draws: int
) -> Walked:
    """Replay each part at its price."""
    return Walked.of([_walks(parts, cases, prices, seed + draw) for draw in range(n_draws)])


def middle_of(parts: Sequence[Part], frontier: Frontier) -> int:
    """The place of the price that is closest to that of medium effort; of routers of folds, whose efforts
    differ, or without efforts, that of the dearest price that keeps 99 % of the most that is reached."""
    if len(parts) == 1 and "medium" in parts[0].router.prices:
        medium = parts[0].router.prices["medium"]
        return int(np.abs(np.log(np.array(frontier.prices) / medium)).argmin())
    best = max(score.accuracy for score in frontier.scores)
    return max(k for k, score in enumerate(frontier.scores) if score.accuracy >= MIDDLE_SHARE * best)


def _walks(parts: Sequence[Part], cases: Sequence[Case], prices: Sequence[float], seed: int) -> list[Walk]:
    """One walk a case, in the order of the cases."""
    found: dict[int, Walk] = {}
    for part, price in zip(parts, prices, strict=True):
        walks = walk(part.router, part.of(cases), price, seed=seed)
        found.update(zip(part.places.tolist(), walks, strict=True))
    return [found[k] for k in range(len(cases))]
