"""Limits and seeds of `solve` where an engine is slow, late or busy."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from tts_select import asolve, solve
from tts_select.core.protocols import Continuation, Meter, SampleRequest
from tts_select.executors.latency import KEPT, Length, latency_of
from tts_select.executors.speed_law import Finished
from tts_select.testing import FakePolicy, FakeRewardModel

PROBLEM = "What is it?"
PRM = FakeRewardModel(lambda _, steps: [0.5] * len(steps))


class LatePolicy(FakePolicy):
    """Has one sample at once and is still writing the others at the deadline, which it sees a token late."""

    async def sample(self, request: SampleRequest, meter: Meter) -> list[Continuation]:
        first, *others = await super().sample(request, meter)
        if others and request.deadline is not None:
            await asyncio.sleep(max(0.0, request.deadline - time.monotonic()) + 0.005)
            others = [Continuation(c.text[:3], "deadline", 1, -1.0) for c in others]
        return [first, *others]


@pytest.mark.parametrize(("method", "prm"), [("majority", None), ("best_of_n", PRM)])
def test_what_was_finished_before_the_deadline_is_the_answer(method: str, prm: Any) -> None:
    policy = LatePolicy(lambda _, k: f"\\boxed{{{k}}}")
    solution = solve(PROBLEM, policy=policy, prm=prm, method=method, budget=3, deadline=0.5)
    assert (solution.answer, solution.finished) == ("0", "deadline")
    assert [c.candidate.finish for c in solution.candidates if c.answer is None] == ["deadline"] * 2


def test_a_beam_that_meets_the_deadline_answers_with_what_had_ended() -> None:
    def script(request: SampleRequest, index: int) -> str:
        if len(request.steps) < 2:
            return "\\boxed{7}" if index == 0 else f"step {index}\n\n"
        return "word " * 1000

    class SlowingPolicy(FakePolicy):
        async def sample(self, request: SampleRequest, meter: Meter) -> list[Continuation]:
            self._delay = 60.0 if len(request.steps) == 2 else 0.0
            return await super().sample(request, meter)

    prm = FakeRewardModel(lambda _, steps: [0.1 if "boxed" in s else 0.9 for s in steps])
    solution = solve(PROBLEM, policy=SlowingPolicy(script), prm=prm, method="beam", budget=4, deadline=0.5)
    assert (solution.answer, solution.finished) == ("7", "deadline")
    assert solution.bill.total.policy_generated_tokens > 0


def test_a_prm_that_is_too_slow_leaves_a_vote_without_scores() -> None:
    policy = FakePolicy(lambda _, k: f"\\boxed{{{min(k, 1)}}}")
    prm = FakeRewardModel(lambda *_: [0.5], delay=60)
    solution = solve(PROBLEM, policy=policy, prm=prm, method="best_of_n", budget=3, deadline=0.3)
    assert (solution.answer, solution.finished) == ("1", "deadline")
    assert {c.score for c in solution.candidates} == {None}


def test_a_policy_that_does_not_heed_the_deadline_is_left() -> None:
    class DeafPolicy(FakePolicy):
        async def sample(self, request: SampleRequest, meter: Meter) -> list[Continuation]:
            await asyncio.sleep(60)
            return await super().sample(request, meter)

    solution = solve(PROBLEM, policy=DeafPolicy({}), prm=None, method="majority", deadline=0.1)
    assert (solution.answer, solution.confidence, solution.finished) == (None, None, "deadline")
    assert solution.candidates == ()


WORDS = "one " * 9
ONE = WORDS + "\\boxed{1}"


def sure_of(policy: FakePolicy, *, seconds_a_sample: float) -> FakePolicy:
    """The policy has taken so long for each sample of a request, of ten words, and so often that what it
    takes now changes little."""
    for k in range(KEPT):
        n = 1 + k % 16
        latency_of(policy).observe(Finished(seconds_a_sample * n, 3, 10, n))
        for _ in range(4):
            latency_of(policy).wrote(Length(10))
    return policy


def n_of(policy: FakePolicy) -> list[int]:
    return [request.n for request in policy.requests]


def test_a_round_is_as_large_as_the_time_left_allows() -> None:
    policy = sure_of(FakePolicy(lambda _, k: f"{WORDS} \\boxed{{{k % 2}}}"), seconds_a_sample=100.0)
    solution = solve(PROBLEM, policy=policy, prm=None, method="majority", budget=16, deadline=600)
    assert n_of(policy)[0] == 5  # of 570 seconds; a twentieth of the deadline is kept
    assert solution.answer == "0"


def test_a_deadline_that_has_time_for_all_changes_nothing() -> None:
    policy = sure_of(FakePolicy(lambda *_: ONE), seconds_a_sample=1.0)
    solution = solve(PROBLEM, policy=policy, prm=None, method="majority", budget=16, deadline=600)
    assert (n_of(policy), solution.finished) == ([16], "complete")


def test_the_share_of_the_prm_is_kept() -> None:
    policy = sure_of(FakePolicy(lambda *_: ONE), seconds_a_sample=100.0)
    solution = solve(PROBLEM, policy=policy, prm=PRM, method="best_of_n", budget=16, deadline=600)
    assert n_of(policy)[0] == 4  # of 480 seconds
    assert {c.score for c in solution.candidates} == {0.5}


def test_without_time_for_one_sample_it_stops_with_the_answer_at_hand() -> None:
    policy = sure_of(FakePolicy(lambda *_: ONE), seconds_a_sample=100.0)
    solution = solve(PROBLEM, policy=policy, prm=None, method="majority", budget=16, deadline=50)
    assert n_of(policy) == [1]
    assert (solution.answer, solution.finished) == ("1", "deadline")
    assert solution.bill.total.policy_calls == 1


def test_without_an_answer_it_tries_for_one_whatever_is_predicted() -> None:
    policy = sure_of(FakePolicy(lambda _, k: ONE if k else f"{WORDS} unknown"), seconds_a_sample=100.0)
    solution = solve(PROBLEM, policy=policy, prm=None, method="majority", budget=16, deadline=50)
    assert n_of(policy) == [1, 1]
    assert (solution.answer, solution.finished) == ("1", "deadline")


def test_what_one_problem_taught_plans_the_next() -> None:
    policy = FakePolicy(lambda *_: ONE, delay=0.2)
    options = {"policy": policy, "prm": None, "method": "majority"}
    solve(PROBLEM, **options, budget=1, deadline=60)
    policy._delay = 0.0
    solution = solve("And what is that?", **options, budget=1000, deadline=10)
    assert policy.requests[0].n == 1
    assert policy.requests[1].n < 1000
    assert solution.answer == "1"


def test_a_search_that_has_no_time_is_tried_where_nothing_is_at_hand() -> None:
    policy = sure_of(FakePolicy(lambda *_: ONE), seconds_a_sample=100.0)
    solution = solve(PROBLEM, policy=policy, prm=PRM, method="beam", budget=4, deadline=10)
    assert (solution.answer, solution.finished) == ("1", "complete")


def test_problems_in_flight_together_are_answered_as_alone(tiny_llama: Any) -> None:
    from tts_select.executors.policies.transformers import TransformersPolicy

    policy = TransformersPolicy(tiny_llama, name="tiny")
    options = {"policy": policy, "prm": None, "method": "majority", "budget": 3, "max_tokens": 40}
    problems = [f"Start with {k}. Add 1. What is the result?" for k in range(10, 15)]

    async def together() -> list[Any]:
        return await asyncio.gather(*(asolve(p, **options) for p in problems))

    def shown(solution: Any) -> list[Any]:
        return [(c.text, c.candidate.finish) for c in solution.candidates]

    crowd = asyncio.run(together())
    assert [shown(s) for s in crowd] == [shown(solve(p, **options)) for p in problems]


def test_a_solve_that_was_cut_does_not_harm_the_next_one(tiny_llama: Any) -> None:
    from tts_select.executors.policies.transformers import TransformersPolicy

    policy = TransformersPolicy(tiny_llama, name="tiny")
    options = {"policy": policy, "prm": None, "method": "majority", "budget": 4}
    problem = "Start with 14. Multiply by 3. What is the result?"
    for deadline in (0.001, 0.01, 0.03):
        solve(problem, **options, deadline=deadline)
    again = solve(problem, **options, max_tokens=100)
    assert again.bill.total.policy_generated_tokens > 0
