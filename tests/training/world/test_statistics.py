from __future__ import annotations

import math

import pytest

from tts_select.training.world.measure import Sample
from tts_select.training.world.statistics import (
    auc_within,
    best_at,
    distinct_right,
    estimate,
    groups,
    majority_at,
    pass_at,
    pass_at_1,
    weighted_at,
)


def sample(answer: str | None, score: float = 0.5, *, strict: bool | None = None) -> Sample:
    """The right answer is 1."""
    right = answer == "1"
    return Sample(f"{answer} {score}", answer, right, right if strict is None else strict, 10, [score])


SAMPLES = [
    sample("1", 0.4),
    sample("2", 0.3),
    sample("2", 0.3),
    sample(None, 0.9),
    sample("1", 0.1),
    sample("1", 0.2),
]


def test_groups_are_disjoint_and_whole() -> None:
    assert [len(g) for g in groups(SAMPLES, 4)] == [4]
    assert [g for pair in groups(SAMPLES, 2) for g in pair] == SAMPLES


def test_shares_at_a_budget_are_means_over_groups() -> None:
    assert pass_at_1(SAMPLES) == pytest.approx(0.5)
    assert [pass_at(SAMPLES, k) for k in (1, 2, 3)] == pytest.approx([0.5, 2 / 3, 1.0])
    assert majority_at(SAMPLES, 3) == pytest.approx(0.5)  # 2 wins in the first three
    assert weighted_at(SAMPLES, 3, prm=0) == pytest.approx(0.5)  # .6 against .4
    assert best_at(SAMPLES, 3, prm=0) == pytest.approx(
        1.0
    )  # .4 is the best; without an answer nothing counts


def test_a_tie_of_the_majority_goes_to_the_first() -> None:
    assert majority_at([sample("1"), sample("2")], 2) == 1.0
    assert majority_at([sample("2"), sample("1")], 2) == 0.0


def test_right_samples_are_as_different_as_their_texts() -> None:
    assert distinct_right(SAMPLES) == 1.0
    assert distinct_right([*SAMPLES, sample("1", 0.1)]) == pytest.approx(3 / 4)
    assert distinct_right([sample("1"), sample("1"), sample("2"), sample("2", 0.1)]) == 0.5
    assert math.isnan(distinct_right([sample("1"), sample("2")]))


def test_samples_without_answers_are_wrong() -> None:
    nothing = [sample(None), sample(None)]
    assert (majority_at(nothing, 2), best_at(nothing, 2, 0), pass_at(nothing, 2)) == (0.0, 0.0, 0.0)


def test_the_auc_counts_pairs_within_the_problem() -> None:
    assert auc_within([sample("1", 0.9), sample("2", 0.1), sample("2", 0.9)], 0) == pytest.approx(0.75)
    assert math.isnan(auc_within([sample("1"), sample("1")], 0))


def test_an_interval_holds_the_mean_and_leaves_out_what_has_no_value() -> None:
    found = estimate([0.0, 1.0, 1.0, float("nan"), 0.0] * 20)
    assert (found.value, found.n) == (0.5, 80)
    assert 0.35 < found.low < 0.5 < found.high < 0.65
    assert estimate([1.0] * 5) == estimate([1.0] * 5)
    assert math.isnan(estimate([float("nan")]).value)
