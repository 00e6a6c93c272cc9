"""Staged decisions by the samples alone: draw from a policy, look, then stop, go on, or ask another policy.

A ladder says which policy each draw is from. After every draw a look at the votes and lengths says how likely
each answer is right, and a stopping rule weighs what the rest of the ladder gains against its price. Samples
may be ended at a checkpoint. All arrays have one row for each problem (or replayed order) that is solved at
once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tts_select.selector.evidence import NO_ANSWER

FARTHEST = 5.0
"""Standard deviations that a sample's length may be from the mean; farther ones count as this far."""


@dataclass(frozen=True, slots=True)
class Ending:
    """When a sample is ended at a checkpoint, in checkpoints; None: never."""

    patience: int | None = None
    """It has given the same answer for so long."""
    confirming: int | None = None
    """It has given the answer that leads so far for so long."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Up to `n` draws of a policy."""

    policy: str
    n: int
    ending: Ending = Ending()


@dataclass(frozen=True, slots=True)
class Usual:
    """What the samples of a policy are like in training."""

    log_cost: float
    """Mean of the natural logarithm of a sample's cost."""
    spread: float
    """Its standard deviation."""
    weight: float
    """Of a vote, in (0, 1]: 1 for the most accurate policy."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What has been drawn; arrays have the shape (rows, draws). What is said of a draw's answer holds for all
    draws of that answer."""

    group: np.ndarray
    weight: np.ndarray
    """Of the draw's vote; 0 where the sample was absent."""
    length: np.ndarray
    """Of the draw, in standard deviations from what is usual."""
    votes: np.ndarray
    """The weights of all draws with this draw's answer."""
    count: np.ndarray
    lengths: np.ndarray
    """The sum of their lengths."""
    shortest: np.ndarray
    cost: np.ndarray
    """Of all, shape (rows,)."""

    @classmethod
    def empty(cls, rows: int) -> Tally:
        """Before the first draw."""
        none = np.zeros((rows, 0))
        return cls(np.zeros((rows, 0), int), none, none, none, none, none, none, np.zeros(rows))

    def leader(self) -> np.ndarray:
        """The group with the most votes, of equals the first; `NO_ANSWER` if there is none."""
        if not self.group.shape[1]:
            return np.full(len(self.group), NO_ANSWER)
        best = self.votes.argmax(axis=1)[:, None]
        votes, group = (np.take_along_axis(a, best, 1)[:, 0] for a in (self.votes, self.group))
        return np.where(votes > 0, group, NO_ANSWER)

    def after(self, group: np.ndarray, cost: np.ndarray, there: np.ndarray, usual: Usual) -> Tally:
        """With one more draw in each row; `there` is False where a row has no sample left."""
        weight = np.where(there, usual.weight, 0.0)
        length = (np.log(np.where(there, cost, 1.0)) - usual.log_cost) / usual.spread
        length = np.where(there, np.clip(length, -FARTHEST, FARTHEST), 0.0)
        groups = _beside(self.group, group)
        same = (groups == group[:, None]) & (group >= 0)[:, None]
        old = same[:, :-1]
        before = [_seen(all_, old) for all_ in (self.votes, self.count, self.lengths)]
        least = np.minimum(np.where(old.any(1), _seen(self.shortest, old), np.inf), length)
        votes, count, lengths = (
            np.where(same, (was + now)[:, None], _beside(all_, np.zeros_like(now)))
            for all_, was, now in zip(
                (self.votes, self.count, self.lengths), before, (weight, there * 1.0, length), strict=True
            )
        )
        shortest = np.where(same, least[:, None], _beside(self.shortest, length))
        return Tally(
            groups,
            _beside(self.weight, weight),
            _beside(self.length, length),
            votes,
            count,
            lengths,
            shortest,
            self.cost + np.where(there, cost, 0.0),
        )

    def features(self) -> np.ndarray:
        """Of each draw's answer, shape (rows, draws, 8): its share of the votes, that of its strongest rival,
        how many votes there are, products of these, and how long its samples are beside all of them."""
        total = np.maximum(self.weight.sum(axis=1), 1e-9)[:, None]
        n = np.maximum((self.weight > 0).sum(axis=1), 1)[:, None]
        share, size = self.votes / total, np.broadcast_to(np.log1p(total), self.votes.shape)
        mean = self.lengths / np.maximum(self.count, 1)
        of_all = np.broadcast_to(self.length.sum(axis=1)[:, None] / n, share.shape)
        rival = self._rivals() / total
        columns = (share, rival, self.votes * share, size, share * size, mean, self.shortest, of_all)
        return np.stack(columns, axis=2)

    def _rivals(self) -> np.ndarray:
        """The most votes of another answer than each draw's."""
        leading = self.leader()[:, None]
        most = self.votes.max(axis=1, keepdims=True)
        second = np.where(self.group == leading, 0.0, self.votes).max(axis=1, keepdims=True)
        found: np.ndarray = np.where(self.group == leading, second, most)
        return found


