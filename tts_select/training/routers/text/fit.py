"""Fits what texts say: the axes of their words, and a ridge regression for each arm.

The axes see the texts of all training problems and no outcome. How many of them are used, and how far the
regressions are shrunk, is chosen on problems not fitted to; so is what a router is trained on: each training
problem is told by regressions that have not seen it (`Apart`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tts_select.selector.by_text import (
    Description,
    Expected,
    Heads,
    TextModel,
    described,
    raw_numbers,
)
from tts_select.selector.text_features import TEXT_FEATURES
from tts_select.selector.wording import Wording, terms_of
from tts_select.training.replay.fixed import Board

AXES = (0, 2, 4, 8, 16)
"""The numbers of axes that are tried."""
MOST_TERMS = 3000
FEWEST_TEXTS = 2
"""A term that fewer texts have says nothing of others."""
PENALTIES = tuple(float(p) for p in np.geomspace(0.1, 1e5, 13))
LEAST_SPREAD = 1e-3
DOUBT = 1.0
"""How many standard errors a stronger penalty may be worse by."""
_DIGITS = 5
"""The significant digits of an axis that are kept, so that a router on disk stays small."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What is learned, shape (things, problems) each: arms first, then policies."""

    arms: tuple[str, ...]
    policies: tuple[str, ...]
    p_correct: np.ndarray
    cost: np.ndarray


@dataclass(frozen=True, eq=False)
class Apart:
    """What the regressions of the other folds say of each training problem."""

    description: Description
    arms: tuple[str, ...]
    policies: tuple[str, ...]
    by_text: Mapping[str, Expected]

    def of_arms(self, text: str) -> Expected:
        """Return what each arm comes to, run alone."""
        found, n = self.by_text[text], len(self.arms)
        return Expected(found.p_correct[:n], found.cost[:n])

    def of_policies(self, text: str) -> np.ndarray:
        """Return the pass@1 of each policy."""
        return self.by_text[text].p_correct[len(self.arms) :]


@dataclass(frozen=True, slots=True)
class FittedText:
    """The model of all problems, and what models say of problems that they have not seen."""

    whole: TextModel
    apart: Apart


def outcomes_of(board: Board) -> Outcomes:
    """What fixed arms come to; policies are left out."""
    return Outcomes(
        tuple(arm.name for arm in board.arms), (), board.correct.mean(axis=-1), board.flops.mean(axis=-1)
    )


def fit_model(texts: Sequence[str], outcomes: Outcomes) -> TextModel:
    """Fit to all texts alone."""
    return fit_text(texts, outcomes, np.full(len(texts), -1)).whole


def fit_text(texts: Sequence[str], outcomes: Outcomes, fold_of: np.ndarray) -> FittedText:
    """Fit to all texts, and to those outside of each fold; a fold below 0 is none."""
    description, rows, penalty = _described(texts, outcomes.p_correct)
    log_cost = np.log(np.maximum(outcomes.cost, 1.0))
    of_cost = best_penalty(rows, log_cost)

    def fitted(some: np.ndarray) -> Heads:
        return fit_heads(
            rows[some], outcomes.p_correct[:, some], outcomes.cost[:, some], penalties=(penalty, of_cost)
        )

    whole = TextModel(description, outcomes.arms, outcomes.policies, fitted(np.ones(len(texts), bool)))
    told: dict[str, Expected] = {}
    for k in np.unique(fold_of[fold_of >= 0]):
        heads = fitted(fold_of != k)
        told |= {texts[place]: heads.of(rows[place]) for place in np.flatnonzero(fold_of == k).tolist()}
    return FittedText(whole, Apart(description, outcomes.arms, outcomes.policies, told))


def fit_heads(
    rows: np.ndarray, p_correct: np.ndarray, cost: np.ndarray, *, penalties: tuple[float, float]
) -> Heads:
    """Fit both kinds of heads to rows of the shape (problems, 1 + features); outcomes are (things,
    problems)."""
    log_cost = _ridge(rows, np.log(np.maximum(cost, 1.0)), penalties[1])
    # the mean of a logarithm is below the logarithm of the mean
    short = cost.mean(axis=1) / np.maximum(np.exp(log_cost @ rows.T).mean(axis=1), 1e-9)
    log_cost[:, 0] += np.log(np.maximum(short, 1e-9))
    return Heads(_ridge(rows, p_correct, penalties[0]), log_cost)


