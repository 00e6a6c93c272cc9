"""Learns when to stop on a ladder: optimal stopping by backward induction with regression.

From the last look backwards, a ridge regression says what the rest of the ladder gains (in P(correct), less
its price) over stopping now, as a function of what is believed; where that is not positive, it stops
(Longstaff and Schwartz 2001, doi:10.1093/rfs/14.1.113). Which answers are likely right is a logistic
regression on the same rows.

A ladder of many looks has as many occasions to stop by mistake, and what happened on a few dozen problems is
mostly their luck. So a gain is learned from what happened and, to a smaller part, from what the answer model
says of it, which has seen all looks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tts_select.selector.agreement import is_first
from tts_select.selector.routers.tally import AnswerModel, Belief, Tally
from tts_select.training.replay.grouping import RIGHT
from tts_select.training.routers.ladder.starting import Worths

PENALTY = 1e-3
"""The penalty of the ridge, beside terms of order 1."""
HAPPENED = 0.7
"""The part of a gain that is what happened; the rest is what the answer model says."""
MOST_ROWS = 4000
"""The most answers that a look gives to the fit of the answer model; rows of a problem say much the same."""


@dataclass(frozen=True, slots=True)
class StoppingRules:
    """A stopping rule for each of `prices`, and what it comes to in every row."""

    stops: np.ndarray
    """The coefficients of the rules, shape (prices, looks - 1, terms)."""
    correct: np.ndarray
    """P(correct) where the rule stops, shape (rows, prices)."""
    cost: np.ndarray


def fit_answers(
    tallies: Sequence[Tally], rows: np.ndarray, *, most_rows: int = MOST_ROWS, seed: int = 0
) -> AnswerModel:
    """Fit the answer model to each distinct answer at each look; `rows` is a mask."""
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(seed)
    features, right = [], []
    for tally in tallies:
        row, draw = np.nonzero(is_first(tally.group) & rows[:, None])
        keep = rng.permutation(len(row))[:most_rows]
        features.append(tally[row[keep]].features()[np.arange(len(keep)), draw[keep]])
        right.append(tally.group[row[keep], draw[keep]] == RIGHT)
    x, y = np.concatenate(features), np.concatenate(right)
    mean, scale = x.mean(axis=0), x.std(axis=0) + 1e-9
    if y.all() or not y.any():  # nothing to learn: as sure as if one answer had been the other way
        p = (y.sum() + 1) / (len(y) + 2)
        return AnswerModel(mean, scale, np.zeros(x.shape[1]), float(np.log(p / (1 - p))))
    fitted = LogisticRegression(solver="newton-cholesky").fit((x - mean) / scale, y)
    return AnswerModel(mean, scale, fitted.coef_[0], float(fitted.intercept_[0]))


def induce(
    beliefs: Sequence[Belief],
    costs: Sequence[np.ndarray],
    prices: np.ndarray,
    rows: np.ndarray,
    *,
    expected: Sequence[Worths] = (),
    trust: float = 1.0,
) -> StoppingRules:
    """Learn rules from `rows` (a mask) and apply them to all rows, the same for every number of prices. Where
    something is expected of a look, `trust` is the part of its gain that comes from the rows."""
    shape = (len(beliefs[0].group), len(prices))
    right = [(belief.group == RIGHT)[:, None] * 1.0 for belief in beliefs]
    worth = [
        HAPPENED * r + (1 - HAPPENED) * b.p_correct[:, None] for r, b in zip(right, beliefs, strict=True)
    ]
    correct, later = np.broadcast_to(right[-1], shape), np.broadcast_to(worth[-1], shape)
    cost = np.broadcast_to(costs[-1][:, None], shape)
    stops = np.zeros((len(prices), len(beliefs) - 1, beliefs[0].terms().shape[1]))
    for k in range(len(beliefs) - 2, -1, -1):
        terms = beliefs[k].terms()
        gain = later - worth[k] - prices * (cost - costs[k][:, None])
        if k < len(expected) and (prior := expected[k]) is not None:
            gain = trust * gain + (1 - trust) * prior
        rule = _ridge(terms[rows], gain[rows])
        stop = terms @ rule <= 0
        correct, later = np.where(stop, right[k], correct), np.where(stop, worth[k], later)
        cost = np.where(stop, costs[k][:, None], cost)
        stops[:, k] = rule.T
    return StoppingRules(stops, correct, cost)


def _ridge(terms: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """Return coefficients, shape (terms, prices); the constant, which comes first, is not shrunk."""
    gram = terms.T @ terms / len(terms)
    penalty = np.full(len(gram), PENALTY)
    penalty[0] = 0.0
    found: np.ndarray = np.linalg.solve(gram + np.diag(penalty), terms.T @ gain / len(terms))
    return found
