"""Frontiers: hulls of points, linear in cost, and their mean over the logarithm of cost."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tts_select.training.replay.envelope import Envelope, accuracy_at, cost_at
from tts_select.training.replay.fixed import Score

ALL = np.arange(2)


def point(accuracy: float, cost: float) -> Score:
    return Score(np.array([accuracy, accuracy]), np.array([cost, cost]))


frontiers = st.lists(
    st.builds(point, st.integers(0, 16).map(lambda k: k / 16), st.integers(1, 10**6).map(float)),
    min_size=1,
    max_size=6,
)


def mixed(points: list[Score], cost: float) -> float:
    """The slow way: the best point that costs no more, or the best mixture of two that costs exactly so
    much."""
    found = [p.accuracy for p in points if p.cost <= cost]
    for one, other in combinations(sorted(points, key=lambda p: p.cost), 2):
        if one.cost <= cost < other.cost:
            share = (cost - one.cost) / (other.cost - one.cost)
            found.append((1 - share) * one.accuracy + share * other.accuracy)
    return max(found, default=math.nan)


@pytest.mark.parametrize(
    ("accuracy", "cost"),
    [(0.1, 10.0), (0.2, 10.0), (0.4, 60.0), (0.6, 110.0), (0.7, 505.0), (0.8, 900.0), (0.9, math.inf)],
)
def test_between_two_points_cost_is_linear_in_accuracy(accuracy: float, cost: float) -> None:
    points = [point(0.8, 900), point(0.2, 10), point(0.6, 110)]
    assert cost_at(points, accuracy, ALL) == pytest.approx(cost)
    if 0.2 <= accuracy <= 0.8:
        assert accuracy_at(points, cost, ALL) == pytest.approx(accuracy)


def test_below_its_cheapest_point_a_frontier_has_nothing_and_beyond_the_last_it_stays() -> None:
    points = [point(0.8, 900), point(0.2, 10)]
    assert math.isnan(accuracy_at(points, 9.0, ALL))
    assert accuracy_at(points, 1e9, ALL) == pytest.approx(0.8)


def test_a_point_below_the_line_of_two_others_is_worth_what_the_line_is() -> None:
    points = [point(0.5, 10), point(0.52, 100), point(0.6, 110), point(0.55, 500)]
    assert accuracy_at(points, 100, ALL) == pytest.approx(0.59)
    assert accuracy_at(points, 500, ALL) == pytest.approx(0.6)
    assert cost_at(points, 0.55, ALL) == pytest.approx(60)


@given(frontiers, st.floats(1, 2e6))
def test_a_frontier_is_the_best_mixture_of_two_points(points: list[Score], cost: float) -> None:
    assert accuracy_at(points, cost, ALL) == pytest.approx(mixed(points, cost), nan_ok=True, abs=1e-6)


def test_an_accuracy_far_beyond_a_flat_frontier_is_never_reached_and_gives_no_warning() -> None:
    assert cost_at([point(0.1, 1.0), point(0.1 + 1e-12, 1e6)], 0.9, ALL) == math.inf


def test_only_the_problems_asked_for_count() -> None:
    points = [Score(np.array([0.0, 1.0]), np.array([10.0, 20.0]))]
    assert accuracy_at(points, 20, np.array([1, 1])) == 1.0
    assert cost_at(points, 0.5, np.array([1])) == 20.0
    assert cost_at(points, 0.5, np.array([0])) == math.inf


def test_several_trainings_are_one_of_them_by_lot() -> None:
    points = [Score(np.array([[0.0, 1.0], [1.0, 1.0]]), np.array([[10.0, 10.0], [20.0, 40.0]]))]
    assert accuracy_at(points, 20, ALL) == 0.75
    assert cost_at(points, 0.75, ALL) == 20.0


@given(frontiers, st.integers(0, 16).map(lambda k: k / 16))
@example(points=[point(0.0, 1.0), point(0.0, 2.0), point(0.125, 2.0)], accuracy=1 / 16)
@example(points=[point(0.0, 2.0), point(1 / 16, 1.0), point(3 / 16, 3.0)], accuracy=1 / 8)
def test_at_the_cost_of_an_accuracy_a_frontier_reaches_it(points: list[Score], accuracy: float) -> None:
    cost = cost_at(points, accuracy, ALL)
    if any(p.accuracy >= accuracy for p in points):
        assert cost <= min(p.cost for p in points if p.accuracy >= accuracy) * (1 + 1e-9)
        assert accuracy_at(points, cost * (1 + 1e-9), ALL) >= accuracy - 1e-6
    else:
        assert cost == math.inf


@given(frontiers, st.floats(1, 1e6), st.floats(1, 1e6))
def test_a_frontier_never_falls_with_its_cost(points: list[Score], one: float, other: float) -> None:
    low, high = (accuracy_at(points, cost, ALL) for cost in sorted([one, other]))
    assert math.isnan(low) or low <= high + 1e-12


def test_the_mean_over_the_logarithm_of_cost_by_hand() -> None:
    """Between 1 and 4 accuracy is .2 + .1 x (cost - 1), that is .1 + .1 x cost, and then .5: the integral
    over log cost is .1 log 4 + .1 x 3, and .5 log 2."""
    found = Envelope.of(np.array([1.0, 4.0]), np.array([0.2, 0.5])).mean_over_log_cost(1.0, 8.0)
    assert found == pytest.approx((0.1 * math.log(4) + 0.3 + 0.5 * math.log(2)) / math.log(8))


@given(frontiers, st.floats(1, 1e5), st.floats(1.01, 1e3))
def test_the_mean_over_the_logarithm_of_cost_is_that_of_many_small_steps(
    points: list[Score], start: float, ratio: float
) -> None:
    envelope = Envelope.of(np.array([p.cost for p in points]), np.array([p.accuracy for p in points]))
    steps = np.geomspace(start, ratio * start, 4001)
    middles = np.sqrt(steps[1:] * steps[:-1])
    expected = float(envelope.accuracies_at(middles).mean())
    assert envelope.mean_over_log_cost(start, ratio * start) == pytest.approx(expected, abs=1e-3)
