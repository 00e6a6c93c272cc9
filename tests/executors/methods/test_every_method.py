"""What holds for every search method, the defects of published implementations first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tts_select.core.errors import BackendError, ProblemTooLong
from tts_select.core.methods import METHODS
from tts_select.core.protocols import SampleRequest
from tts_select.core.seeds import derive_seed
from tts_select.executors.aggregation import choose, rank
from tts_select.testing import FakePolicy, FakeRewardModel

BUDGETS = [1, 3, 4, 6, 16]

every_method = pytest.mark.parametrize("method", METHODS)


def length_of(request: SampleRequest, index: int) -> int:
    return 1 + derive_seed(request.seed, index) % 4


def story(request: SampleRequest, index: int) -> str:
    """Three steps of 1-4 words that differ from sample to sample, with an answer in the last."""
    done = len(request.steps)
    steps = [
        f"s{done + k} " + " ".join(f"w{derive_seed(request.seed, index, k) % 7}" for _ in range(n))
        for k, n in enumerate([length_of(request, index)] * (2 - done))
    ]
    return "\n\n".join([*steps, f"\\boxed{{{derive_seed(request.seed, index) % 5}}}"])


def score_by_text(problem: str, steps: tuple[str, ...]) -> list[float]:
    """Every step has its own score."""
    return [derive_seed(problem, steps[: k + 1]) % 1000 / 1000 for k in range(len(steps))]


@every_method
@pytest.mark.parametrize("budget", BUDGETS)
def test_the_bill_is_exactly_what_the_policy_wrote(
    method: str, budget: int, run_method: Callable[..., Any], counting_policy: type[Any]
) -> None:
    policy = counting_policy(story)
    run = run_method(method, policy, FakeRewardModel(score_by_text), budget=budget)
    assert run.cost.policy_generated_tokens == policy.n_written > 0
    assert run.cost.policy_calls == len(policy.requests)


@every_method
@pytest.mark.parametrize("budget", BUDGETS)
def test_every_budget_ends_in_an_answer(method: str, budget: int, run_method: Callable[..., Any]) -> None:
    run = run_method(method, FakePolicy(story), FakeRewardModel(score_by_text), budget=budget)
    assert choose(rank(run.pool, "last"), "vote") is not None
    assert all(c.is_complete and len(c.steps) == 3 for c in run.pool)
    if METHODS[method].needs_prm:
        assert all(c.step_scores and len(c.step_scores) == 3 for c in run.pool)


@every_method
def test_no_more_candidates_are_in_flight_than_the_budget_allows(
    method: str, run_method: Callable[..., Any]
) -> None:
    policy = FakePolicy(story)
    run_method(method, policy, FakeRewardModel(score_by_text), budget=8)
    for depth in range(3):
        assert sum(r.n for r in policy.requests if len(r.steps) == depth) <= 8


@every_method
@pytest.mark.parametrize("ending", ["\n\n", "\n\n\n\n", "\n\n \n\n", "\n"])
def test_an_empty_step_is_neither_kept_nor_scored(
    method: str, ending: str, run_method: Callable[..., Any]
) -> None:
    def script(request: SampleRequest, _: int) -> str:
        left = ["first", "\\boxed{1}"][len(request.steps) :]
        return "\n\n".join(left) + ending

    prm = FakeRewardModel({"first": 0.2, "\\boxed{1}": 0.4})
    run = run_method(method, FakePolicy(script), prm, budget=4)
    assert {c.steps for c in run.pool} == {("first", "\\boxed{1}")}
    assert all(steps in (("first",), ("first", "\\boxed{1}")) for _, steps in prm.calls)
    if METHODS[method].needs_prm:
        assert {c.step_scores for c in run.pool} == {(0.2, 0.4)}


@every_method
def test_a_solution_that_ran_out_of_tokens_is_no_answer(method: str, run_method: Callable[..., Any]) -> None:
    policy = FakePolicy(lambda *_: "\\boxed{1} is what one would say if there were room")
    run = run_method(method, policy, FakeRewardModel(score_by_text), budget=4, max_new_tokens=3)
    assert run.pool
    assert {c.finish for c in run.pool} == {"length"}
    assert choose(rank(run.pool, "last"), "vote") is None


@pytest.mark.parametrize(
    ("method", "call"),
    [(m, k) for m in METHODS for k in range(3 if m in ("beam", "dvts") else 1)],
)
def test_a_failed_request_is_an_error_and_never_an_answer_or_a_vote(
    method: str, call: int, run_method: Callable[..., Any]
) -> None:
    policy = FakePolicy(story, errors={call: BackendError("server failed: \\boxed{13}")})
    with pytest.raises(BackendError, match="server failed"):
        run_method(method, policy, FakeRewardModel(score_by_text), budget=4)


@every_method
def test_a_prm_that_fails_is_an_error(method: str, run_method: Callable[..., Any]) -> None:
    def fail(*_: object) -> list[float]:
        raise BackendError("out of memory")

    if METHODS[method].needs_prm:
        with pytest.raises(BackendError, match="out of memory"):
            run_method(method, FakePolicy(story), FakeRewardModel(fail))
    else:
        assert run_method(method, FakePolicy(story), FakeRewardModel(fail)).pool


@every_method
@pytest.mark.parametrize("text", ["\n\nmore", " \n\nmore", "\n\n", ""])
def test_a_policy_that_writes_nothing_for_ever_is_given_up(
    method: str, text: str, run_method: Callable[..., Any]
) -> None:
    policy = FakePolicy(lambda *_: text)
    run = run_method(method, policy, FakeRewardModel(score_by_text), budget=4)
    assert choose(rank(run.pool, "last"), "vote") is None
    assert len(policy.requests) <= (4 if METHODS[method].stop_rule else 2)  # of four samples


@every_method
def test_no_candidate_has_more_steps_than_allowed(method: str, run_method: Callable[..., Any]) -> None:
    policy = FakePolicy(lambda request, k: f"go {k}\n\n" * 50 + f"\\boxed{{{request.n}}}")
    run = run_method(method, policy, FakeRewardModel(score_by_text), budget=4, max_steps=5)
    assert {len(c.steps) for c in run.pool} == {5}
    assert {c.finish for c in run.pool} == {"length"}
    assert choose(rank(run.pool, "last"), "vote") is None


@every_method
@pytest.mark.parametrize("max_new_tokens", [1, 2, 3, 5, 6, 7])
def test_no_candidate_has_more_tokens_than_allowed(
    method: str, max_new_tokens: int, run_method: Callable[..., Any]
) -> None:
    policy = FakePolicy(lambda _, k: f"one two {k}\n\n" * 50)
    run = run_method(method, policy, FakeRewardModel(score_by_text), budget=4, max_new_tokens=max_new_tokens)
    assert run.pool
    assert max(c.n_tokens for c in run.pool) <= max_new_tokens


@every_method
def test_a_problem_that_the_policy_cannot_read_is_an_error(
    method: str, run_method: Callable[..., Any]
) -> None:
    error = ProblemTooLong(n_tokens=2, context=1, model="fake")
    with pytest.raises(ProblemTooLong):
        run_method(method, FakePolicy(story, errors={0: error}), FakeRewardModel(score_by_text), budget=4)


@every_method
def test_a_solution_that_is_too_long_for_the_prm_stays_unscored(
    method: str, run_method: Callable[..., Any]
) -> None:
    def score(problem: str, steps: tuple[str, ...]) -> list[float]:
        if len(steps) == 3:
            raise ProblemTooLong(n_tokens=2, context=1, model="fake-prm")
        return score_by_text(problem, steps)

    run = run_method(method, FakePolicy(story), FakeRewardModel(score), budget=4)
    assert {c.step_scores for c in run.pool} == {None}
    assert choose(rank(run.pool, "last"), "vote") is not None


@every_method
def test_one_seed_fixes_the_result_and_another_changes_it(
    method: str, run_method: Callable[..., Any]
) -> None:
    def pool(seed: int) -> list[Any]:
        prm = FakeRewardModel(score_by_text)
        return list(run_method(method, FakePolicy(story), prm, budget=8, seed=seed).pool)

    assert pool(1) == pool(1)
    assert pool(1) != pool(2)


@every_method
def test_the_result_does_not_depend_on_which_request_is_answered_first(
    method: str, run_method: Callable[..., Any], uneven_policy: type[Any]
) -> None:
    pools = []
    for salt in range(4):
        policy = uneven_policy(story)
        policy.salt = salt
        pools.append(run_method(method, policy, FakeRewardModel(score_by_text), budget=16).pool)
    assert pools[1:] == pools[:-1]


@every_method
def test_settings_reach_the_policy(method: str, run_method: Callable[..., Any]) -> None:
    policy = FakePolicy(story)
    run_method(method, policy, FakeRewardModel(score_by_text), temperature=0.3, top_p=0.9)
    assert {r.temperature for r in policy.requests} == {0.0 if method == "cot" else 0.3}
    assert {r.top_p for r in policy.requests} == {0.9}
    assert {r.stop_at_step for r in policy.requests} == {method in ("beam", "dvts")}


@every_method
def test_tokens_and_log_probabilities_of_a_candidate_are_those_of_all_its_steps(
    method: str, run_method: Callable[..., Any]
) -> None:
    run = run_method(method, FakePolicy(story), FakeRewardModel(score_by_text), budget=8)
    for candidate in run.pool:
        assert candidate.n_tokens == len(" ".join(candidate.steps).split())
        assert candidate.logprob == -candidate.n_tokens
