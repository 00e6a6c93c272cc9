"""LightGBM as the router needs it: probabilities from soft labels, in folds by problem, calibrated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import numpy as np

from tts_select.selector.calibration import Calibration

if TYPE_CHECKING:
    from lightgbm import Booster

N_FOLDS = 3
N_TREES = 160
FEWEST_IN_LEAF, MOST_IN_LEAF = 5, 40
"""The bounds on the rows in a leaf, which has at least a twentieth of all."""
UNKNOWN = 0.5
"""The prediction of a model that has seen nothing, such as what an arm spoils that is always the last one."""

SAME_BYTES: dict[str, Any] = {
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "seed": 0,
    "verbosity": -1,
}
"""Parameters of LightGBM with which the same input gives the same bytes."""
_COMMON: dict[str, Any] = {
    "learning_rate": 0.06,
    "num_leaves": 31,
    "feature_fraction": 0.6,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "max_bin": 127,
    **SAME_BYTES,
}


def boost(rows: np.ndarray, labels: np.ndarray, *, probability: bool, rising: Sequence[int] = ()) -> Booster:
    """Fit a model of soft labels in [0, 1], or of any number; `rising` are columns that never lower it."""
    import lightgbm

    if not len(rows):
        rows, labels = np.full((1, rows.shape[1]), np.nan), np.full(1, UNKNOWN)
    monotone = [int(k in rising) for k in range(rows.shape[1])]
    parameters = {
        **_COMMON,
        "min_data_in_leaf": min(MOST_IN_LEAF, max(FEWEST_IN_LEAF, len(rows) // 20)),
        "objective": "cross_entropy" if probability else "regression",
        "monotone_constraints": monotone,
        "bagging_freq": int(len(rows) > 1),  # a share of one row is none
    }
    data = lightgbm.Dataset(rows, labels, params={"verbosity": -1})
    return lightgbm.train(parameters, data, num_boost_round=N_TREES)


def folds_of(problems: np.ndarray, seed: int) -> np.ndarray:
    """The fold of each row; all rows of a problem are in the same one."""
    n = int(problems.max()) + 1
    fold = np.random.default_rng(seed).permutation(n) % N_FOLDS
    found: np.ndarray = fold[problems]
    return found


M = TypeVar("M", bound="Model")


class Model(Protocol):
    """A model fitted to rows: boosted trees, or a linear model."""

    def predict(self, data: np.ndarray, /) -> Any:
        """Return one number for each row."""


@dataclass(frozen=True, slots=True)
class InFolds(Generic[M]):
    """A model of all rows, one for each fold that has not seen its rows, and what the latter say of them."""

    whole: M
    by_fold: tuple[M, ...]
    said: np.ndarray
    """The prediction for each row, by the model that has not seen its problem."""


def fit_in_folds(
    rows: np.ndarray, labels: np.ndarray, folds: np.ndarray, fit: Callable[[np.ndarray, np.ndarray], M]
) -> InFolds[M]:
    """Fit the models side by side on all cores: each fit uses one, and LightGBM holds no lock meanwhile."""
    from joblib import Parallel, delayed

    shares = [folds >= 0, *(folds != k for k in range(N_FOLDS))]
    whole, *by_fold = Parallel(n_jobs=-1, prefer="threads")(
        delayed(fit)(rows[share], labels[share]) for share in shares
    )
    said = np.empty(len(labels))
    for k, model in enumerate(by_fold):
        if (folds == k).any():
            said[folds == k] = np.asarray(model.predict(rows[folds == k]))
    return InFolds(whole, tuple(by_fold), said)


def calibrate(
    said: np.ndarray, labels: np.ndarray, n_problems: int, weights: np.ndarray | None = None
) -> Calibration:
    """Fit an isotonic regression of soft labels on what was said of unseen problems.

    It stays as far from 0 and 1 as so many problems can tell (Laplace's rule of succession).
    """
    from sklearn.isotonic import IsotonicRegression

    least = 1 / (n_problems + 2)
    if not len(labels):
        return Calibration((UNKNOWN,), (UNKNOWN,))
    curve = IsotonicRegression(y_min=least, y_max=1 - least, out_of_bounds="clip").fit(
        said, labels, sample_weight=weights
    )
    x, y = curve.X_thresholds_, curve.y_thresholds_
    return Calibration(tuple(float(v) for v in x), tuple(float(v) for v in np.maximum.accumulate(y)))
