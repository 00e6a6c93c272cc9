"""The votes, lengths and certainties of some samples, and how likely each of their answers is right.

All arrays have one row for each problem (or replayed order) that is looked at, so that many are decided at
once. A column is a draw; a row that has fewer draws than others is filled up with absent ones, which change
nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from tts_select.selector.evidence import NO_ANSWER

FARTHEST = 5.0
"""Standard deviations that a sample's length or certainty may be from the mean; farther ones count as this
far."""
_DRAWS = 1 << 19
"""So many draws are described at a time."""
N_FEATURES, N_OF_CERTAINTY, N_TERMS = 8, 2, 9
"""How many numbers describe an answer, how many more do where certainties are known, and how many describe a
belief."""


@dataclass(frozen=True, slots=True)
class Usual:
    """What the samples of a pool are like in training. Lengths are in tokens, or in what the log counts."""

    log_length: float
    """Mean of the natural logarithm of a sample's length."""
    spread: float
    """The standard deviation of that logarithm."""
    weight: float
    """The weight of a vote, in (0, 1]: 1 for the most accurate policy."""
    mean_length: float
    per_token: float
    """What one of the lengths costs, in the router's unit."""
    prompt: float = 0.0
    """Mean length of the prompt, which is read once; in dollars, of a text that costs as much to write."""
    certainty: float | None = None
    """Mean certainty of a sample (`core/certainty.py`); None: the log does not tell."""
    certainty_spread: float | None = None
    """Its standard deviation."""

    @property
    def tells_certainty(self) -> bool:
        """Whether the certainties of the pool's samples are known."""
        return self.certainty is not None

    def deviations(self, length: np.ndarray) -> np.ndarray:
        """How far lengths are from what is usual, in standard deviations."""
        return _clipped((np.log(np.maximum(length, 1.0)) - self.log_length) / self.spread)

    def of_certainties(self, certainty: np.ndarray) -> np.ndarray:
        """The same of certainties; 0 for NaN, and for all of a pool whose certainties are not known."""
        if self.certainty is None or self.certainty_spread is None:
            return np.zeros(certainty.shape)
        return _clipped(np.nan_to_num((certainty - self.certainty) / self.certainty_spread))


def knows_certainty(usual: Mapping[str, Usual]) -> bool:
    """Return whether the certainties of any pool are known."""
    return any(own.tells_certainty for own in usual.values())


@dataclass(frozen=True, slots=True)
class Tally:
    """What has been drawn; arrays have the shape (rows, draws). What is said of a draw's answer holds for all
    draws of that answer."""

    group: np.ndarray
    weight: np.ndarray
    """The weight of the draw's vote; 0 where the sample is absent."""
    length: np.ndarray
    """How far the draw's length is from what is usual."""
    votes: np.ndarray
    """The weights of all draws with this draw's answer."""
    count: np.ndarray
    lengths: np.ndarray
    """The sum of their lengths."""
    shortest: np.ndarray
    certainty: np.ndarray | None = None
    """How far the draw's certainty is from what is usual; None where those of no pool are known."""
    certainties: np.ndarray | None = None
    """The sum of those of all draws with this draw's answer."""

    @classmethod
    def of(
        cls, group: np.ndarray, weight: np.ndarray, length: np.ndarray, certainty: np.ndarray | None = None
    ) -> Tally:
        """The tally of all columns, one after the other; each array has the shape (rows, draws). A negative
        group stands for a sample that votes for nothing; it counts among all samples."""
        there = weight > 0
        length = np.where(there, length, 0.0)
        if certainty is not None:
            certainty = np.where(there, certainty, 0.0)
        votes_for = group >= 0
        n_groups = int(group.max(initial=0)) + 1
        place = (np.arange(len(group))[:, None] * n_groups + np.maximum(group, 0))[votes_for]

        def over_answers(values: np.ndarray) -> np.ndarray:
            found = np.zeros(group.shape)
            found[votes_for] = np.bincount(place, values[votes_for])[place] if len(place) else 0.0
            return found

        shortest, least = length.copy(), np.full(len(group) * n_groups, np.inf)
        np.minimum.at(least, place, length[votes_for])
        shortest[votes_for] = least[place]
        votes, count, lengths = (over_answers(values) for values in (weight, there * 1.0, length))
        certainties = None if certainty is None else over_answers(certainty)
        return cls(group, weight, length, votes, count, lengths, shortest, certainty, certainties)

    def __getitem__(self, rows: np.ndarray | slice) -> Tally:
        """The tally of some rows."""

        def own(values: Any) -> Any:
            return None if values is None else values[rows]

        return Tally(*(own(getattr(self, field.name)) for field in fields(self)))

    def leader(self) -> np.ndarray:
        """The group with the most votes, of equals the first; `NO_ANSWER` if there is none."""
        if not self.group.shape[1]:
            return np.full(len(self.group), NO_ANSWER)
        best = self.votes.argmax(axis=1)[:, None]
        votes, group = (np.take_along_axis(a, best, 1)[:, 0] for a in (self.votes, self.group))
        return np.where(votes > 0, group, NO_ANSWER)

    def features(self) -> np.ndarray:
        """The features of each draw's answer, shape (rows, draws, 8 or 10): its share of the votes, that of
        its strongest rival, how many votes there are, products of these, and how long its samples are beside
        all of them; where certainties are known, also how certain its samples are beside all of them."""
        total = np.maximum(self.weight.sum(axis=1), 1e-9)[:, None]
        n = np.maximum((self.weight > 0).sum(axis=1), 1)[:, None]
        share, size = self.votes / total, np.broadcast_to(np.log1p(total), self.votes.shape)
        mean = self.lengths / np.maximum(self.count, 1)
        of_all = np.broadcast_to(self.length.sum(axis=1)[:, None] / n, share.shape)
        rival = self._rivals() / total
        columns = [share, rival, self.votes * share, size, share * size, mean, self.shortest, of_all]
        if self.certainty is not None and self.certainties is not None:
            of_all = np.broadcast_to(self.certainty.sum(axis=1)[:, None] / n, share.shape)
            columns += [self.certainties / np.maximum(self.count, 1), of_all]
        return np.stack(columns, axis=2)

    def _rivals(self) -> np.ndarray:
        """The most votes of another answer than each draw's."""
        leading = self.leader()[:, None]
        most = self.votes.max(axis=1, keepdims=True)
        second = np.where(self.group == leading, 0.0, self.votes).max(axis=1, keepdims=True)
        found: np.ndarray = np.where(self.group == leading, second, most)
        return found


