"""Calibration, ranking and intervals, each tested against a slow reference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypedDict

import numpy as np

N_BINS = 10
N_RESAMPLES = 1000


class IntervalRecord(TypedDict):
    """An interval as JSON holds it."""

    value: float
    low: float
    high: float


class BinRecord(TypedDict):
    """The predictions of one bin: their mean, how often they came true, and how many there are."""

    predicted: float
    observed: float
    n: int


class Reliability(TypedDict):
    """The distance of predicted probabilities from what happened."""

    ece: float
    brier: float
    n: int
    bins: list[BinRecord]


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with the ends of its 95 % interval."""

    value: float
    low: float
    high: float

    def as_dict(self) -> IntervalRecord:
        """Return the interval for JSON."""
        return {"value": self.value, "low": self.low, "high": self.high}


def bootstrap(statistic: Callable[[np.ndarray], float], n: int, *, seed: int = 0) -> Interval:
    """Bootstrap over problems: `statistic` gets the places of the problems in the sample. Resamples for
    which it is NaN do not count; if it is NaN for all of them, so are the ends. Infinite ones count."""
    return bootstraps(lambda places: np.array([statistic(places)]), n, seed=seed)[0]


def bootstraps(statistics: Callable[[np.ndarray], np.ndarray], n: int, *, seed: int = 0) -> list[Interval]:
    """Return the intervals of many numbers at once, all of the same resamples."""
    resampled = np.array([statistics(places) for places in resamples(n, N_RESAMPLES, seed)])
    values = statistics(np.arange(n))
    return [Interval(float(v), *ends_of(found)) for v, found in zip(values, resampled.T, strict=True)]


@lru_cache(maxsize=4)
def resamples(n: int, n_resamples: int, seed: int) -> np.ndarray:
    """Return the places of the problems in each resample, shape (resamples, n); those of a seed are always
    the same, so that all figures of a report are of the same ones."""
    return np.random.default_rng(seed).integers(n, size=(n_resamples, n))


def ends_of(found: np.ndarray) -> tuple[float, float]:
    """Return the ends of the 95 % interval of what resamples came to; those without a number do not count."""
    known = found[~np.isnan(found)]
    if not len(known):
        return float("nan"), float("nan")
    # between a number and infinity there is nothing to interpolate
    how: Literal["linear", "higher"] = "linear" if np.isfinite(known).all() else "higher"
    low, high = np.quantile(known, [0.025, 0.975], method=how)
    return float(low), float(high)


def mean_interval(values: np.ndarray, *, seed: int = 0) -> Interval:
    """Return the mean over problems with its interval."""
    means = values[resamples(len(values), N_RESAMPLES, seed)].mean(axis=1)
    return Interval(float(values.mean()), *ends_of(means))


def reliability(said: np.ndarray, happened: np.ndarray) -> Reliability:
    """Return ECE (in ten bins of equal width), the Brier score and the bins, for what was said and what
    happened.

    Labels may be soft: a success rate counts as that many successes.
    """
    bins = np.minimum((said * N_BINS).astype(int), N_BINS - 1)
    found: list[BinRecord] = []
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
    """Return how often a positive is ranked above a negative; NaN without both."""
    from sklearn.metrics import roc_auc_score

    truth = np.asarray(happened, bool)
    if truth.all() or not truth.any():
        return float("nan")
    return float(roc_auc_score(truth, said))
