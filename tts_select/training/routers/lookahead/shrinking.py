"""What trees learned, shrunk to what few problems can teach; how far, is chosen on problems not fitted to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tts_select.selector.calibration import Calibration
from tts_select.selector.linear import Linear, standardised
from tts_select.training.routers.lookahead.boosting import (
    UNKNOWN,
    InFolds,
    boost,
    calibrate,
    fit_in_folds,
)

if TYPE_CHECKING:
    from lightgbm import Booster

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Tried: of the trees among the two models, of the isotonic curve in the calibration."""
PENALTY = 1 / 3
"""Of the squared coefficients, for each feature."""
MOST_ROWS = 5_000
"""Of the linear model, evenly taken: more do not move it."""
LEAST_SPREAD = 1e-3
"""Of a feature that is to have a coefficient."""


def fit_linear(rows: np.ndarray, labels: np.ndarray, coded: Sequence[int]) -> Linear:
    """Fit a logistic regression of soft labels; `coded` are columns whose numbers are names, to be left out.

    Where labels or features are all alike it is a constant, as sure as so many rows can be.
    """
    from sklearn.linear_model import LogisticRegression

    step = max(1, len(rows) // MOST_ROWS)
    rows, labels = rows[::step], labels[::step]
    known = np.ma.masked_invalid(np.arcsinh(rows))
    means, spreads = (np.ma.filled(found, 0.0) for found in (known.mean(axis=0), known.std(axis=0)))
    used = np.setdiff1d(np.flatnonzero(spreads > LEAST_SPREAD), coded)
    if not len(used) or min(labels.sum(), (1 - labels).sum()) < 1:
        return _constant(labels, rows.shape[1])
    scaled = standardised(rows[:, used], means[used], spreads[used])
    weights = np.concatenate([labels, 1 - labels])
    some = weights > 0
    model = LogisticRegression(C=1 / (PENALTY * rows.shape[1]), max_iter=300)
    model.fit(np.tile(scaled, (2, 1))[some], np.repeat([1, 0], len(labels))[some], weights[some])
    coefficients = np.zeros(rows.shape[1])
    coefficients[used] = model.coef_[0]
    spreads[spreads <= LEAST_SPREAD] = 1.0
    return Linear(
        tuple(means.tolist()),
        tuple(spreads.tolist()),
        tuple(coefficients.tolist()),
        float(model.intercept_[0]),
    )


def _constant(labels: np.ndarray, n_features: int) -> Linear:
    p = (labels.sum() + UNKNOWN) / (len(labels) + 1)
    flat = (0.0,) * n_features
    return Linear(flat, (1.0,) * n_features, flat, float(np.log(p / (1 - p))))


@dataclass(frozen=True, slots=True)
class Mixture:
    """Boosted trees and a linear model, and what both say of rows that they have not seen."""

    trees: InFolds[Booster]
    linear: InFolds[Linear]
    share: float
    """Of the trees: of `SHARES` the one that tells best; of equals the larger one."""
    said: np.ndarray


def mix_in_folds(
    rows: np.ndarray, labels: np.ndarray, folds: np.ndarray, coded: Sequence[int] = ()
) -> Mixture:
    """Fit both; see `fit_linear` for `coded`."""
    trees = fit_in_folds(rows, labels, folds, lambda x, y: boost(x, y, probability=True))
    linear = fit_in_folds(rows, labels, folds, lambda x, y: fit_linear(x, y, coded))
    share = min(reversed(SHARES), key=lambda s: log_loss(mixed(trees.said, linear.said, s), labels))
    return Mixture(trees, linear, share, mixed(trees.said, linear.said, share))


def log_loss(said: np.ndarray, labels: np.ndarray) -> float:
    """The mean, in nats, of soft labels."""
    p = np.clip(said, 1e-4, 1 - 1e-4)
    return float(-np.mean(labels * np.log(p) + (1 - labels) * np.log(1 - p))) if len(labels) else 0.0


def mixed(trees: np.ndarray, linear: np.ndarray, share: float) -> np.ndarray:
    """Two predictions as one."""
    return np.asarray(share * trees + (1 - share) * linear)


def calibrate_shrunk(said: np.ndarray, labels: np.ndarray, folds: np.ndarray, n_problems: int) -> Calibration:
    """The isotonic curve, shrunk to what was said: each fold is told by the curve of the others."""
    kept = np.unique(folds)
    told = np.empty(len(labels))
    for k in kept:
        told[folds == k] = calibrate(said[folds != k], labels[folds != k], n_problems)(said[folds == k])
    share = min(SHARES, key=lambda s: log_loss(mixed(told, said, s), labels)) if len(kept) > 1 else 1.0
    return _between(calibrate(said, labels, n_problems), share, n_problems)


def _between(curve: Calibration, share: float, n_problems: int) -> Calibration:
    """As far from 0 and 1 as the curve is."""
    least = 1 / (n_problems + 2)
    if share == 1.0:
        return curve
    points = np.unique([*curve.said, 0.0, least, 1 - least, 1.0])
    is_ = np.clip(mixed(curve(points), points, share), least, 1 - least)
    return Calibration(tuple(points.tolist()), tuple(np.maximum.accumulate(is_).tolist()))
