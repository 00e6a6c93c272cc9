"""Calibration curves as JSON: from what a model says to how often it is right.

They are fitted in training with scikit-learn's isotonic regression and applied here by interpolation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Calibration:
    """A non-decreasing curve through the points (said[k], is[k]), flat outside them."""

    said: tuple[float, ...]
    is_: tuple[float, ...]

    def __call__(self, p: np.ndarray) -> np.ndarray:
        """Calibrated probabilities, of the same shape."""
        found: np.ndarray = np.interp(p, self.said, self.is_)
        return found

    def of(self, p: float) -> float:
        """One calibrated probability."""
        return float(np.interp(p, self.said, self.is_))

    def as_dict(self) -> dict[str, Sequence[float]]:
        """Return the record of the curve for JSON."""
        return {"said": self.said, "is": self.is_}

    @classmethod
    def from_dict(cls, record: dict[str, Sequence[float]]) -> Calibration:
        """The inverse of `as_dict`.

        Raises:
            ValueError: it is not a non-decreasing curve within [0, 1].
        """
        said, is_ = np.asarray(record["said"], float), np.asarray(record["is"], float)
        rising = said.shape == is_.shape and said.ndim == 1 and len(said) > 0
        if not (rising and (np.diff(said) >= 0).all() and (np.diff(is_) >= 0).all()):
            raise ValueError("a calibration curve has to be non-decreasing")
        if not ((is_ >= 0) & (is_ <= 1)).all():
            raise ValueError("a calibration curve has to stay within 0 and 1")
        return cls(tuple(said.tolist()), tuple(is_.tolist()))
