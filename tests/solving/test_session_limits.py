"""What limits a problem with a router: caps, deadlines, and models that fail."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tts_select import BackendError, InputError
from tts_select.core.arm import Arm
from tts_select.core.protocols import Continuation, Meter, SampleRequest
from tts_select.selector.portfolio import Portfolio
from tts_select.selector.routers.lookahead import LookaheadRouter
from tts_select.solving.session import GRADING_PHASE, PROBE_PHASE
from tts_select.testing import FakePolicy

PROBLEM = "Start with 3. Add 14. Add 9. Add 27. What is the result?"
STRANGE = PROBLEM.replace("What", "Whither")
HUGE = 1.0
"""A price at which nothing is worth a FLOP."""
FAMILIAR = [
    f"Start with {k}. {' '.join(f'Add {17 + (7 * k + 13 * j) % 80}.' for j in range(8))} What is the result?"
    for k in range(10, 20)
]


class SilentPolicy(FakePolicy):
    """Ends none of its solutions in an answer."""

    def _text(self, request: SampleRequest, index: int) -> str:
        return "no idea at all"


class StuckPolicy(FakePolicy):
    """Writes its first samples at once and never comes back from the next request."""

    async def sample(self, request: SampleRequest, meter: Meter) -> list[Continuation]:
        found = await super().sample(request, meter)
        if request.first or request.stop_at_step or not request.temperature:
            await asyncio.sleep(60)
        return found


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    problem=st.sampled_from(FAMILIAR),
    max_tokens=st.integers(1, 400),
    price=st.sampled_from([0.0, 1e-13, 1e-12, 1e-11]),
)
def test_a_cap_is_never_exceeded(lent: Any, problem: str, max_tokens: int, price: float) -> None:
    solution = lent.selector.solve(problem, max_tokens=max_tokens, price=price)
    assert solution.bill.total.policy_generated_tokens <= max_tokens
    assert solution.finished in ("complete", "cap")


def test_a_cap_within_the_probes_is_marked(lent: Any) -> None:
    solution = lent.selector.solve(PROBLEM, max_tokens=3, price=0.0)
    assert (solution.answer, solution.confidence, solution.finished) == (None, None, "cap")
    assert set(solution.bill.phases) == {PROBE_PHASE, GRADING_PHASE}


@pytest.mark.parametrize("cap", [{"max_tokens": 9}, {"max_flops": 2e6}])
def test_probes_without_an_answer_that_leave_nothing_to_spend_are_no_error(
    exact_router: LookaheadRouter, lend_at_cost: Callable[..., Any], cap: dict[str, Any]
) -> None:
    """What was bought is on the bill, so it is no mistake of the caller's."""
    lent = lend_at_cost(exact_router)
    lent.policies["p"]._script = lambda *_: "no idea at all"
    solution = lent.selector.solve(PROBLEM, price=0.0, **cap)
    assert (solution.answer, solution.text, solution.confidence) == (None, "", None)
    assert solution.bill.total.flops == 2e6


def test_a_policy_that_never_answers_ends_with_no_answer(
    exact_router: LookaheadRouter, lend_to: Callable[..., Any]
) -> None:
    lent = lend_to(exact_router, kind=SilentPolicy)
    solution = lent.selector.solve(PROBLEM, price=0.0)
    assert (solution.answer, solution.confidence, solution.finished) == (None, None, "complete")
    assert lent.samples == {"p": list(range(16))}
    assert len(solution.candidates) == 16


def test_at_a_huge_price_probes_without_an_answer_are_all(
    exact_router: LookaheadRouter, lend_to: Callable[..., Any]
) -> None:
    lent = lend_to(exact_router, kind=SilentPolicy)
    solution = lent.selector.solve(PROBLEM, price=HUGE)
    assert (solution.answer, set(solution.bill.phases)) == (None, {PROBE_PHASE, GRADING_PHASE})


