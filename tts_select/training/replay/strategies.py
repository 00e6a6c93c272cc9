"""Strategies that need no learning: every fixed arm, and the plain rules for when to stop sampling.

The rules are those of `core/stopping.py`, for all rows of a replay at once; a test holds the two against each
other. Outcomes are (correct, cost), shape (rows,) each, on the orders of a replay.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from tts_select.core.arm import Arm
from tts_select.core.stopping import FEWEST_SAMPLES, FIRST_SAMPLES, MARGIN, QUORUM, WINDOW
from tts_select.core.voting import SURE_ENOUGH, p_stays_ahead
from tts_select.selector.evidence import NO_ANSWER
from tts_select.training.replay.draws import Draws
from tts_select.training.replay.grouping import RIGHT
from tts_select.training.replay.orders import Replay

EVERY_BUDGET_TO = 16
LARGE_BUDGETS = (20, 24, 32, 48, 64)

Outcome = tuple[np.ndarray, np.ndarray]


class Answered(NamedTuple):
    """The group of each row's answer (negative: none), and what it has cost; shape (rows,)."""

    group: np.ndarray
    cost: np.ndarray

    @property
    def outcome(self) -> Outcome:
        """Whether it is right, and the cost."""
        return (self.group == RIGHT) * 1.0, self.cost


@dataclass(frozen=True, slots=True)
class Votes:
    """The votes after each sample of a pool, shape (rows, samples). Where a problem has no more samples,
    nothing is added."""

    group: np.ndarray
    """The group of each sample's answer."""
    n: np.ndarray
    """The number of samples so far."""
    leader: np.ndarray
    """The group of the first answer."""
    first: np.ndarray
    second: np.ndarray
    """The number of its votes, and of the second answer's."""
    cost: np.ndarray
    """The cost of all samples so far."""

    @classmethod
    def of(cls, draws: Draws) -> Votes:
        """Count the votes of a pool, all of one weight."""
        shape = draws.group.shape
        leader, first, second = (np.empty(shape, kind) for kind in (np.int32, np.int16, np.int16))
        counted = _Count.of(draws.group)
        for k in range(shape[1]):
            counted.add(k, draws.group[:, k])
            leader[:, k], first[:, k], second[:, k] = counted.leader, counted.first, counted.second
        n = draws.is_there.cumsum(axis=1, dtype=np.int16)
        return cls(draws.group, n, leader, first, second, draws.cost.cumsum(axis=1))

    def after(self, n: np.ndarray) -> Answered:
        """The answer of each row after so many of its samples."""
        rows = np.arange(len(n))
        return Answered(self.leader[rows, n - 1], self.cost[rows, n - 1])


@dataclass(slots=True)
class _Count:
    """The votes of each row so far, and who is first and second. Each draw takes the same time: a tally
    (`selector/routers/tally.py`) looks at all that came before."""

    votes: np.ndarray
    """Of each group, shape (rows, groups)."""
    since: np.ndarray
    """The number of the draw that first had the group: of equals the one that is older leads."""
    leader: np.ndarray
    first: np.ndarray
    second: np.ndarray

    @classmethod
    def of(cls, group: np.ndarray) -> _Count:
        """Nothing is counted yet; `group` is that of all draws."""
        shape = len(group), int(group.max(initial=0)) + 1
        nobody, none = np.full(len(group), NO_ANSWER, np.int32), np.zeros(len(group), np.int16)
        never = np.full(shape, group.shape[1], np.int32)
        return cls(np.zeros(shape, np.int16), never, nobody, none, none.copy())

    def add(self, number: int, group: np.ndarray) -> None:
        """Count the draw of this number; a negative group has no vote."""
        rows = np.flatnonzero(group >= 0)
        own, before = group[rows], self.leader[rows]
        n = self.votes[rows, own] = self.votes[rows, own] + 1
        since = self.since[rows, own] = np.minimum(self.since[rows, own], number)
        first, second = self.first[rows], self.second[rows]
        leads = (n > first) | ((n == first) & (since < self.since[rows, before]))
        beaten = np.where(leads, np.where(own == before, second, first), np.maximum(second, n))
        self.second[rows] = beaten
        self.first[rows] = np.maximum(first, n)
        self.leader[rows] = np.where(leads, own, before)


