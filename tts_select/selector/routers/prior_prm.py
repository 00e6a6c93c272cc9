"""A prior with the scores of a PRM for evidence.

The leader is that of the weighted vote. The log-odds that the votes give it of being right are corrected by
how the PRM's scores compare within the problem (`selector/preference.py`); where there is nothing to compare
they stay as they are. Whether more samples are worth it depends on the best score as it is, too, where all
samples agree: if that is low a better solution may be missing. So what is spent depends on the scale of a
PRM's scores, and hardly what is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tts_select.selector.agreement import FEATURES
from tts_select.selector.linear import logistic
from tts_select.selector.preference import PRM_FEATURES
from tts_select.selector.routers.learned_prior import Prior, PrmTerm, ratios

CORRECT_TERMS = ("differs", "lead", "mean_lead", "above", "topped")
"""What the log-odds that the leader is right are corrected by."""
SETTLED_TERMS = ("intercept", "votes", *PRM_FEATURES, "log_samples")
"""What these are linear in where it is decided by them; `votes` are those by the votes alone."""
CHANGE_TERMS = ("intercept", "votes", *PRM_FEATURES, "ratio", "log_samples")
"""What the log-odds of another leader are linear in; `votes` are those of another one of the plain vote."""
_LEAST = 0.003
"""Probabilities of the prior are taken no closer to 0 and 1."""
_PLACE = {name: len(FEATURES) + k for k, name in enumerate(PRM_FEATURES)}
_FIRST_SHARE = FEATURES.index("first_share")


@dataclass(frozen=True, slots=True)
class ScoredPrior:
    """A prior and its PRM term, with the questions of a prior; features are those of agreement, then those of
    preference."""

    votes: Prior
    term: PrmTerm

    @property
    def efforts(self) -> Mapping[str, float]:
        """The price of each effort, in probability for the whole budget."""
        return self.term.efforts

    def says(self, features: np.ndarray) -> np.ndarray:
        """P(the leader is right), shape (rows,)."""
        correction = correct_terms(features) @ np.array(self.term.correct)
        return logistic(correct_before(self.votes, features) + correction)

    def p_correct(self, features: np.ndarray, said: np.ndarray) -> np.ndarray:
        """The same; 0 where no sample answers."""
        return np.where(features[:, _FIRST_SHARE] > 0, said, 0.0)

    def gains(self, features: np.ndarray, said: np.ndarray, later: Sequence[int]) -> np.ndarray:
        """How much likelier the leader is to be right after so many samples, shape (rows, len(later))."""
        if not later:
            return np.zeros((len(features), 0))
        ratio = ratios(features, later)
        change = logistic(change_terms(self.votes, features, ratio) @ np.array(self.term.change))
        settled = logistic(settled_terms(self.votes, features) @ np.array(self.term.settled))
        found: np.ndarray = change * self.term.gain(settled, features[:, 0])[:, None]
        return found


def correct_before(votes: Prior, features: np.ndarray) -> np.ndarray:
    """The log-odds that the leader is right by the votes alone, shape (rows,). One that does not lead the
    plain vote has its share of what is left by the one that does."""
    own = features[:, : len(FEATURES)]
    p, first = votes.p_correct(own, votes.says(own)), features[:, _FIRST_SHARE]
    rest = (1 - p) * features[:, _PLACE["share"]] / np.maximum(1 - first, 1e-9)
    return log_odds(np.where(features[:, _PLACE["differs"]] > 0, rest, p))


def correct_terms(features: np.ndarray) -> np.ndarray:
    """Shape (rows, len(CORRECT_TERMS))."""
    return features[:, [_PLACE[name] for name in CORRECT_TERMS]]


def settled_terms(votes: Prior, features: np.ndarray) -> np.ndarray:
    """Shape (rows, len(SETTLED_TERMS))."""
    scored, log = features[:, len(FEATURES) :], np.log2(features[:, 0])
    found: np.ndarray = np.column_stack([np.ones_like(log), correct_before(votes, features), scored, log])
    return found


def change_terms(votes: Prior, features: np.ndarray, ratio: np.ndarray) -> np.ndarray:
    """Shape (rows, ratios, len(CHANGE_TERMS))."""
    one, n_plain = np.ones_like(ratio), len(FEATURES)
    plain = log_odds(votes.changes(features[:, :n_plain], ratio))
    scored = [column[:, None] * one for column in features[:, n_plain:].T]
    return np.stack([one, plain, *scored, ratio, np.log2(features[:, :1]) * one], axis=-1)


def log_odds(p: ArrayLike) -> np.ndarray:
    """The log-odds of probabilities that are not too sure."""
    clipped = np.clip(p, _LEAST, 1 - _LEAST)
    found: np.ndarray = np.log(clipped / (1 - clipped))
    return found