@pytest.mark.parametrize(
    ("limit", "complaint"),
    [
        ({"max_tokens": 0}, "the cap is 0 tokens: allow at least 1"),
        ({"max_flops": 0.0}, r"the cap is 0\.0 FLOPs: allow more than 0"),
        ({"max_flops": float("nan")}, "the cap is nan FLOPs"),
        ({"deadline": 0.0}, r"the deadline is 0\.0 seconds: allow more than 0"),
        ({"deadline": -1.0}, "the deadline is -1"),
    ],
)
def test_limits_that_allow_nothing_are_refused(lent: Any, limit: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        lent.selector.solve(PROBLEM, **limit)
    assert lent.n_generated == 0


@pytest.mark.parametrize(("max_flops", "n"), [(3.9e6, 2), (4.1e6, 4), (9e6, 8), (16.1e6, 16)])
def test_arms_above_the_cap_in_flops_are_not_begun(exact: Any, max_flops: float, n: int) -> None:
    solution = exact.selector.solve(PROBLEM, max_flops=max_flops, price=0.0)
    assert solution.bill.total.flops == n * 1e6


@pytest.mark.parametrize("cap", [{"max_tokens": 1}, {"max_flops": 1.0}])
def test_caps_below_every_arm_are_named(lent: Any, cap: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="raise --max-flops or --max-tokens") as caught:
        lent.selector.plan(PROBLEM, probe=False, **cap)
    assert "cheapest arm" in str(caught.value)
    assert lent.n_generated == 0


def test_a_deadline_gives_the_best_answer_so_far(
    exact_router: LookaheadRouter, lend_to: Callable[..., Any]
) -> None:
    lent = lend_to(exact_router, kind=StuckPolicy)
    began = time.monotonic()
    solution = lent.selector.solve(PROBLEM, price=0.0, deadline=0.3)
    assert time.monotonic() - began < 5
    assert solution.finished == "deadline"
    assert solution.answer is not None
    assert solution.answer in {c.answer for c in solution.candidates}
    assert 0 <= solution.confidence <= 1
    assert len(solution.candidates) == 2


def test_a_deadline_before_the_first_sample_is_no_answer(
    exact_router: LookaheadRouter, lend_to: Callable[..., Any]
) -> None:
    class Deaf(FakePolicy):
        async def sample(self, request: SampleRequest, meter: Meter) -> list[Continuation]:
            await asyncio.sleep(60)
            return []

    solution = lend_to(exact_router, kind=Deaf).selector.solve(PROBLEM, deadline=0.1)
    assert (solution.answer, solution.confidence, solution.finished) == (None, None, "deadline")
    assert solution.candidates == ()


def test_probes_that_could_not_be_scored_in_time_still_answer(lent: Any) -> None:
    for prm in lent.prms.values():
        prm._delay = 60
    solution = lent.selector.solve(PROBLEM, deadline=0.3)
    assert solution.finished == "deadline"
    assert solution.answer is not None
    assert 0 <= solution.confidence <= 1
    assert {c.score for c in solution.candidates} == {None}


def test_a_fixed_arm_that_could_not_be_scored_in_time_still_answers(lent: Any) -> None:
    for prm in lent.prms.values():
        prm._delay = 60
    solution = lent.selector.solve(STRANGE, deadline=0.3)
    assert solution.finished == "deadline"
    assert solution.answer is not None
    assert len(solution.candidates) == lent.selector.router.portfolio[lent.selector.router.fallback].budget


@pytest.mark.parametrize(
    "search",
    [Arm("p", "r", "beam", 64), Arm("p", "r", "dvts", 64), Arm("p", None, "cot", 1)],
    ids=lambda a: a.method,
)
def test_what_is_cut_before_its_first_answer_leaves_that_of_the_probes(
    exact_router: LookaheadRouter, lend_to: Callable[..., Any], search: Arm
) -> None:
    router = replace(
        exact_router,
        portfolio=Portfolio("some", (exact_router.portfolio.arms[-1], search)),
        strengths={**exact_router.strengths, search.name: 0.5},
        mend=exact_router.difficulty["p"].model,  # one half, whatever the arm
    )
    lent = lend_to(router, kind=StuckPolicy)
    solution = lent.selector.solve(PROBLEM, price=0.0, deadline=0.3)
    assert len(lent.policies["p"].requests) > 1
    assert solution.finished == "deadline"
    assert solution.answer is not None
    assert len(solution.candidates) == 2


def test_loading_a_model_does_not_count_against_the_deadline(lent: Any) -> None:
    load = lent.policies.__getitem__

    def slow(name: str) -> FakePolicy:
        if not lent.policies[name].requests:
            time.sleep(0.4)
        return load(name)

    lent.selector.models._load_policy = slow
    solution = lent.selector.solve(PROBLEM, price=HUGE, deadline=0.3)
    assert solution.finished == "complete"
    assert solution.answer is not None


def test_after_a_failed_request_the_answer_at_hand_is_given_and_the_failure_said(
    exact_router: LookaheadRouter, lend_to: Callable[..., Any]
) -> None:
    lent = lend_to(exact_router, errors={1: BackendError("gone")})
    solution = lent.selector.solve(PROBLEM, price=0.0)
    assert solution.answer is not None
    assert solution.errors == ("gone",)
    assert lent.n_generated == 2


def test_without_an_answer_at_hand_a_failed_request_is_the_error_with_its_bill(
    exact_router: LookaheadRouter, lend_to: Callable[..., Any]
) -> None:
    lent = lend_to(exact_router, errors={0: BackendError("gone")})
    with pytest.raises(BackendError, match="gone") as failed:
        lent.selector.solve(PROBLEM, price=0.0)
    assert failed.value.bill is not None
    assert lent.n_generated == 1
