"""What a value head is worth on problems that it never saw: does it tell a problem's right solutions from its
wrong ones, and better than what costs nothing?"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

import numpy as np

from tts_select.core.voting import elect, likelihood
from tts_select.training.prms.solutions import Solution
from tts_select.training.replay.metrics import Interval, auc, mean_interval, reliability

DRAWS, N = 64, 8


@dataclass(frozen=True, slots=True)
class Judged:
    """Of one policy's solutions. Intervals are 95 % bootstrap intervals over problems."""

    policy: str
    n_problems: int
    n_solutions: int
    auc: dict[str, Interval]
    """AUC within problems that have right and wrong solutions, of the head's last score and of its rivals."""
    accuracy: dict[str, Interval]
    """Of `N` solutions, by each way to choose, and the differences."""
    ece: float
    """Of the last score as the probability that the solution is right."""
    brier: float

    def as_dict(self) -> dict[str, Any]:
        """The record for JSON."""
        return asdict(self)


def judged(policy: str, solutions: Sequence[Solution], scores: Sequence[float], *, seed: int = 0) -> Judged:
    """Judge the scores of one policy's test solutions, which stand problem by problem."""
    rows = list(_by_problem(solutions, scores))
    right = np.array([s.correct for s in solutions], dtype=float)
    found = reliability(np.asarray(scores, dtype=float), right)
    return Judged(
        policy,
        len(rows),
        len(solutions),
        {name: _auc(rows, rate) for name, rate in RATINGS.items()},
        _accuracies(rows, seed),
        found["ece"],
        found["brier"],
    )


@dataclass(frozen=True, slots=True)
class _Row:
    """The solutions of one problem, with the head's scores."""

    solutions: Sequence[Solution]
    scores: np.ndarray

    @property
    def right(self) -> np.ndarray:
        return np.array([s.correct for s in self.solutions])

    def likelihoods(self) -> np.ndarray:
        known = [None if s.logprob is None else likelihood(s.logprob, s.n_tokens) for s in self.solutions]
        return np.array([math.nan if value is None else value for value in known])

    def shares(self) -> np.ndarray:
        votes = Counter(s.group for s in self.solutions if s.group >= 0)
        return np.array([votes[s.group] - 1 if s.group >= 0 else -1 for s in self.solutions], dtype=float)


def _by_problem(solutions: Sequence[Solution], scores: Sequence[float]) -> Iterator[_Row]:
    numbered = list(zip(solutions, scores, strict=True))
    for _, own in groupby(numbered, key=lambda pair: pair[0].problem):
        some = list(own)
        yield _Row([s for s, _ in some], np.array([score for _, score in some]))


RATINGS: dict[str, Callable[[_Row], np.ndarray]] = {
    "head": lambda row: row.scores,
    "likelihood": _Row.likelihoods,
    "shorter": lambda row: -np.array([s.n_tokens for s in row.solutions], dtype=float),
    "votes": _Row.shares,
}
"""The head and its rivals, which cost nothing; higher is better."""


def _auc(rows: Sequence[_Row], rate: Callable[[_Row], np.ndarray]) -> Interval:
    found = []
    for row in rows:
        ratings = rate(row)
        if np.isfinite(ratings).all():
            found.append(auc(ratings, row.right))
    known = np.array([value for value in found if not math.isnan(value)])
    return mean_interval(known) if len(known) else Interval(math.nan, math.nan, math.nan)


def _accuracies(rows: Sequence[_Row], seed: int) -> dict[str, Interval]:
    """How often each way chooses right from `N` random solutions of a problem, over `DRAWS` draws."""
    rng = np.random.default_rng(seed)
    each: dict[str, list[float]] = {name: [] for name in ("majority", "weighted_majority", "best_of_n")}
    for row in rows:
        weights = {"majority": None, "weighted_majority": row.likelihoods(), "best_of_n": row.scores}
        picks = [rng.permutation(len(row.solutions))[:N] for _ in range(DRAWS)]
        for name, by in weights.items():
            each[name].append(float(np.mean([_is_right(row, pick, by) for pick in picks])))
    arrays = {name: np.array(values) for name, values in each.items()}
    plain = arrays["majority"]
    gains = {f"{name} - majority": arrays[name] - plain for name in ("weighted_majority", "best_of_n")}
    return {name: mean_interval(values) for name, values in (arrays | gains).items()}


def _is_right(row: _Row, pick: np.ndarray, weights: np.ndarray | None) -> bool:
    some = [k for k in pick.tolist() if row.solutions[k].group >= 0]
    scores = [None if weights is None or math.isnan(weights[k]) else float(weights[k]) for k in some]
    won = elect([row.solutions[k].group for k in some], scores, "vote")
    return won is not None and row.solutions[some[won.place]].correct
