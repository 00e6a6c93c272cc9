"""Resamples of problems and of trainings as counts, so that the means of all of them are a few products.

An interval over problems says nothing of a router that would have come out otherwise: of other draws in its
training, or other training problems. Where a router was trained more than once, the problems are resampled
and so are its trainings, both with replacement, one independently of the other. Of T trainings T - 1 are
drawn: with so few the usual T would have intervals too narrow by the root of (T - 1) / T (Rao and Wu 1988,
doi:10.1080/01621459.1988.10478591).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from tts_select.training.replay import metrics
from tts_select.training.replay.metrics import Interval, ends_of

_NUMBERS = 1 << 22
"""How many shares are held at a time."""


@dataclass(frozen=True, slots=True)
class Resamples:
    """How much each problem, and each training, counts in what was measured, which is the first row, and in
    each resample."""

    problems: np.ndarray
    """How often each problem is there, shape (1 + resamples, problems)."""
    trainings: np.ndarray
    """The shares of trainings, shape (1 + resamples, trainings); rows sum to 1."""

    @classmethod
    def of(cls, n_problems: int, n_trainings: int = 1, *, seed: int = 0) -> Resamples:
        """Return those of a seed, which are always the same, so that all figures are of the same ones."""
        return _resamples(n_problems, n_trainings, metrics.N_RESAMPLES, seed)

    @classmethod
    def like(cls, values: np.ndarray, *, has_trainings: bool, seed: int = 0) -> Resamples:
        """Return those for values whose last axis is the problems, and the one before it the trainings if
        there are several."""
        return cls.of(values.shape[-1], values.shape[-2] if has_trainings else 1, seed=seed)

    def means(self, values: np.ndarray) -> np.ndarray:
        """Return the mean in each row, of values of the shape (..., problems), or (..., trainings, problems)
        if there are several trainings; shape (..., rows)."""
        n_rows, n_problems = self.problems.shape
        at_once = max(1, _NUMBERS // n_problems)
        blocks = (self.problems[at : at + at_once] / n_problems for at in range(0, n_rows, at_once))
        found: np.ndarray = np.concatenate([values @ block.T for block in blocks], axis=-1)
        has_trainings = values.ndim > 1 and len(self.trainings[0]) > 1
        if has_trainings:
            found = (found * self.trainings.T).sum(axis=-2)
        found[..., 0] = values.mean(axis=(-2, -1) if has_trainings else -1)  # not by shares that are rounded
        return found


@lru_cache(maxsize=4)
def _resamples(n_problems: int, n_trainings: int, n_resamples: int, seed: int) -> Resamples:
    rng, at_once = np.random.default_rng(seed), max(1, _NUMBERS // n_problems)
    counts = [np.ones((1, n_problems), np.uint8)]
    for at in range(0, n_resamples, at_once):
        places = rng.integers(n_problems, size=(min(at_once, n_resamples - at), n_problems))
        counts.append(_counts(places, n_problems))
    picked = np.zeros((n_resamples, 0), int)
    if n_trainings > 1:
        picked = np.random.default_rng((seed, n_trainings)).integers(
            n_trainings, size=(n_resamples, n_trainings - 1)
        )
    return Resamples(np.concatenate(counts), _shares(picked, n_trainings))


def _shares(picked: np.ndarray, n: int) -> np.ndarray:
    """How often each of n is among those that were picked, as shares; first of all once each, which is also
    what they are where nothing was picked."""
    even = np.full((1, n), 1 / n)
    if not picked.shape[1]:
        return np.repeat(even, 1 + len(picked), axis=0)
    return np.concatenate([even, _counts(picked, n) / picked.shape[1]])


def _counts(picked: np.ndarray, n: int) -> np.ndarray:
    """How often each of n is in each row of what was picked, in as few bytes as there have to be."""
    rows = np.arange(len(picked))[:, None] * n
    counts = np.bincount((rows + picked).ravel(), minlength=len(picked) * n).reshape(-1, n)
    return counts.astype(np.min_scalar_type(int(counts.max(initial=0))))


def intervals(found: np.ndarray) -> list[Interval]:
    """Return the intervals of numbers, shape (1 + resamples, numbers): the first row has what was measured.
    Resamples for which a number is NaN do not count; infinite ones do."""
    return [Interval(float(column[0]), *ends_of(column[1:])) for column in found.T]


def interval(found: np.ndarray) -> Interval:
    """Return the interval of one number, shape (1 + resamples,)."""
    return intervals(found[:, None])[0]


def mean_of_all(values: np.ndarray, *, seed: int = 0) -> Interval:
    """Return the mean with its interval, of values of the shape (problems,) or (trainings, problems)."""
    resamples = Resamples.like(values, has_trainings=values.ndim == 2, seed=seed)
    return interval(resamples.means(values))


def standard_error(found: np.ndarray) -> float:
    """Return how much a number differs from resample to resample, shape (1 + resamples,)."""
    return float(np.std(found[1:]))
