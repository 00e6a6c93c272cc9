"""A logistic regression as JSON: what a few problems teach, where boosted trees learn little.

It is fitted in training with scikit-learn and applied here. Features are taken as inverse hyperbolic sines,
so that counts of any size fit one scale; what is not known counts as the mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

_FARTHEST = 4.0
"""The most spreads from the mean that a feature counts for: farther out than any training row it teaches
nothing more."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """Rows that repeat themselves: those of a block have the same first columns."""

    lengths: Sequence[int]
    """The number of rows of each block; none is empty."""
    n_shared: int
    """How many of the columns their rows share."""


@dataclass(frozen=True)
class Linear:
    """A mean, a spread and a coefficient for each feature, and the intercept."""

    means: tuple[float, ...]
    spreads: tuple[float, ...]
    coefficients: tuple[float, ...]
    intercept: float

    def predict(self, rows: np.ndarray, blocks: Blocks | None = None) -> np.ndarray:
        """Return one probability a row; rows have the shape (n, features). What the rows of a block share is
        looked at once."""
        if blocks is None:
            return logistic(self._part(rows, 0, None) + self.intercept)
        first = np.cumsum([0, *blocks.lengths[:-1]])
        shared = self._part(rows[first, : blocks.n_shared], 0, blocks.n_shared)
        own = self._part(rows[:, blocks.n_shared :], blocks.n_shared, None)
        return logistic(np.repeat(shared, blocks.lengths) + own + self.intercept)

    def _part(self, rows: np.ndarray, start: int, end: int | None) -> np.ndarray:
        """What these columns add, each row alone: the same in any batch."""
        means, spreads, coefficients = (values[start:end] for values in self._arrays)
        found: np.ndarray = (standardised(rows, means, spreads) * coefficients).sum(axis=-1)
        return found

    @cached_property
    def _arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return np.array(self.means), np.array(self.spreads), np.array(self.coefficients)

    def as_dict(self) -> dict[str, Any]:
        """Return the record of the regression for JSON."""
        return {
            "means": self.means,
            "spreads": self.spreads,
            "coefficients": self.coefficients,
            "intercept": self.intercept,
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any], n_features: int) -> Linear:
        """The inverse of `as_dict`.

        Raises:
            ValueError: it is a model of another number of features, or a spread is not positive.
        """
        names = ("means", "spreads", "coefficients")
        means, spreads, coefficients = (tuple(map(float, record[name])) for name in names)
        if {len(means), len(spreads), len(coefficients)} != {n_features} or min(spreads, default=1.0) <= 0:
            raise ValueError("a linear model has to fit its features")
        return cls(means, spreads, coefficients, float(record["intercept"]))


def standardised(
    rows: np.ndarray, means: Sequence[float] | np.ndarray, spreads: Sequence[float] | np.ndarray
) -> np.ndarray:
    """Return the values in spreads from the mean, of the same shape; 0 for what is not known."""
    found = (np.arcsinh(rows) - np.asarray(means)) / np.asarray(spreads)
    kept = np.clip(found, -_FARTHEST, _FARTHEST)
    kept[np.isnan(kept)] = 0.0
    return np.asarray(kept)


def logistic(odds: np.ndarray) -> np.ndarray:
    """The probabilities of log-odds."""
    return np.asarray(1 / (1 + np.exp(-odds)))
