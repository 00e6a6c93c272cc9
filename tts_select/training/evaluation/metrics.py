"""Calibration, ranking and intervals, each tested against a slow reference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

N_BINS = 10
N_RESAMPLES = 1000


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with the ends of its 95 % interval."""

    value: float
    low: float
    high: float

    def as_dict(self) -> dict[str, float]:
        """For JSON."""
        return {"value": self.value, "low": self.low, "high": self.high}


def bootstrap(statistic: Callable[[np.ndarray], float], n: int, *, seed: int = 0) -> Interval:
    """Resamples problems: `statistic` gets the places of the problems that are in the sample. Resamples for
    which it is NaN do not count; if it is for all of them, so are the ends."""
    rng = np.random.default_rng(seed)
    found = np.array([statistic(rng.integers(n, size=n)) for _ in range(N_RESAMPLES)])
    known = found[~np.isnan(found)]
    low, high = np.quantile(known, [0.025, 0.975]) if len(known) else (np.nan, np.nan)
    return Interval(float(statistic(np.arange(n))), float(low), float(high))


def mean_interval(values: np.ndarray, *, seed: int = 0) -> Interval:
    """Of the mean over problems."""
    return bootstrap(lambda places: float(values[places].mean()), len(values), seed=seed)


def reliability(said: np.ndarray, happened: np.ndarray) -> dict[str, Any]:
    """ECE (in ten bins of equal width), the Brier score and the bins, for what was said and what happened.

    Labels may be soft: a success rate counts as that many successes.
    """
    bins = np.minimum((said * N_BINS).astype(int), N_BINS - 1)
    found: list[dict[str, float]] = []
    error = 0.0
    for k in range(N_BINS):
        here = bins == k
        if not here.any():
            continue
        predicted, observed, n = float(said[here].mean()), float(happened[here].mean()), int(here.sum())
        error += n / len(said) * abs(predicted - observed)
        found.append({"predicted": predicted, "observed": observed, "n": n})
    brier = float(np.mean((said - happened) ** 2))
    return {"ece": error, "brier": brier, "n": len(said), "bins": found}


def auc(said: np.ndarray, happened: Sequence[bool] | np.ndarray) -> float:
    """How often a positive is ranked above a negative; NaN without both."""
    from sklearn.metrics import roc_auc_score

    truth = np.asarray(happened, bool)
    if truth.all() or not truth.any():
        return float("nan")
    return float(roc_auc_score(truth, said))
