from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_select.training.replay.metrics import (
    N_BINS,
    auc,
    bootstrap,
    bootstraps,
    mean_interval,
    reliability,
)

probabilities = st.floats(0, 1)
eighths = st.integers(0, 8).map(lambda k: k / 8)


def slow_ece(said: list[float], happened: list[float]) -> float:
    total = 0.0
    for k in range(N_BINS):
        here = [
            (p, y)
            for p, y in zip(said, happened, strict=True)
            if k / N_BINS <= p < (k + 1) / N_BINS or (p == 1.0 and k == N_BINS - 1)
        ]
        if here:
            gap = sum(p for p, _ in here) / len(here) - sum(y for _, y in here) / len(here)
            total += len(here) * abs(gap)
    return total / len(said)


def slow_auc(said: list[float], happened: list[bool]) -> float:
    pairs = [
        1.0 if p > q else 0.5 if p == q else 0.0
        for p, is_positive in zip(said, happened, strict=True)
        if is_positive
        for q, is_other_positive in zip(said, happened, strict=True)
        if not is_other_positive
    ]
    return sum(pairs) / len(pairs)


@given(st.lists(st.tuples(eighths, probabilities), min_size=1, max_size=40))
def test_reliability_is_that_of_plain_loops(data: list[tuple[float, float]]) -> None:
    said, happened = [p for p, _ in data], [y for _, y in data]
    found = reliability(np.array(said), np.array(happened))
    assert found["ece"] == pytest.approx(slow_ece(said, happened))
    assert found["brier"] == pytest.approx(sum((p - y) ** 2 for p, y in data) / len(data))
    assert found["n"] == len(data) == sum(b["n"] for b in found["bins"])


@given(st.lists(st.tuples(probabilities, probabilities), min_size=1, max_size=40))
def test_calibration_errors_lie_between_zero_and_one(data: list[tuple[float, float]]) -> None:
    found = reliability(*np.array(data).T)
    assert 0 <= found["ece"] <= 1
    assert 0 <= found["brier"] <= 1


def test_who_says_the_truth_is_calibrated() -> None:
    truth = np.array([0.0, 0.3, 0.7, 1.0])
    found = reliability(truth, truth)
    assert (found["ece"], found["brier"]) == (0.0, 0.0)


def test_a_reliability_diagram_by_hand() -> None:
    found = reliability(np.array([0.1, 0.15, 0.95, 1.0]), np.array([0.0, 1.0, 1.0, 1.0]))
    assert found["bins"] == [
        {"predicted": pytest.approx(0.125), "observed": 0.5, "n": 2},
        {"predicted": pytest.approx(0.975), "observed": 1.0, "n": 2},
    ]
    assert found["ece"] == pytest.approx(0.5 * 0.375 + 0.5 * 0.025)


@given(st.lists(st.tuples(eighths, st.booleans()), min_size=1, max_size=30))
def test_auc_counts_the_pairs_in_the_right_order(data: list[tuple[float, bool]]) -> None:
    said, happened = [p for p, _ in data], [y for _, y in data]
    found = auc(np.array(said), happened)
    if all(happened) or not any(happened):
        assert math.isnan(found)
    else:
        assert found == pytest.approx(slow_auc(said, happened))


@given(st.lists(probabilities, min_size=1, max_size=40))
def test_an_interval_contains_the_mean(values: list[float]) -> None:
    found = mean_interval(np.array(values))
    assert found.value == pytest.approx(float(np.mean(values)))
    if len(values) > 20:
        assert found.low - 1e-12 <= found.value <= found.high + 1e-12
    assert min(values) - 1e-12 <= found.low <= found.high <= max(values) + 1e-12


def test_an_interval_is_about_two_standard_errors_to_each_side() -> None:
    values = np.random.default_rng(0).normal(5.0, 2.0, 400)
    found = mean_interval(values)
    error = values.std() / 20
    assert found.low == pytest.approx(values.mean() - 1.96 * error, abs=0.3 * error)
    assert found.high == pytest.approx(values.mean() + 1.96 * error, abs=0.3 * error)


def test_a_seed_gives_the_same_interval() -> None:
    values = np.random.default_rng(0).random(50)
    assert mean_interval(values) == mean_interval(values)
    assert mean_interval(values) != mean_interval(values, seed=1)


def test_resamples_without_a_value_are_left_out() -> None:
    def ratio(places: np.ndarray) -> float:
        return math.nan if 0 not in places else 2.0

    found = bootstrap(ratio, 3)
    assert found.as_dict() == {"value": 2.0, "low": 2.0, "high": 2.0}


def test_resamples_without_a_value_do_not_count() -> None:
    values = np.array([0.0, 1.0])

    def mean_of_both(places: np.ndarray) -> float:
        return 0.5 if len(set(places.tolist())) == 2 else math.nan

    found = bootstrap(mean_of_both, len(values))
    assert (found.value, found.low, found.high) == (0.5, 0.5, 0.5)


def test_what_has_no_value_at_all_has_no_interval_and_gives_no_warning() -> None:
    found = bootstrap(lambda _: math.nan, 3)
    assert all(map(math.isnan, (found.value, found.low, found.high)))


def test_what_is_infinite_in_some_resamples_has_no_upper_end() -> None:
    found = bootstrap(lambda places: 2.0 if 0 in places else math.inf, 3)
    assert (found.value, found.low, found.high) == (2.0, 2.0, math.inf)


def test_many_numbers_at_once_are_each_as_alone() -> None:
    values = np.random.default_rng(0).random((3, 20))
    found = bootstraps(lambda places: values[:, places].mean(axis=1), 20)
    alone = [mean_interval(row) for row in values]
    for one, other in zip(found, alone, strict=True):
        assert one.as_dict() == pytest.approx(other.as_dict())
