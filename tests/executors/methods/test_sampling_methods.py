"""cot, majority and best_of_n: whole solutions, written independently."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tts_select.executors.methods.self_certainty import self_certainty
from tts_select.executors.methods.weighted_majority import weighted_majority
from tts_select.testing import FakePolicy, FakeRewardModel

ANSWERS = ["one \\boxed{1}", "two \\boxed{2}", "other two \\boxed{2}", "three \\boxed{3}"]
SCORES = dict(zip(ANSWERS, (0.1, 0.2, 0.3, 0.9), strict=True))


@pytest.fixture
def policy(problem: str) -> FakePolicy:
    return FakePolicy({(problem, ()): ANSWERS})


def test_cot_is_one_greedy_solution_whatever_the_budget(
    policy: FakePolicy, run_method: Callable[..., Any]
) -> None:
    run = run_method("cot", policy, budget=16)
    assert [c.steps for c in run.pool] == [(ANSWERS[0],)]
    assert [(r.n, r.temperature) for r in policy.requests] == [(1, 0.0)]


def test_majority_writes_the_whole_budget_in_one_request(
    policy: FakePolicy, run_method: Callable[..., Any]
) -> None:
    run = run_method("majority", policy, budget=6)
    assert [c.steps[0] for c in run.pool] == [ANSWERS[k % 4] for k in range(6)]
    assert [r.n for r in policy.requests] == [6]


def test_majority_asks_no_prm(policy: FakePolicy, run_method: Callable[..., Any]) -> None:
    prm = FakeRewardModel(SCORES)
    run = run_method("majority", policy, prm)
    assert prm.calls == []
    assert {c.step_scores for c in run.pool} == {None}


@pytest.mark.parametrize("method", ["weighted_majority", "self_certainty"])
def test_a_weighted_majority_is_the_same_samples(
    policy: FakePolicy, run_method: Callable[..., Any], method: str
) -> None:
    weighted = run_method(method, policy, FakeRewardModel(SCORES), budget=6).pool
    assert weighted == run_method("majority", policy, budget=6).pool


def test_a_policy_that_tells_no_likelihood_is_named(
    policy: FakePolicy,
    new_run: Callable[..., Any],
    in_time: Callable[..., Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = new_run(policy)
    in_time(weighted_majority(run.search))
    assert caplog.messages == []
    run = new_run(policy)
    run.search.logprobs = False
    in_time(weighted_majority(run.search))
    assert caplog.messages == ["fake gives no log-probabilities: its votes count alike, as those of majority"]


def test_a_policy_that_tells_no_likely_tokens_is_named(
    policy: FakePolicy,
    new_run: Callable[..., Any],
    in_time: Callable[..., Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = new_run(policy)
    run.search.top_logprobs = 20
    in_time(self_certainty(run.search))
    assert caplog.messages == []
    in_time(self_certainty(new_run(policy).search))
    assert caplog.messages == [
        "fake gives no log-probabilities of the most likely tokens: its votes count alike, as those of "
        "majority"
    ]


def test_a_larger_majority_begins_with_the_smaller_one(
    policy: FakePolicy, run_method: Callable[..., Any]
) -> None:
    assert run_method("majority", policy, budget=8).pool[:3] == run_method("majority", policy, budget=3).pool


def test_best_of_n_scores_every_solution(policy: FakePolicy, run_method: Callable[..., Any]) -> None:
    prm = FakeRewardModel(SCORES)
    run = run_method("best_of_n", policy, prm, budget=4)
    assert [c.step_scores for c in run.pool] == [(0.1,), (0.2,), (0.3,), (0.9,)]
    assert len(prm.calls) == 4
    assert run.cost.prm_calls == 4


def test_best_of_n_keeps_unscored_solutions_when_it_is_cut_while_scoring(
    policy: FakePolicy, new_run: Callable[..., Any], in_time: Callable[..., Any]
) -> None:
    import asyncio

    from tts_select.executors.methods.best_of_n import best_of_n

    run = new_run(policy, FakeRewardModel(SCORES, delay=60))

    async def cut() -> None:
        async with asyncio.timeout(0.05):
            await best_of_n(run.search)

    with pytest.raises(TimeoutError):
        in_time(cut())
    assert [c.steps[0] for c in run.pool] == ANSWERS