@dataclass(frozen=True, slots=True)
class AnswerModel:
    """P(an answer is right): a logistic regression on the features of a tally."""

    mean: np.ndarray
    scale: np.ndarray
    weight: np.ndarray
    bias: float

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Return the probabilities of features: shape (..., features) to (...)."""
        z = ((features - self.mean) / self.scale) @ self.weight + self.bias
        p: np.ndarray = 1.0 / (1.0 + np.exp(-np.clip(z, -30, 30)))
        return p

    def of_draws(self, tally: Tally) -> np.ndarray:
        """How likely each draw's answer is right, shape (rows, draws); 0 for a draw without one."""
        return np.where(tally.group >= 0, self(tally.features()), 0.0)


@dataclass(frozen=True, slots=True)
class Belief:
    """What a tally says, shape (rows,) each."""

    group: np.ndarray
    """The likeliest answer; `NO_ANSWER` if there is none."""
    p_correct: np.ndarray
    second: np.ndarray
    """P(correct) of the likeliest other answer."""
    length: np.ndarray
    """Mean length of all draws, in standard deviations from what is usual."""

    @classmethod
    def of(cls, tally: Tally, model: AnswerModel) -> Belief:
        """Return what a tally of at least one draw says."""
        n, n_draws = tally.group.shape
        at_once = max(1, _DRAWS // n_draws)
        found = [cls._of(tally[at : at + at_once], model) for at in range(0, max(n, 1), at_once)]
        if len(found) == 1:
            return found[0]
        return cls(*(np.concatenate([getattr(own, field.name) for own in found]) for field in fields(cls)))

    @classmethod
    def _of(cls, tally: Tally, model: AnswerModel) -> Belief:
        p = model.of_draws(tally)
        best = p.argmax(axis=1)[:, None]
        top = np.take_along_axis(p, best, 1)[:, 0]
        group = np.where(top > 0, np.take_along_axis(tally.group, best, 1)[:, 0], NO_ANSWER)
        second = np.where(tally.group == group[:, None], 0.0, p).max(axis=1)
        n = np.maximum((tally.weight > 0).sum(axis=1), 1)
        return cls(group, top, second, tally.length.sum(axis=1) / n)

    def terms(self) -> np.ndarray:
        """What a stopping rule is linear in, shape (rows, 9)."""
        a, b, z = self.p_correct, self.second, self.length
        return np.stack([np.ones_like(a), a, b, z, a * a, a * b, b * b, a * z, z * z], axis=1)


def _clipped(deviations: np.ndarray) -> np.ndarray:
    clipped: np.ndarray = np.clip(deviations, -FARTHEST, FARTHEST)
    return clipped