def best_penalty(rows: np.ndarray, targets: np.ndarray) -> float:
    """Return the largest penalty that is as good as the best one for all that the problems can tell."""
    return _chosen(_errors(rows, targets))[0]


def _errors(rows: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return the squared error of each problem by what is fitted to all others, shape (problems, penalties):
    the mean over targets of the shape (targets, problems)."""
    from sklearn.linear_model import RidgeCV

    model = RidgeCV(np.array(PENALTIES), store_cv_results=True).fit(rows[:, 1:], targets.T)
    found: np.ndarray = model.cv_results_.reshape(len(rows), -1, len(PENALTIES)).mean(axis=1)
    return found


def _chosen(errors: np.ndarray) -> tuple[float, float]:
    """Return the largest penalty whose error is above the least by no more than chance would have it, and
    that error; the best of many looks better than it is."""
    beyond = errors - errors[:, [int(errors.mean(axis=0).argmin())]]
    allowed = DOUBT * beyond.std(axis=0) / np.sqrt(len(errors))
    place = int(np.flatnonzero(beyond.mean(axis=0) <= allowed).max())
    return PENALTIES[place], float(errors[:, place].mean())


def _described(texts: Sequence[str], p_correct: np.ndarray) -> tuple[Description, np.ndarray, float]:
    """Return the description with the best number of axes, what it says of each text, and the best penalty
    with it. Texts are read once: fewer axes are the first ones of many."""
    wording = fit_wording(texts, max(AXES))
    most = wording.axes.shape[1]
    raw = np.stack([raw_numbers(text, wording) for text in texts])
    found = []
    for n in (n for n in AXES if n <= most):
        own = np.concatenate([raw[:, :n], raw[:, most:]], axis=1)
        description = _scaled(own, Wording(wording.terms, wording.weights, wording.axes[:, :n]))
        rows = np.stack([described(description, numbers) for numbers in own])
        penalty, error = _chosen(_errors(rows, p_correct))
        found.append((error, n, description, rows, penalty))
    _, _, description, rows, penalty = min(found, key=lambda fitted: fitted[:2])
    return description, rows, penalty


def fit_wording(texts: Sequence[str], n_axes: int) -> Wording:
    """Fit the terms and the axes along which the texts differ most; fewer axes where they are alike."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    fewest = min(FEWEST_TEXTS, len(texts))
    if not any(terms_of(text) for text in texts):
        return Wording((), np.zeros(0), np.zeros((0, 0)))
    of_terms = TfidfVectorizer(
        analyzer=terms_of, min_df=1, max_features=MOST_TERMS, sublinear_tf=True, norm="l2"
    )
    counts = of_terms.fit_transform(texts)
    kept = np.flatnonzero(np.asarray((counts > 0).sum(axis=0)).ravel() >= fewest)
    n_axes = min(n_axes, len(kept) - 1, len(texts) - 1)
    if n_axes < 1:
        return Wording((), np.zeros(0), np.zeros((0, 0)))
    terms = of_terms.get_feature_names_out()[kept]
    only = TfidfVectorizer(analyzer=terms_of, vocabulary=terms, sublinear_tf=True, norm="l2")
    with np.errstate(
        divide="ignore", invalid="ignore"
    ):  # texts that are all alike have no variance to explain
        axes = TruncatedSVD(n_axes, random_state=0).fit(only.fit_transform(texts)).components_.T
    return Wording(tuple(map(str, terms)), _rounded(only.idf_), _rounded(axes))


def _scaled(raw: np.ndarray, wording: Wording) -> Description:
    known = np.ma.masked_invalid(np.arcsinh(raw))
    means, spreads = known.mean(axis=0).filled(0.0), known.std(axis=0).filled(0.0)
    assert len(means) == wording.axes.shape[1] + len(TEXT_FEATURES)
    return Description(wording, means, np.where(spreads > LEAST_SPREAD, spreads, 1.0))


def _ridge(rows: np.ndarray, targets: np.ndarray, penalty: float) -> np.ndarray:
    """Return the coefficients of each target, shape (targets, features); the constant is not shrunk."""
    from sklearn.linear_model import Ridge

    model = Ridge(alpha=penalty).fit(rows[:, 1:], targets.T)
    return np.column_stack([np.atleast_1d(model.intercept_), np.atleast_2d(model.coef_)])


def _rounded(values: np.ndarray) -> np.ndarray:
    largest = float(np.abs(values).max(initial=1e-9))
    return np.asarray(np.round(values, _DIGITS - int(np.ceil(np.log10(largest)))))
