"""What holds for every router and every method in a live session: one suite, so that none is an exception."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from tests.priors import prior_router, scored_router
from tts_select import BackendError, Problem, Selector
from tts_select.core.arm import Arm
from tts_select.core.errors import ProblemTooLong
from tts_select.core.methods import METHODS
from tts_select.core.protocols import Meter, SampleRequest
from tts_select.executors.registry import Loaders
from tts_select.selector.routers.cascade import Cascade
from tts_select.selector.routers.named import NamedArm
from tts_select.solving.session import GRADING_PHASE
from tts_select.testing import FakePolicy, FakeRewardModel

PROBLEM = "Start with 3. Add 14. Add 9. Add 27. What is the result?"
LONG = "a very long step"
STEPS = ("short step", "\\boxed{53}")

Selects = Callable[..., Selector]


def writes(request: SampleRequest, index: int) -> str:
    """Every third solution has a long step."""
    first = LONG if index % 3 == 2 else STEPS[0]
    return STEPS[1] if request.steps else f"{first}\n\n{STEPS[1]}"


def intervals(request: SampleRequest, index: int) -> str:
    """Answers that only slow mathematics can tell apart."""
    return f"so\n\n\\boxed{{(-\\infty, \\sqrt{{{index + 2}}}] \\cup [\\pi^{{{index}}}, \\infty)}}"


class ShortSighted(FakeRewardModel):
    """Cannot read a long step."""

    async def score(self, problem: str, steps: Sequence[str], *, meter: Meter | None = None) -> list[float]:
        if LONG in steps:
            raise ProblemTooLong(n_tokens=9000, context=4096, model=self.name)
        return await super().score(problem, steps, meter=meter)


class Broken(FakeRewardModel):
    """Always fails."""

    async def score(self, problem: str, steps: Sequence[str], *, meter: Meter | None = None) -> list[float]:
        raise BackendError("the PRM is gone")


def lend(script: Any, prm: type[FakeRewardModel]) -> Loaders:
    return Loaders(
        lambda name: FakePolicy(script, name=name),
        lambda name: prm(lambda _, steps: [0.5] * len(steps), name=name),
    )


@pytest.fixture(params=[*METHODS, "cascade", "look-ahead", "prior", "prior+prm"])
def selects(request: pytest.FixtureRequest, exact_router: Any) -> Selects:
    """A selector of the router, over a script and a PRM."""

    def make(script: Any = writes, prm: type[FakeRewardModel] = FakeRewardModel) -> Selector:
        loaders = lend(script, prm)
        if request.param == "look-ahead":
            return Selector(replace(exact_router, fingerprints={}), loaders=loaders)
        if request.param == "cascade":
            return Selector(Cascade.of("p", "q", budget=6), loaders=loaders)
        if request.param == "prior":
            return Selector(prior_router("p", 6), loaders=loaders)
        if request.param == "prior+prm":
            return Selector(scored_router("p", "r", 6), loaders=loaders)
        method = METHODS[request.param]
        arm = Arm("p", "r" if method.needs_prm else None, request.param, 1 if method.is_greedy else 6)
        return Selector(NamedArm(arm), loaders=loaders)

    return make


def test_it_answers_with_its_steps_and_the_kind_of_its_confidence(selects: Selects) -> None:
    selector = selects()
    solution = selector.solve(PROBLEM)
    assert solution.answer == "53"
    assert solution.confidence_kind == selector.router.confidence_kind
    assert solution.confidence is None or 0 <= solution.confidence <= 1
    assert solution.steps
    total = solution.bill.total
    assert sum(s.cost.policy_generated_tokens for s in solution.steps) == total.policy_generated_tokens
    known = [*selector.router.portfolio.arms, selector.router.first_look]
    assert {re.sub(r"@\d+", "", s.arm) for s in solution.steps} <= {
        re.sub(r"@\d+", "", arm.name) for arm in known if arm is not None
    }
    assert all(s.n >= 1 and s.why for s in solution.steps)
    assert solution.as_dict()["steps"] == [s.as_dict() for s in solution.steps]


def test_a_sample_that_the_prm_cannot_read_stays_unscored(selects: Selects) -> None:
    selector = selects(prm=ShortSighted)
    solution = selector.solve(PROBLEM)
    assert solution.answer == "53"
    assert not selector.router.portfolio.prms or all(
        c.score is None for c in solution.candidates if LONG in c.candidate.steps
    )


def test_what_was_spent_is_told_when_a_prm_fails(selects: Selects) -> None:
    selector = selects(prm=Broken)
    if not selector.router.portfolio.prms:
        assert selector.solve(PROBLEM).answer == "53"
        return
    with pytest.raises(BackendError, match="the PRM is gone") as failed:
        selector.solve(PROBLEM)
    assert failed.value.bill is not None
    assert failed.value.bill.total.policy_generated_tokens > 0


def test_a_plan_runs_nothing_but_the_first_look(selects: Selects) -> None:
    selector = selects()
    outlook = selector.plan(PROBLEM)
    probe = selector.router.first_look
    assert outlook.n_probes == (probe.budget if probe else 0)
    assert outlook.options
    assert outlook.as_dict()["options"]


def test_slow_grading_ends_with_the_deadline_and_holds_up_nobody(selects: Selects) -> None:
    selector = selects(intervals)
    ticks: list[float] = []

    async def tick() -> None:
        while True:
            ticks.append(time.monotonic())
            await asyncio.sleep(0.01)

    async def both() -> Any:
        beside = asyncio.create_task(tick())
        try:
            return await selector.asolve(PROBLEM, deadline=0.3)
        finally:
            beside.cancel()

    selector.models.load(selector.router.portfolio)
    began = time.monotonic()
    solution = asyncio.run(both())
    assert time.monotonic() - began < 3
    assert max((after - before for before, after in pairwise(ticks)), default=0.0) < 1
    assert solution.bill.phases[GRADING_PHASE].seconds > 0


def test_the_seed_fixes_the_answer_at_any_concurrency(selects: Selects) -> None:
    async def together() -> list[Any]:
        selector = selects()
        return await asyncio.gather(*(selector.asolve(f"{PROBLEM} {k}", seed=3) for k in range(4)))

    alone = [selects().solve(f"{PROBLEM} {k}", seed=3) for k in range(4)]
    found = asyncio.run(together())
    assert [(s.answer, s.confidence, s.candidates) for s in found] == [
        (s.answer, s.confidence, s.candidates) for s in alone
    ]


def test_a_cap_is_kept(selects: Selects) -> None:
    solution = selects().solve(Problem(PROBLEM), max_tokens=9)
    assert solution.bill.total.policy_generated_tokens <= 9


def test_solutions_that_ran_out_of_tokens_are_counted_and_named_as_the_cause(selects: Selects) -> None:
    def endless(request: SampleRequest, index: int) -> str:
        return "and so on " * 3000 if index % 2 == 0 or request.steps else writes(request, index)

    solution = selects(endless).solve(PROBLEM)
    assert solution.n_cut > 0
    assert solution.as_dict()["n_cut"] == solution.n_cut
    assert "solutions were cut at 2,048 tokens: raise --max-new-tokens" in solution.plan.reason
    whole = selects().solve(PROBLEM)
    assert (whole.n_cut, "cut" in whole.plan.reason) == (0, False)
