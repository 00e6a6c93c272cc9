from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

from tts_select.core.voting import ROUND, SURE_ENOUGH, is_settled, p_stays_ahead
from tts_select.executors.limits import Limits
from tts_select.testing import FakePolicy, FakeRewardModel

votes = st.integers(0, 200)


def says(answers: Callable[[int], int | None]) -> FakePolicy:
    """Sample k has the answer `answers(k)`."""

    def text(request: Any, k: int) -> str:
        answer = answers(k)
        return "no idea" if answer is None else f"so \\boxed{{{answer}}}"

    return FakePolicy(text)


@given(votes, votes)
def test_the_chance_to_stay_ahead_is_that_of_the_beta_distribution(first: int, second: int) -> None:
    assert p_stays_ahead(first, second) == pytest.approx(beta.sf(0.5, first + 1, second + 1), abs=1e-12)


@given(votes, votes)
def test_one_of_the_two_stays_ahead(first: int, second: int) -> None:
    assert p_stays_ahead(first, second) + p_stays_ahead(second, first) == pytest.approx(1)


@given(votes, votes)
def test_a_vote_more_makes_it_surer(first: int, second: int) -> None:
    assert p_stays_ahead(first + 1, second) > p_stays_ahead(first, second) or first > 50
    assert p_stays_ahead(first + 1, second) >= p_stays_ahead(first, second)


@pytest.mark.parametrize(
    ("counts", "settled"),
    [
        ([], False),
        ([3], False),  # 15/16 is below 0.95
        ([4], True),  # 31/32
        ([4, 1], False),
        ([1, 7], True),
        ([7, 1, 1, 1], True),  # only the second counts
        ([8, 8], False),
    ],
)
def test_it_is_settled_when_the_first_is_far_enough_ahead_of_the_second(
    counts: list[int], settled: bool
) -> None:
    assert is_settled(counts) == settled
    assert is_settled(iter(counts)) == settled


@given(st.lists(votes, max_size=5))
def test_the_order_of_the_counts_does_not_matter(counts: list[int]) -> None:
    assert is_settled(counts) == is_settled(counts[::-1])
    first, second, *_ = [*sorted(counts, reverse=True), 0, 0]
    assert is_settled(counts) == (p_stays_ahead(first, second) >= SURE_ENOUGH)


def test_a_policy_that_always_agrees_is_asked_once(run_method: Callable[..., Any]) -> None:
    policy = says(lambda _: 7)
    run = run_method("adaptive", policy, budget=64)
    assert [(r.n, r.first) for r in policy.requests] == [(ROUND, 0)]
    assert len(run.pool) == ROUND


def test_a_policy_that_never_agrees_uses_the_whole_budget(run_method: Callable[..., Any]) -> None:
    policy = says(lambda k: k)
    run = run_method("adaptive", policy, budget=16)
    assert [(r.n, r.first) for r in policy.requests] == [(4, 0), (4, 4), (4, 8), (4, 12)]
    assert len(run.pool) == 16


def test_it_goes_on_for_as_long_as_it_is_not_settled(run_method: Callable[..., Any]) -> None:
    policy = says(lambda k: 0 if k == 0 else 1)  # 3 to 1, then 7 to 1
    assert len(run_method("adaptive", policy, budget=64).pool) == 8


@pytest.mark.parametrize("budget", [1, 3, 5, 6, 8])
def test_the_budget_is_never_exceeded(budget: int, run_method: Callable[..., Any]) -> None:
    policy = says(lambda k: k)
    assert len(run_method("adaptive", policy, budget=budget).pool) == budget
    assert sum(r.n for r in policy.requests) == budget
    assert all(r.n <= ROUND for r in policy.requests)


def test_the_samples_are_those_of_a_majority(run_method: Callable[..., Any]) -> None:
    policy = says(lambda k: k % 3)
    adaptive = run_method("adaptive", policy, budget=12).pool
    assert adaptive == run_method("majority", policy, budget=12).pool
    assert run_method("adaptive", policy, budget=64).pool[:12] == adaptive


def test_samples_without_an_answer_settle_nothing(run_method: Callable[..., Any]) -> None:
    policy = says(lambda k: None)
    assert len(run_method("adaptive", policy, budget=8).pool) == 8


def test_equivalent_answers_agree(run_method: Callable[..., Any]) -> None:
    answers = ["\\boxed{0.5}", "\\boxed{1/2}", "\\boxed{0.50}", "\\boxed{2/4}"]
    assert len(run_method("adaptive", FakePolicy(lambda _, k: answers[k % 4]), budget=64).pool) == ROUND


def test_no_prm_is_asked(run_method: Callable[..., Any]) -> None:
    prm = FakeRewardModel({})
    run_method("adaptive", says(lambda k: k), prm, budget=8)
    assert prm.calls == []


def test_it_stops_at_a_cap(run_method: Callable[..., Any]) -> None:
    policy = says(lambda k: k)
    run = run_method("adaptive", policy, budget=64, limits=Limits(max_tokens=10))
    assert run.limits.reached == "cap"
    assert run.cost.policy_generated_tokens == 10
    assert len(run.pool) == 5  # of two words each
