"""The models of a router, fitted to states: on all problems, and in folds that have not seen a problem."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tts_select.selector.features import Layout
from tts_select.selector.portfolio import Portfolio
from tts_select.selector.routers.lookahead import CalibratedModel, DifficultyModel
from tts_select.training.replay.cases import Case
from tts_select.training.routers.lookahead.boosting import N_FOLDS, boost, fit_in_folds
from tts_select.training.routers.lookahead.rows import State, Table, answers_table, joined, options_tables
from tts_select.training.routers.lookahead.shrinking import calibrate_shrunk, mix_in_folds

if TYPE_CHECKING:
    from lightgbm import Booster

INTERVAL = (0.05, 0.95)
EVERY = 3
"""Difficulty is learned from every third state: they are much alike, and there is a model a policy."""
_CODES = ("arm/policy", "arm/prm", "arm/method")
"""The features whose numbers are names."""
_GROW_WITH_N = ("arm/log2_n", "arm/more_samples")


@dataclass(frozen=True, slots=True)
class LearnedModels:
    """The models that decide: fields of `LookaheadRouter` of the same names."""

    mend: CalibratedModel
    spoil: CalibratedModel
    confidence: CalibratedModel
    cost: Booster


@dataclass(frozen=True, slots=True)
class Told:
    """The predictions of a model for rows of problems that it has not seen."""

    said: np.ndarray
    """One prediction a row, before calibration: the curve has seen all labels."""
    labels: np.ndarray
    problems: np.ndarray


@dataclass(frozen=True, slots=True)
class Fit:
    """A model of a probability, fitted to rows."""

    whole: CalibratedModel
    by_fold: tuple[CalibratedModel, ...]
    told: Told


def learn(
    states: Sequence[State], portfolio: Portfolio, layout: Layout, fold_of: np.ndarray, seed: int
) -> tuple[LearnedModels, list[LearnedModels], dict[str, Told]]:
    """Learn from all states, and for each fold from those of the others; last, what these say, by model."""
    answers, options = layout.answer_names, layout.option_names
    confidence = fit_probability(*answers_table(states, layout).arrays(len(answers)), answers, fold_of)
    folds = [[s for s in states if fold_of[s.number] == k] for k in range(N_FOLDS)]
    tables = [
        options_tables(some, portfolio, layout, model, seed + k)
        for k, (some, model) in enumerate(zip(folds, confidence.by_fold, strict=True))
    ]
    mend, spoil = (
        fit_probability(*joined(some).arrays(len(options)), options, fold_of)
        for some in ([t.mend for t in tables], [t.spoil for t in tables])
    )
    cost, costs = _cost(joined([t.cost for t in tables]), layout, fold_of)
    by_fold = zip(mend.by_fold, spoil.by_fold, confidence.by_fold, costs, strict=True)
    told = {"mend": mend.told, "spoil": spoil.told, "confidence": confidence.told}
    whole = LearnedModels(mend.whole, spoil.whole, confidence.whole, cost)
    return whole, [LearnedModels(*models) for models in by_fold], told


def learn_difficulty(
    states: Sequence[State], layout: Layout, cases: Sequence[Case], fold_of: np.ndarray
) -> tuple[dict[str, DifficultyModel], list[dict[str, DifficultyModel]]]:
    """Learn difficulty by policy, as `learn`."""
    looks = Table()
    for state in states[::EVERY]:
        looks.add(layout.state(state.walk.evidence), math.nan, state.number)
    rows, _, problems = looks.arrays(len(layout.state_names))
    whole: dict[str, DifficultyModel] = {}
    by_fold: list[dict[str, DifficultyModel]] = [{} for _ in range(N_FOLDS)]
    for policy in layout.policies:
        labels = np.array([case.pass_at_1(policy) for case in cases])[problems]
        found = fit_probability(rows, labels, problems, layout.state_names, fold_of)
        errors = error_bands(found.whole.calibration(found.told.said), labels)
        whole[policy] = DifficultyModel(found.whole, errors)
        for k, of_fold in enumerate(found.by_fold):
            by_fold[k][policy] = DifficultyModel(of_fold, errors)
    return whole, by_fold


def fit_probability(
    rows: np.ndarray, labels: np.ndarray, problems: np.ndarray, names: Sequence[str], fold_of: np.ndarray
) -> Fit:
    """Fit boosted trees and a linear model, mixed and calibrated as suits problems that they have not
    seen."""
    folds, coded = fold_of[problems], [k for k, name in enumerate(names) if name in _CODES]
    found = mix_in_folds(rows, labels, folds, coded)
    curve = calibrate_shrunk(found.said, labels, folds, len(fold_of))
    by_fold = zip(found.trees.by_fold, found.linear.by_fold, strict=True)
    return Fit(
        CalibratedModel(found.trees.whole, curve, found.linear.whole, found.share),
        tuple(CalibratedModel(trees, curve, linear, found.share) for trees, linear in by_fold),
        Told(found.said, labels, problems),
    )


def error_bands(
    said: np.ndarray, labels: np.ndarray, n_bands: int = 8
) -> tuple[tuple[float, float, float], ...]:
    """Return (prediction from, low, high): the 5 % and 95 % quantiles of label - prediction on unseen
    problems."""
    # edges are predictions that were made ("lower"), so that no band is empty
    edges = np.unique(np.quantile(said, np.linspace(0, 1, n_bands + 1)[:-1], method="lower"))
    band = np.searchsorted(edges, said, side="right") - 1
    bands = []
    for k, edge in enumerate(edges):
        low, high = np.quantile((labels - said)[band == k], INTERVAL)
        bands.append((float(edge) if k else -1.0, float(low), float(high)))
    return tuple(bands)


def _cost(table: Table, layout: Layout, fold_of: np.ndarray) -> tuple[Booster, list[Booster]]:
    rows, costs, problems = table.arrays(len(layout.option_names))
    rising = [layout.option_names.index(name) for name in _GROW_WITH_N]

    def fit(x: np.ndarray, y: np.ndarray) -> Booster:
        return boost(x, y, probability=False, rising=rising)

    fitted = fit_in_folds(rows, costs, fold_of[problems], fit)
    return fitted.whole, list(fitted.by_fold)
