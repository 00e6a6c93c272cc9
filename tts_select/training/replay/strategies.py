"""Strategies that need no learning: every fixed arm, and the plain rules for when to stop sampling.

Outcomes are (correct, cost), shape (rows,) each, on the orders of a replay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from tts_select.core.arm import Arm
from tts_select.core.voting import SURE_ENOUGH, p_stays_ahead
from tts_select.selector.routers.tally import Tally
from tts_select.training.replay.grouping import RIGHT
from tts_select.training.replay.orders import Replay

WINDOW = 4
"""The number of samples in a row that have to agree for early-stopping self-consistency (arXiv 2401.10480,
section 3.1)."""

MARGIN = 0.5
"""The share of the votes by which the first answer has to be ahead of the second for the margin rule to
stop."""
FEWEST_VOTES = 2
"""The least number of samples that the margin rule draws."""

Outcome = tuple[np.ndarray, np.ndarray]


def votes_of(replay: Replay, pool: str) -> Iterator[tuple[Tally, np.ndarray]]:
    """Yield the votes after each sample of a pool, all of one weight, and what they have cost, shape
    (rows,). Where a problem has no more samples, nothing is added."""
    draws, there = replay.draws[pool], replay.draws[pool].is_there
    tally, costs = Tally.empty(len(replay)), draws.cost.cumsum(axis=1)
    for k in range(draws.group.shape[1]):
        tally = tally.after(draws.group[:, k], there[:, k] * 1.0, np.zeros(len(replay)))
        yield tally, costs[:, k]


def budgets(n: int) -> list[int]:
    """Return 1, 2, 4, ... and n itself."""
    return sorted({*(2**k for k in range(n.bit_length())), n})


def fixed_arms(replay: Replay) -> dict[Arm, Outcome]:
    """Score a single sample (majority of one) and majority votes of every pool."""
    found = {}
    for pool, draws in replay.draws.items():
        wanted = budgets(draws.group.shape[1])
        for k, (tally, cost) in enumerate(votes_of(replay, pool), start=1):
            if k in wanted:
                found[replace(replay.arms[pool], budget=k)] = (tally.leader() == RIGHT) * 1.0, cost
    return found


def best_fixed(arms: Mapping[Arm, Outcome]) -> Arm:
    """Return the most accurate arm; among equals the cheapest."""
    return min(arms, key=lambda arm: (-arms[arm][0].mean(), arms[arm][1].mean()))


def adaptive_consistency(replay: Replay, policy: str) -> Outcome:
    """Sampling stops when the first answer will stay ahead of the second (arXiv 2305.11860)."""
    most = replay.draws[policy].group.shape[1]
    sure = np.array([[p_stays_ahead(a, b) >= SURE_ENOUGH for b in range(most + 1)] for a in range(most + 1)])

    def settled(tally: Tally) -> np.ndarray:
        first = tally.votes.max(axis=1)
        second = np.where(tally.group == tally.leader()[:, None], 0.0, tally.votes).max(axis=1)
        done: np.ndarray = sure[first.astype(int), second.astype(int)]
        return done

    return _until(replay, policy, settled)


def early_stopping(replay: Replay, policy: str) -> Outcome:
    """Sampling stops when all answers of a window agree (arXiv 2401.10480)."""

    def agreed(tally: Tally) -> np.ndarray:
        n = tally.group.shape[1]
        if n % WINDOW:
            return np.zeros(len(tally.group), bool)
        window = tally.group[:, n - WINDOW :]
        done: np.ndarray = (window == window[:, :1]).all(axis=1) & (window[:, 0] >= 0)
        return done

    return _until(replay, policy, agreed)


def margin(replay: Replay, policy: str) -> Outcome:
    """Sampling stops when the first answer is ahead of the second by half of the samples, two at least."""

    def ahead(tally: Tally) -> np.ndarray:
        n = tally.group.shape[1]
        first = tally.votes.max(axis=1)
        second = np.where(tally.group == tally.leader()[:, None], 0.0, tally.votes).max(axis=1)
        done: np.ndarray = (first - second >= MARGIN * n) & (n >= FEWEST_VOTES)
        return done

    return _until(replay, policy, ahead)


RULES: dict[str, Callable[[Replay, str], Outcome]] = {
    "margin": margin,
    "adaptive consistency": adaptive_consistency,
    "early-stopping self-consistency": early_stopping,
}
"""The plain stop rules: they look at the votes alone, and learn nothing. A new one is a line here."""


def _until(replay: Replay, policy: str, done: Callable[[Tally], np.ndarray]) -> Outcome:
    correct, cost = np.zeros(len(replay)), np.zeros(len(replay))
    going = np.ones(len(replay), bool)
    for tally, spent in votes_of(replay, policy):
        correct = np.where(going, tally.leader() == RIGHT, correct)
        cost = np.where(going, spent, cost)
        going &= ~done(tally)
    return correct, cost
