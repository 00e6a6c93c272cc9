"""The figures of the world report, each one number a problem, so that intervals come from the problems."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tts_select.training.world.measure import Sample

_RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over `n` problems with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


def estimate(per_problem: Sequence[float] | np.ndarray) -> Estimate:
    """The mean; problems without a value (NaN) are left out. Resamples problems with a fixed seed."""
    values = np.asarray(per_problem, dtype=float)
    values = values[~np.isnan(values)]
    if not len(values):
        return Estimate(float("nan"), float("nan"), float("nan"), 0)
    picks = np.random.default_rng(0).integers(len(values), size=(_RESAMPLES, len(values)))
    low, high = np.quantile(values[picks].mean(axis=1), [0.025, 0.975])
    return Estimate(float(values.mean()), float(low), float(high), len(values))


def groups(samples: Sequence[Sample], k: int) -> list[Sequence[Sample]]:
    """Disjoint groups of k: averaging over them makes an unbiased estimate at budget k."""
    return [samples[i : i + k] for i in range(0, len(samples) - k + 1, k)]


def pass_at_1(samples: Sequence[Sample], *, strict: bool = False) -> float:
    """The share of right answers, or of solutions with every step right."""
    return float(np.mean([s.strict if strict else s.right for s in samples]))


def distinct_right(samples: Sequence[Sample]) -> float:
    """Return the number of different texts over the number of right samples; NaN with fewer than two."""
    texts = [s.text for s in samples if s.right]
    return len(set(texts)) / len(texts) if len(texts) > 1 else float("nan")


def pass_at(samples: Sequence[Sample], k: int, *, strict: bool = False) -> float:
    """Return how often k samples hold a right one."""
    hits = [any(s.strict if strict else s.right for s in group) for group in groups(samples, k)]
    return float(np.mean(hits))


def majority_at(samples: Sequence[Sample], k: int) -> float:
    """Return how often the most frequent answer of k samples is right; ties go to the first."""
    return float(np.mean([_voted(group, [1.0] * k) for group in groups(samples, k)]))


def weighted_at(samples: Sequence[Sample], k: int, prm: int) -> float:
    """Return the accuracy of best-of-k with selection `vote`."""
    return float(np.mean([_voted(group, [s.scores[prm] for s in group]) for group in groups(samples, k)]))


def best_at(samples: Sequence[Sample], k: int, prm: int) -> float:
    """Return the accuracy of best-of-k with selection `max`."""
    picks = (
        max(_answering(group), key=lambda s: s.scores[prm], default=None) for group in groups(samples, k)
    )
    return float(np.mean([bool(pick and pick.right) for pick in picks]))


def auc_within(samples: Sequence[Sample], prm: int) -> float:
    """Return how often a strictly right solution scores above one that is not (ties: half); NaN without
    both."""
    right = np.array([s.scores[prm] for s in samples if s.strict])
    wrong = np.array([s.scores[prm] for s in samples if not s.strict])
    if not len(right) or not len(wrong):
        return float("nan")
    margin = right[:, None] - wrong[None]
    return float(np.mean((margin > 0) + 0.5 * (margin == 0)))


def _answering(group: Sequence[Sample]) -> list[Sample]:
    return [s for s in group if s.answer is not None]


def _voted(group: Sequence[Sample], weights: Sequence[float]) -> bool:
    tally: dict[str, float] = defaultdict(float)
    right: dict[str, bool] = {}
    for sample, weight in zip(group, weights, strict=True):
        if sample.answer is not None:
            tally[sample.answer] += weight
            right[sample.answer] = sample.right
    return bool(tally) and right[max(tally, key=tally.__getitem__)]
