"""What a prior has learned from other models' samples; `prior.py` is the router that goes by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tts_select.selector.agreement import FEATURES
from tts_select.selector.calibration import Calibration

if TYPE_CHECKING:
    from lightgbm import Booster

LEAST_GAIN = 0.01
"""The least that a change of the leader is taken to gain, in P(correct): at a price of nearly 0 it goes on to
the budget, as a majority vote does."""
_FIRST_SHARE = FEATURES.index("first_share")


@dataclass(frozen=True, slots=True)
class Gain:
    """How much likelier a new leader is to be right than the old one: linear in what is thought of the old
    one, since logs have few such changes, and finer rules learn what is particular to them."""

    coefficients: tuple[float, ...]
    """Of P(the old leader is right), its square, the binary logarithm of the number of samples, and the
    product of that with the first."""
    intercept: float

    def __call__(self, p_correct: np.ndarray, n: np.ndarray) -> np.ndarray:
        """Shape (rows,); at least `LEAST_GAIN`."""
        said = self.terms(p_correct, n) @ np.array(self.coefficients) + self.intercept
        found: np.ndarray = np.maximum(said, LEAST_GAIN)
        return found

    @staticmethod
    def terms(p_correct: np.ndarray, n: np.ndarray) -> np.ndarray:
        """What it is linear in, shape (rows, 4)."""
        log = np.log2(n)
        return np.column_stack([p_correct, p_correct**2, log, log * p_correct])


@dataclass(frozen=True, slots=True)
class PrmTerm:
    """What a PRM's scores add to a prior, by its features (`prior_prm.py`): a few coefficients each."""

    correct: tuple[float, ...]
    """Of the log-odds that the leader of the weighted vote is right, as it is said."""
    settled: tuple[float, ...]
    """Of the same as it is decided by, in the terms of PRMs like those of training."""
    change: tuple[float, ...]
    """Of the log-odds that another answer leads the weighted vote later."""
    gain: Gain
    """What a change of that leader is worth."""
    efforts: Mapping[str, float]
    """The price of each effort, in probability for the whole budget with its scoring."""


@dataclass(frozen=True, slots=True)
class Prior:
    """What was learned from other models' samples. Its inputs are the features of `selector/agreement.py`;
    that of change has one more, the binary logarithm of how many times as many samples there will be."""

    change: Booster
    """P(another answer leads then)."""
    correct: Booster
    """P(the leader is right), not calibrated."""
    gain: Gain
    """What a change of the leader is worth."""
    calibration: Calibration
    efforts: Mapping[str, float]
    """The price of each effort, in probability for the whole budget."""
    term: PrmTerm | None = None
    """What the scores of a PRM add; None if it has not learned that."""

    def says(self, features: np.ndarray) -> np.ndarray:
        """P(the leader is right), not calibrated, shape (rows,): what the two methods below are told."""
        return np.asarray(self.correct.predict(features, num_threads=1))

    def p_correct(self, features: np.ndarray, said: np.ndarray) -> np.ndarray:
        """P(the leader is right), shape (rows,); 0 where no sample answers."""
        return np.where(features[:, _FIRST_SHARE] > 0, self.calibration(said), 0.0)

    def changes(self, features: np.ndarray, ratio: np.ndarray) -> np.ndarray:
        """P(another answer leads after so many times as many samples, as `ratios` gives them), shape
        (rows, ratios)."""
        rows = np.column_stack([np.repeat(features, ratio.shape[1], axis=0), ratio.ravel()])
        found: np.ndarray = np.asarray(self.change.predict(rows, num_threads=1)).reshape(ratio.shape)
        return found

    def gains(self, features: np.ndarray, said: np.ndarray, later: Sequence[int]) -> np.ndarray:
        """How much likelier the leader is to be right after so many samples, shape (rows, len(later))."""
        if not later:
            return np.zeros((len(features), 0))
        change = self.changes(features, ratios(features, later))
        found: np.ndarray = change * self.gain(said, features[:, 0])[:, None]
        return found


def ratios(features: np.ndarray, later: Sequence[int]) -> np.ndarray:
    """The binary logarithm of how many times as many samples there will be, shape (rows, len(later))."""
    found: np.ndarray = np.log2(np.array(later)[None, :] / features[:, :1])
    return found
