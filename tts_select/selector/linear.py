"""A logistic regression as JSON: what a few problems teach, where boosted trees learn little.

It is fitted in training with scikit-learn and applied here. Features are taken as inverse hyperbolic sines,
so that counts of any size fit one scale; what is not known counts as the mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

_FARTHEST = 4.0
"""The most spreads from the mean that a feature counts for: farther out than any training row it teaches
nothing more."""


@dataclass(frozen=True, slots=True)
class Linear:
    """A mean, a spread and a coefficient for each feature, and the intercept."""

    means: tuple[float, ...]
    spreads: tuple[float, ...]
    coefficients: tuple[float, ...]
    intercept: float

    def predict(self, rows: np.ndarray) -> np.ndarray:
        """Return one probability a row; rows have the shape (n, features)."""
        scaled = standardised(rows, self.means, self.spreads) * np.array(self.coefficients)
        said = scaled.sum(axis=-1) + self.intercept  # each row alone: the same in any batch
        return np.asarray(1 / (1 + np.exp(-said)))

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
    known = np.nan_to_num(found, posinf=_FARTHEST, neginf=-_FARTHEST)
    return np.asarray(np.clip(known, -_FARTHEST, _FARTHEST))