N_FEATURES, N_TERMS = 8, 9
"""Of an answer, and of a look."""


@dataclass(frozen=True, slots=True)
class AnswerModel:
    """P(an answer is right): a logistic regression on the features of a tally."""

    mean: np.ndarray
    scale: np.ndarray
    weight: np.ndarray
    bias: float

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Shape (..., features) to (...)."""
        z = ((features - self.mean) / self.scale) @ self.weight + self.bias
        p: np.ndarray = 1.0 / (1.0 + np.exp(-np.clip(z, -30, 30)))
        return p


@dataclass(frozen=True, slots=True)
class Look:
    """What a tally shows, shape (rows,) each."""

    group: np.ndarray
    """The likeliest answer; `NO_ANSWER` if there is none."""
    p_correct: np.ndarray
    second: np.ndarray
    """P(correct) of the likeliest other answer."""
    length: np.ndarray
    """Mean length of all draws, in standard deviations from what is usual."""

    @classmethod
    def at(cls, tally: Tally, model: AnswerModel) -> Look:
        """At the answers of a tally of one draw at least."""
        features = tally.features()
        p = np.where(tally.group >= 0, model(features), 0.0)
        best = p.argmax(axis=1)[:, None]
        top = np.take_along_axis(p, best, 1)[:, 0]
        group = np.where(top > 0, np.take_along_axis(tally.group, best, 1)[:, 0], NO_ANSWER)
        second = np.where(tally.group == group[:, None], 0.0, p).max(axis=1)
        return cls(group, top, second, features[:, 0, -1])

    def terms(self) -> np.ndarray:
        """What a stopping rule is linear in, shape (rows, 9)."""
        a, b, z = self.p_correct, self.second, self.length
        return np.stack([np.ones_like(a), a, b, z, a * a, a * b, b * b, a * z, z * z], axis=1)


@dataclass(frozen=True, slots=True)
class Ladder:
    """The plan for one price."""

    price: float
    """In probability per unit of cost."""
    stages: tuple[Stage, ...]
    answers: AnswerModel
    stops: np.ndarray
    """Shape (draws - 1, terms): after each draw, what going on is worth; at 0 or less it stops."""
    accuracy: float
    """Expected, from training problems that the rules had not seen; so is the cost."""
    cost: float

    @property
    def draws(self) -> list[tuple[str, Ending]]:
        """One after the other."""
        return steps_of(self.stages)

    def goes_on(self, look: Look, n_drawn: int) -> np.ndarray:
        """Whether to draw again after so many draws."""
        if n_drawn > len(self.stops):
            return np.zeros(len(look.group), bool)
        worth: np.ndarray = look.terms() @ self.stops[n_drawn - 1] > 0
        return worth


@dataclass(frozen=True, slots=True)
class LadderRouter:
    """All that was learned from a log of samples."""

    unit: str
    """Of costs and prices."""
    usual: Mapping[str, Usual]
    """By policy."""
    ladders: tuple[Ladder, ...]
    """The cheapest price first."""
    efforts: Mapping[str, float]
    """The prices that have names."""
    best_fixed: str
    fingerprints: Mapping[str, str]
    """Of each policy that it was trained for."""

    def at(self, price: float) -> Ladder:
        """The ladder whose price is closest, as a ratio."""
        return min(self.ladders, key=lambda ladder: abs(np.log(ladder.price / price)))


def steps_of(stages: Sequence[Stage]) -> list[tuple[str, Ending]]:
    """The policy and the ending of each draw."""
    return [(stage.policy, stage.ending) for stage in stages for _ in range(stage.n)]


def _beside(all_: np.ndarray, new: np.ndarray) -> np.ndarray:
    return np.concatenate([all_, new[:, None]], axis=1)


def _seen(values: np.ndarray, same: np.ndarray) -> np.ndarray:
    """What stands at the first draw with the same answer; 0 where there is none."""
    if not values.shape[1]:
        return np.zeros(len(values))
    first = same.argmax(axis=1)[:, None]
    found: np.ndarray = np.take_along_axis(np.where(same, values, 0.0), first, 1)[:, 0]
    return found
