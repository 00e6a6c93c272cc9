"""What the scores of a PRM show about the samples of a problem, beside how these agree.

PRMs are not calibrated alike: what one scores 0.9 another scores 0.2. So an answer's scores are compared with
those of the other answers to its problem, and told as they are only where there is no other. The leader is
that of the usual weighted vote, in which each sample counts as much as its score.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tts_select.core.plan import Aggregation
from tts_select.core.voting import aggregate
from tts_select.selector.agreement import Agreement, agreement_of, is_first
from tts_select.selector.evidence import SolutionEvidence

PRM_FEATURES = (
    "differs",
    "share",
    "weighted_share",
    "weighted_margin",
    "lead",
    "mean_lead",
    "above",
    "topped",
    "alone",
)
"""The names of the features that come after those of agreement: whether the leader is another than that of
the plain vote, and its share of the samples; its share of the weighted vote, and its margin there; then, 0
where there is but one answer: how far its best score and its mean score are above those of the others, how
often its samples are scored above theirs (from a half), whether one of theirs has the best score; and, 0
where there are several answers, its best score."""
_TIE = 1e-9
"""Sums of the same scores in another order differ by less."""


def preference(seen: Agreement, group: np.ndarray, score: np.ndarray) -> Agreement:
    """Look at samples that agree as `seen`, and at their scores in [0, 1] (NaN: none), shape (rows, samples).

    Between equals, and where no score says anything, the leader is that of the plain vote.
    """
    counts = (group >= 0) & ~np.isnan(score)
    weight = np.where(counts, score, 0.0)
    same = (group[:, :, None] == group[:, None, :]) & (group >= 0)[:, :, None]
    votes = np.where(is_first(group), (same * weight[:, None, :]).sum(axis=2), -1.0)
    led = np.take_along_axis(group, votes.argmax(axis=1)[:, None], 1)[:, 0]
    of_plain = (weight * (group == seen.first[:, None])).sum(axis=1)
    first = np.where(votes.max(axis=1) > of_plain + _TIE, led, seen.first)
    is_own = (group == first[:, None]) & (group >= 0)
    own, other = is_own & counts, ~is_own & counts
    compares = own.any(axis=1) & other.any(axis=1)
    lead = _most(weight, own) - _most(weight, other)
    found = [lead, _mean(weight, own) - _mean(weight, other), _above(weight, own, other), lead < 0]
    features = [
        seen.features,
        first != seen.first,
        is_own.mean(axis=1),
        *_shares(votes, (weight * is_own).sum(axis=1), is_own),
        *(np.where(compares, values, 0.0) for values in found),
        np.where(compares, 0.0, _most(weight, own)),
    ]
    return Agreement(first, np.column_stack(features).astype(float))


def preference_of(
    samples: Sequence[Sequence[SolutionEvidence]],
    prm: str,
    aggregation: Aggregation,
    *,
    tokens_a_length: float = 1.0,
) -> Agreement:
    """Look at the samples of several problems, equally many of each, with the scores of a PRM."""
    seen = agreement_of(samples, tokens_a_length=tokens_a_length)
    score = np.array([[score_of(s, prm, aggregation) for s in some] for some in samples])
    return preference(seen, np.array([[s.group for s in some] for some in samples]), score)


def score_of(sample: SolutionEvidence, prm: str, aggregation: Aggregation) -> float:
    """The one score of a sample; NaN if the PRM has given none."""
    scores = sample.scores.get(prm)
    return aggregate(scores, aggregation) if scores else np.nan


def _shares(votes: np.ndarray, own: np.ndarray, is_own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(share, margin) of the leader with `own` of all votes; those of its samples where there are none."""
    total, plain = np.maximum(votes, 0.0).sum(axis=1), is_own.mean(axis=1)
    rivals = np.where(is_own, 0.0, np.maximum(votes, 0.0)).max(axis=1)
    whole = np.where(total > 0, total, 1.0)
    return np.where(total > 0, own / whole, plain), np.where(total > 0, (own - rivals) / whole, plain)


def _most(score: np.ndarray, of: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.where(of, score, 0.0).max(axis=1)
    return found


def _mean(score: np.ndarray, of: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.where(of, score, 0.0).sum(axis=1) / np.maximum(of.sum(axis=1), 1)
    return found


def _above(score: np.ndarray, own: np.ndarray, other: np.ndarray) -> np.ndarray:
    """P(an own sample is scored above another one) - 1/2, by Laplace's rule: one pair says little."""
    pairs = own[:, :, None] & other[:, None, :]
    difference = score[:, :, None] - score[:, None, :]
    wins = (pairs & (difference > 0)).sum(axis=(1, 2)) + (pairs & (difference == 0)).sum(axis=(1, 2)) / 2
    found: np.ndarray = (wins + 1) / (pairs.sum(axis=(1, 2)) + 2) - 0.5
    return found
