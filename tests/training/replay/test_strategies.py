"""Fixed arms and stopping strategies against a sample-by-sample reference."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.training.made import made_log
from tts_select.core.arm import Arm
from tts_select.core.voting import is_settled
from tts_select.training.replay.grouping import RIGHT
from tts_select.training.replay.orders import Replay, replay_of
from tts_select.training.replay.strategies import (
    WINDOW,
    adaptive_consistency,
    best_fixed,
    budgets,
    early_stopping,
    fixed_arms,
    margin,
)

POLICY = "log:weak"


@pytest.fixture(scope="module")
def replay() -> Replay:
    return replay_of(made_log(12, n_samples=10), n_orders=4, seed=2)


def majority(groups: list[int]) -> int:
    counts = Counter(g for g in groups if g >= 0)
    return max(counts, key=counts.__getitem__) if counts else -1


def drawn(replay: Replay, row: int) -> tuple[list[int], list[float]]:
    draws = replay.draws[POLICY]
    return draws.group[row].tolist(), draws.cost[row].tolist()


@pytest.mark.parametrize("k", [1, 2, 4, 8, 10])
def test_a_majority_is_that_of_the_first_samples(replay: Replay, k: int) -> None:
    correct, cost = fixed_arms(replay)[Arm(POLICY, None, "majority", k)]
    for row in range(len(replay)):
        groups, costs = drawn(replay, row)
        assert correct[row] == (majority(groups[:k]) == RIGHT)
        assert cost[row] == pytest.approx(sum(costs[:k]))


def test_adaptive_consistency_stops_when_the_first_will_stay_ahead(replay: Replay) -> None:
    correct, cost = adaptive_consistency(replay, POLICY)
    for row in range(len(replay)):
        groups, costs = drawn(replay, row)
        n = next(
            (k for k in range(1, 11) if is_settled(Counter(g for g in groups[:k] if g >= 0).values())), 10
        )
        assert correct[row] == (majority(groups[:n]) == RIGHT)
        assert cost[row] == pytest.approx(sum(costs[:n]))


def test_early_stopping_waits_for_a_window_that_agrees(replay: Replay) -> None:
    correct, cost = early_stopping(replay, POLICY)
    for row in range(len(replay)):
        groups, costs = drawn(replay, row)
        ends = [k for k in (WINDOW, 2 * WINDOW) if len({*groups[k - WINDOW : k]}) == 1]
        n = ends[0] if ends else 10
        assert correct[row] == (majority(groups[:n]) == RIGHT)
        assert cost[row] == pytest.approx(sum(costs[:n]))
    assert cost.mean() < sum(sum(drawn(replay, row)[1]) for row in range(len(replay))) / len(replay)


def test_of_equally_accurate_arms_the_cheapest_is_the_best() -> None:
    replay = replay_of(made_log(5, p_right=1.0), n_orders=2, seed=0)
    assert best_fixed(fixed_arms(replay)).name == "majority@1 log:weak"


def test_budgets_double_up_to_all_samples() -> None:
    assert budgets(1) == [1]
    assert budgets(8) == [1, 2, 4, 8]
    assert budgets(12) == [1, 2, 4, 8, 12]


def test_the_margin_rule_stops_when_the_first_is_half_of_the_samples_ahead(replay: Replay) -> None:
    """Unanswered samples count as samples, and one sample is never enough."""
    correct, cost = margin(replay, POLICY)
    for row in range(len(replay)):
        groups, costs = drawn(replay, row)

        def is_ahead(k: int, groups: list[int] = groups) -> bool:
            first, second, *_ = [*sorted(Counter(g for g in groups[:k] if g >= 0).values())[::-1], 0, 0]
            return first - second >= k / 2

        n = next((k for k in range(2, 11) if is_ahead(k)), 10)
        assert correct[row] == (majority(groups[:n]) == RIGHT)
        assert cost[row] == pytest.approx(sum(costs[:n]))
