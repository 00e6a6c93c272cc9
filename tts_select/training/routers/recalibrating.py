"""Corrects how sure a router is by what turned out to be right where it is used.

Few outcomes call for few parameters. The candidates: what was said, unchanged; Platt scaling (a line in
log-odds) and beta scaling (Kull et al. 2017), both pulled towards that; and isotonic regression mixed with
it, by the number of outcomes. Cross-validation on the outcomes chooses. What is said of the choice is from
outcomes that neither the fits nor the choice had seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tts_select.selector.calibration import Calibration
from tts_select.selector.linear import logistic
from tts_select.training.replay.metrics import N_BINS, Interval, bootstraps

LEAST_OUTCOMES = 30
"""With fewer outcomes nothing is fitted: 30 tell 0.9 from 0.7, and hardly more."""
SHRINKAGE = 100
"""So many outcomes are worth as much as what the router said, to an isotonic curve."""
N_FOLDS = 5
_EDGE = 1e-3
"""Probabilities nearer to 0 or 1 than this are taken as this: their log-odds would rule a fit."""
_GRID = np.linspace(0, 1, 201)

UNCHANGED, PLATT, BETA, ISOTONIC = "unchanged", "Platt", "beta", "isotonic"

Fit = Callable[[np.ndarray, np.ndarray], Calibration]
"""A function from (what was said, what was right), shape (outcomes,) each, to a curve."""


@dataclass(frozen=True, slots=True)
class Reliable:
    """How far probabilities are from what happened, with bootstrap intervals over problems."""

    ece: Interval
    brier: Interval

    def as_dict(self, when: str) -> dict[str, Any]:
        """Return the record for JSON; `when` is the end of each name."""
        return {f"ece_{when}": self.ece.as_dict(), f"brier_{when}": self.brier.as_dict()}


@dataclass(frozen=True, slots=True)
class Recalibration:
    """A curve, how it was chosen, and what it is worth on outcomes that it had not seen."""

    curve: Calibration | None
    """None where nothing did better than what was said."""
    form: str
    n: int
    accuracy: Interval
    before: Reliable
    after: Reliable
    """Cross-validated, the choice of the form included."""
    scores: Mapping[str, float]
    """The cross-validated Brier score of each form; the least one was chosen."""

    def as_dict(self) -> dict[str, Any]:
        """Return the record for JSON."""
        return {
            "n": self.n,
            "form": self.form,
            "accuracy": self.accuracy.as_dict(),
            **self.before.as_dict("before"),
            **self.after.as_dict("after"),
            "cross_validated_brier": dict(self.scores),
        }


def recalibrate(said: np.ndarray, right: np.ndarray, *, seed: int = 0) -> Recalibration:
    """Fit the curve from what was said to what was right, shape (outcomes,) each.

    Raises:
        ValueError: there are fewer than `LEAST_OUTCOMES`.
    """
    if len(said) < LEAST_OUTCOMES:
        raise ValueError(f"{len(said)} outcomes, and {LEAST_OUTCOMES} are needed")
    said, right = np.asarray(said, float), np.asarray(right, float)
    form, scores = _chosen(said, right, seed)
    held_out = np.empty(len(said))
    folds = _folds(len(said), seed + 1)
    for fold in range(N_FOLDS):
        here = folds == fold
        best, _ = _chosen(said[~here], right[~here], seed)
        held_out[here] = FORMS[best](said[~here], right[~here])(said[here])
    before, after = (measured(p, right) for p in (said, held_out))
    return Recalibration(
        curve=None if form == UNCHANGED else FORMS[form](said, right),
        form=form,
        n=len(said),
        accuracy=before[2],
        before=Reliable(*before[:2]),
        after=Reliable(*after[:2]),
        scores=scores,
    )


def composed(outer: Calibration, inner: Calibration | None) -> Calibration:
    """The curve that applies first `inner`, then `outer`."""
    if inner is None:
        return outer
    said = np.union1d(_GRID, inner.said)
    return _curve(said, outer(inner(said)))


def measured(said: np.ndarray, right: np.ndarray) -> list[Interval]:
    """ECE (in ten bins of equal width), Brier score and accuracy."""
    bins = np.minimum((said * N_BINS).astype(int), N_BINS - 1)

    def statistics(places: np.ndarray) -> np.ndarray:
        gaps = (said - right)[places]
        by_bin = np.bincount(bins[places], gaps, N_BINS)
        return np.array([np.abs(by_bin).sum() / len(gaps), np.mean(gaps**2), right[places].mean()])

    return bootstraps(statistics, len(said))


def _chosen(said: np.ndarray, right: np.ndarray, seed: int) -> tuple[str, dict[str, float]]:
    """The form with the least cross-validated Brier score, and all scores; of equals the plainer one."""
    folds, errors = _folds(len(said), seed), dict.fromkeys(FORMS, 0.0)
    for fold in range(N_FOLDS):
        here = folds == fold
        for name, fit in FORMS.items():
            found = fit(said[~here], right[~here])(said[here])
            errors[name] += float(((found - right[here]) ** 2).sum()) / len(said)
    return min(errors, key=lambda name: errors[name]), errors


def _folds(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).permutation(n) % N_FOLDS


def _unchanged(_said: np.ndarray, _right: np.ndarray) -> Calibration:
    return Calibration((0.0, 1.0), (0.0, 1.0))


def _platt(said: np.ndarray, right: np.ndarray) -> Calibration:
    return _scaled(lambda p: np.log(p / (1 - p))[:, None], said, right)


def _beta(said: np.ndarray, right: np.ndarray) -> Calibration:
    return _scaled(lambda p: np.column_stack([np.log(p), -np.log(1 - p)]), said, right)


def _isotonic(said: np.ndarray, right: np.ndarray) -> Calibration:
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(said, right)
    share = len(said) / (len(said) + SHRINKAGE)
    return _curve(_GRID, share * fitted.predict(_GRID) + (1 - share) * _GRID)


FORMS: Mapping[str, Fit] = {UNCHANGED: _unchanged, PLATT: _platt, BETA: _beta, ISOTONIC: _isotonic}
"""The candidates, the plainest first."""


def _scaled(terms: Callable[[np.ndarray], np.ndarray], said: np.ndarray, right: np.ndarray) -> Calibration:
    """A logistic regression on terms of log-odds with slopes of at least 0, and a standard normal prior
    around the slopes (1) and the constant (0) that change nothing."""
    from scipy.optimize import minimize

    def design(p: np.ndarray) -> np.ndarray:
        found = terms(np.clip(p, _EDGE, 1 - _EDGE))
        return np.column_stack([found, np.ones(len(found))])

    rows = design(said)
    usual = np.append(np.ones(rows.shape[1] - 1), 0.0)

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        odds, off = rows @ weights, weights - usual
        value = np.logaddexp(0.0, odds).sum() - right @ odds + off @ off / 2
        return float(value), rows.T @ (logistic(odds) - right) + off

    bounds = [(0.0, None)] * (rows.shape[1] - 1) + [(None, None)]
    weights = minimize(loss, usual, jac=True, method="L-BFGS-B", bounds=bounds).x
    return _curve(_GRID, logistic(design(_GRID) @ weights))


def _curve(said: np.ndarray, is_: np.ndarray) -> Calibration:
    rising = np.maximum.accumulate(np.clip(is_, 0.0, 1.0))
    return Calibration(tuple(said.tolist()), tuple(rising.tolist()))
