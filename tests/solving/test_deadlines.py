"""Limits and seeds of `solve` where an engine is slow, late or busy."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from tts_select import asolve, solve
from tts_select.core.protocols import Continuation, Meter, SampleRequest
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