def ahead(votes: Votes, margin: float = MARGIN) -> np.ndarray:
    """Where the first answer is ahead of the second by a share of the samples, of which there are two."""
    is_ahead: np.ndarray = votes.first - votes.second >= margin * votes.n
    is_ahead &= votes.n >= FEWEST_SAMPLES
    return is_ahead


def leading(votes: Votes, lead: int) -> np.ndarray:
    """Where the first answer is ahead of the second by so many votes."""
    found: np.ndarray = votes.first - votes.second >= lead
    return found


def settled(votes: Votes, sure_enough: float = SURE_ENOUGH) -> np.ndarray:
    """Where the first answer will stay ahead of the second (adaptive consistency, arXiv 2305.11860)."""
    sure = _stays_ahead(votes.group.shape[1]) >= sure_enough
    is_settled: np.ndarray = sure[votes.first, votes.second]
    return is_settled


@lru_cache(maxsize=8)
def _stays_ahead(most: int) -> np.ndarray:
    """How likely it is, by the votes of the first and of the second; for each of up to so many."""
    counts = range(most + 1)
    return np.array([[p_stays_ahead(a, b) for b in counts] for a in counts])


def doubled(votes: Votes, quorum: float = QUORUM) -> np.ndarray:
    """Where so large a share of 2, 4, 8, ... samples agrees."""
    n = votes.n
    has_quorum: np.ndarray = votes.first >= quorum * n
    has_quorum &= (n >= FEWEST_SAMPLES) & (n & (n - 1) == 0)
    return has_quorum


def agreed(votes: Votes, size: int = WINDOW) -> np.ndarray:
    """Where all answers of a window agree (early-stopping self-consistency, arXiv 2401.10480)."""
    found: np.ndarray = np.zeros(votes.group.shape, bool)
    for end in range(size, votes.group.shape[1] + 1, size):
        window = votes.group[:, end - size : end]
        found[:, end - 1] = (window == window[:, :1]).all(axis=1) & (window[:, 0] >= 0)
    return found


RULES: dict[str, Callable[[Votes], np.ndarray]] = {
    "margin": ahead,
    "adaptive consistency": settled,
    "doubling": doubled,
    "early-stopping self-consistency": agreed,
}
"""Where each plain stop rule is met, after how many samples. A new one is a line here."""


def stopped(votes: Votes, is_met: np.ndarray, most: int | None = None) -> Answered:
    """The answers where sampling stops as soon as a rule is met, or after so many samples."""
    return votes.after(_n_drawn(is_met[:, :most]))


@dataclass(frozen=True, slots=True)
class Opening:
    """The first policy of a cascade (`selector/routers/cascade.py`): where it is content, and its answers."""

    is_content: np.ndarray
    answered: Answered

    @classmethod
    def of(cls, votes: Votes, *, margin: float = MARGIN, most: int = FIRST_SAMPLES) -> Opening:
        """By the margin rule, with few samples at most."""
        is_met = ahead(votes, margin)[:, :most]
        return cls(np.any(is_met, axis=1), votes.after(_n_drawn(is_met)))

    def then(self, second: Answered) -> Answered:
        """Where it is not content the answer is that of the second policy alone, if it has one; both are
        paid."""
        stays = self.is_content | (second.group < 0)
        return Answered(
            np.where(stays, self.answered.group, second.group),
            self.answered.cost + np.where(self.is_content, 0.0, second.cost),
        )


def budgets(n: int) -> list[int]:
    """Return every budget up to 16, some larger ones, and n itself."""
    return sorted({k for k in (*range(1, EVERY_BUDGET_TO + 1), *LARGE_BUDGETS) if k < n} | {n})


def fixed_arms(replay: Replay) -> dict[Arm, Outcome]:
    """Score a single sample (majority of one) and majority votes of every pool."""
    found = {}
    for pool, draws in replay.draws.items():
        votes = Votes.of(draws)
        for k in budgets(draws.group.shape[1]):
            found[replace(replay.arms[pool], budget=k)] = votes.after(np.full(len(replay), k)).outcome
    return found


def best_fixed(arms: Mapping[Arm, Outcome]) -> Arm:
    """Return the most accurate arm; among equals the cheapest."""
    return min(arms, key=lambda arm: (-arms[arm][0].mean(), arms[arm][1].mean()))


def _n_drawn(is_met: np.ndarray) -> np.ndarray:
    n: np.ndarray = np.where(is_met.any(axis=1), is_met.argmax(axis=1) + 1, is_met.shape[1])
    return n
