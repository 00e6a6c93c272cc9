"""The compute-optimal strategy is picked without luck, and efficiency is what the paper defines."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tts_select.core.arm import Arm
from tts_select.training.evaluation.optimal import Point, efficiency, optimal
from tts_select.training.replay.fixed import Board, Score

WHOLE = np.arange(10)


def point(n: int, accuracy: float, flops: float | None = None) -> Point:
    right = (np.arange(10) < round(10 * accuracy)).astype(float)
    return Point(n, Score(right, np.full(10, float(n) if flops is None else flops)))


@pytest.mark.parametrize(
    ("tts", "expected"),
    [
        ([(1, 0.4), (4, 0.6), (16, 0.8)], 64 / 4),
        ([(1, 0.4), (4, 0.5), (16, 0.7)], 64 / 8),  # half way between 4 and 16 in the logarithm
        ([(4, 0.9), (16, 0.9)], 64 / 4),
        ([(4, 0.3), (64, 0.5)], math.nan),
    ],
)
def test_efficiency_is_the_ratio_of_budgets_at_the_best_of_majority(
    tts: list[tuple[int, float]], expected: float
) -> None:
    votes = [point(4, 0.4), point(16, 0.5), point(64, 0.6), point(256, 0.6)]
    found = efficiency(votes, [point(*pair) for pair in tts], WHOLE)
    assert found == pytest.approx(expected, nan_ok=True)


def test_efficiency_in_flops_counts_what_the_strategies_cost() -> None:
    votes = [point(4, 0.4, 40.0), point(64, 0.6, 640.0)]
    tts = [point(4, 0.6, 320.0)]
    assert efficiency(votes, tts, WHOLE) == 16
    assert efficiency(votes, tts, WHOLE, in_flops=True) == 2


def board(correct: np.ndarray, budgets: tuple[int, ...], flops: np.ndarray | None = None) -> Board:
    """From what each arm gets right, shape (arms, problems)."""
    arms = tuple(Arm("p", None, "majority", n) for n in budgets)
    costs = np.ones_like(correct) if flops is None else flops
    return Board(arms, correct[..., None], costs[..., None])


def test_each_bin_has_its_own_arm() -> None:
    bins = np.array([0, 2] * 20)
    found = optimal(board(np.stack([bins == 0, bins == 2]).astype(float), (4, 4)), (0, 1), bins, 4, seed=0)
    assert found.score.accuracy == 1.0


def test_an_arm_above_the_budget_is_not_taken() -> None:
    bins = np.zeros(20, int)
    some = board(np.stack([np.zeros(20), np.ones(20)]), (4, 16))
    assert optimal(some, (0, 1), bins, 4, seed=0).score.accuracy == 0.0
    assert optimal(some, (0, 1), bins, 16, seed=0).score.accuracy == 1.0


def test_of_equally_accurate_arms_the_cheaper_one_is_taken() -> None:
    flops = np.stack([np.full(20, 9.0), np.full(20, 3.0)])
    some = board(np.ones((2, 20)), (4, 4), flops)
    assert optimal(some, (0, 1), np.zeros(20, int), 4, seed=0).score.cost == 3.0


def test_the_best_of_many_arms_that_are_all_alike_is_no_better_than_any() -> None:
    rng = np.random.default_rng(0)
    bins = rng.integers(3, size=300)
    found = [
        optimal(board((rng.random((40, 300)) < 0.5).astype(float), (4,) * 40), range(40), bins, 4, seed=k)
        for k in range(20)
    ]
    accuracy = np.mean([p.score.accuracy for p in found])
    assert abs(accuracy - 0.5) < 3 * 0.5 / math.sqrt(20 * 300)
