"""The models of a router, fitted to states: on all problems, and in folds that have not seen a problem."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tts_select.selector.features import Layout
from tts_select.selector.portfolio import Portfolio
from tts_select.selector.routers.lookahead import Calibrated, DifficultyModel
from tts_select.training.replay.cases import Case
from tts_select.training.routers.lookahead.boosting import N_FOLDS, boost, calibrate, fit_in_folds
from tts_select.training.routers.lookahead.rows import State, Table, answers_table, joined, options_tables

if TYPE_CHECKING:
    from lightgbm import Booster

INTERVAL = (0.05, 0.95)
EVERY = 3
"""Difficulty is learned from every third state: they are much alike, and there is a model a policy."""
_GROW_WITH_N = ("arm/log2_n", "arm/more_samples")


@dataclass(frozen=True, slots=True)
class Learned:
    """What decides: fields of `Router` of the same names."""

    mend: Calibrated
    spoil: Calibrated
    confidence: Calibrated
    cost: Booster


def learn(
    states: Sequence[State], portfolio: Portfolio, layout: Layout, fold_of: np.ndarray, seed: int
) -> tuple[Learned, list[Learned]]:
    """(from all states, from those of the other folds for each fold)."""
    confidence, confidences = _calibrated(answers_table(states, layout), fold_of)
    folds = [[s for s in states if fold_of[s.number] == k] for k in range(N_FOLDS)]
    tables = [
        options_tables(some, portfolio, layout, model, seed + k)
        for k, (some, model) in enumerate(zip(folds, confidences, strict=True))
    ]
    mend, mends = _calibrated(joined([t.mend for t in tables]), fold_of)
    spoil, spoils = _calibrated(joined([t.spoil for t in tables]), fold_of)
    cost, costs = _cost(joined([t.cost for t in tables]), layout, fold_of)
    by_fold = zip(mends, spoils, confidences, costs, strict=True)
    return Learned(mend, spoil, confidence, cost), [Learned(*models) for models in by_fold]


def learn_difficulty(
    states: Sequence[State], layout: Layout, cases: Sequence[Case], fold_of: np.ndarray
) -> tuple[dict[str, DifficultyModel], list[dict[str, DifficultyModel]]]:
    """By policy, as `learn`."""
    looks = Table()
    for state in states[::EVERY]:
        looks.add(layout.state(state.walk.evidence), math.nan, state.number)
    rows, _, problems = looks.arrays()
    whole: dict[str, DifficultyModel] = {}
    by_fold: list[dict[str, DifficultyModel]] = [{} for _ in range(N_FOLDS)]
    for policy in layout.policies:
        labels = np.array([case.pass_at_1(policy) for case in cases])[problems]
        model, models, said = _fit_calibrated(rows, labels, problems, fold_of)
        errors = error_bands(model.calibration(said), labels)
        whole[policy] = DifficultyModel(model, errors)
        for k, of_fold in enumerate(models):
            by_fold[k][policy] = DifficultyModel(of_fold, errors)
    return whole, by_fold


def error_bands(
    said: np.ndarray, labels: np.ndarray, n_bands: int = 8
) -> tuple[tuple[float, float, float], ...]:
    """(prediction from, low, high): the 5 % and 95 % quantiles of label - prediction on unseen problems."""
    # edges are predictions that were made ("lower"), so that no band is empty
    edges = np.unique(np.quantile(said, np.linspace(0, 1, n_bands + 1)[:-1], method="lower"))
    band = np.searchsorted(edges, said, side="right") - 1
    bands = []
    for k, edge in enumerate(edges):
        low, high = np.quantile((labels - said)[band == k], INTERVAL)
        bands.append((float(edge) if k else -1.0, float(low), float(high)))
    return tuple(bands)


def _cost(table: Table, layout: Layout, fold_of: np.ndarray) -> tuple[Booster, list[Booster]]:
    rows, costs, problems = table.arrays()
    rising = [layout.option_names.index(name) for name in _GROW_WITH_N]

    def fit(x: np.ndarray, y: np.ndarray) -> Booster:
        return boost(x, y, probability=False, rising=rising)

    fitted = fit_in_folds(rows, costs, fold_of[problems], fit)
    return fitted.whole, list(fitted.by_fold)


def _calibrated(table: Table, fold_of: np.ndarray) -> tuple[Calibrated, list[Calibrated]]:
    rows, labels, problems = table.arrays()
    return _fit_calibrated(rows, labels, problems, fold_of)[:2]


def _fit_calibrated(
    rows: np.ndarray, labels: np.ndarray, problems: np.ndarray, fold_of: np.ndarray
) -> tuple[Calibrated, list[Calibrated], np.ndarray]:
    def fit(x: np.ndarray, y: np.ndarray) -> Booster:
        return boost(x, y, probability=True)

    fitted = fit_in_folds(rows, labels, fold_of[problems], fit)
    calibration = calibrate(fitted.said, labels, len(fold_of))
    by_fold = [Calibrated(model, calibration) for model in fitted.by_fold]
    return Calibrated(fitted.whole, calibration), by_fold, fitted.said
