"""Prices in seconds: what the caller waits, exchanged by what the policies have taken so far."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.ladders import ladder_router
from tests.priors import written_prior
from tts_select import InputError, Solution, solve
from tts_select.core.arm import Arm
from tts_select.core.protocols import SampleRequest
from tts_select.executors.latency import KEPT, Length, latency_of
from tts_select.executors.registry import Loaders
from tts_select.executors.speed_law import Finished
from tts_select.selector.routers.prior import PriorRouter
from tts_select.selector.routers.prior_cascade import PriorCascade, Stage
from tts_select.solving.choosing import selector_for
from tts_select.solving.selector import Selector
from tts_select.testing import FakePolicy, FakeRewardModel

PROBLEM = "How many?"
TOKENS = 10


def scattered(request: SampleRequest, index: int) -> str:
    return " ".join(["word"] * (TOKENS - 1) + [f"\\boxed{{{index + 10}}}"])


def taught(policy: FakePolicy, seconds: float, crowd: float = 0.0) -> FakePolicy:
    """A request for one sample has taken so long, so often that what runs now changes little; each further
    sample adds `crowd`."""
    for k in range(KEPT):
        n, tokens = 1 + k % 16, TOKENS * (1 + k // 16)
        took = (seconds + crowd * (n - 1)) * tokens / TOKENS
        latency_of(policy).observe(Finished(took, 1, tokens, n))
    for _ in range(64):
        latency_of(policy).wrote(Length(TOKENS))
    return policy


def solved(policy: FakePolicy, **spending: Any) -> Solution:
    return solve(PROBLEM, policy=policy, **spending)


def test_a_slow_policy_is_asked_less_at_the_same_price() -> None:
    drawn = [
        len(solved(taught(FakePolicy(scattered), seconds), price="0.001/second").candidates)
        for seconds in (0.001, 30.0, 1000.0)
    ]
    assert drawn == sorted(drawn, reverse=True)
    assert (drawn[0], drawn[-1]) == (16, 2)


def test_a_price_of_nothing_a_second_is_a_vote_of_all() -> None:
    assert len(solved(FakePolicy(scattered), price="0/second").candidates) == 16


def test_before_anything_has_run_the_first_look_says_how_long_it_takes() -> None:
    fast, slow = FakePolicy(scattered), FakePolicy(scattered, delay=0.3)
    assert len(solved(fast, price="1e-3/second").candidates) == 16
    assert len(solved(slow, price="1/second").candidates) == 2


def outlook_at(policy: FakePolicy, price: str) -> Any:
    selector, _ = selector_for({"policy": policy})
    return selector.plan(PROBLEM, price=price)


def test_a_plan_is_at_the_price_of_the_next_round() -> None:
    """The prior draws one more sample after two: it is waited for as long as for two at once."""
    found = outlook_at(taught(FakePolicy(scattered), 6.0), "0.01/second")
    assert found.price == pytest.approx(0.06, rel=0.1)
    assert found.as_dict()["unit"] == "samples"
    crowded = outlook_at(taught(FakePolicy(scattered), 6.0, crowd=6.0), "0.01/second")
    assert crowded.price == pytest.approx(0.06, rel=0.25)


def test_options_of_a_plan_have_their_seconds_in_the_rounds_of_the_prior() -> None:
    """From two samples it looks at 3, 4, 5, 6, 7, 8, 10, 12, 14 and 16."""
    found = outlook_at(taught(FakePolicy(scattered), 6.0), "0.01/second")
    seconds = {o.arm.budget: o.seconds for o in found.options if o.arm is not None}
    assert seconds[3] == pytest.approx(6.0, rel=0.1)
    assert seconds[8] == pytest.approx(6 * 6.0, rel=0.1)
    assert seconds[16] == pytest.approx(10 * 6.0, rel=0.1)


def test_without_a_first_look_a_plan_needs_something_that_ran() -> None:
    selector, _ = selector_for({"policy": FakePolicy(scattered)})
    with pytest.raises(InputError, match="not known before it has run: take a first look"):
        selector.plan(PROBLEM, probe=False, price="0.01/second")
    selector.solve(PROBLEM)
    assert selector.plan(PROBLEM, probe=False, price="0.01/second").price > 0


LOGGED = ("log:small", "log:large")


def on_ladder(unit: str, seconds: float | None) -> Selector:
    """A ladder in some unit, whose policies have taken so long for a sample of ten tokens."""
    policies = {name: FakePolicy(scattered, name=name, n_parameters=500) for name in LOGGED}
    if seconds is not None:
        for policy in policies.values():
            taught(policy, seconds)
    return Selector(
        ladder_router(policies=LOGGED, unit=unit),
        loaders=Loaders(policies.__getitem__, lambda _: FakeRewardModel({})),
    )


@pytest.mark.parametrize(("unit", "units"), [("tokens", TOKENS), ("samples", 1), ("FLOPs", TOKENS * 1000)])
def test_a_ladder_in_any_unit_takes_a_price_in_seconds(unit: str, units: float) -> None:
    found = on_ladder(unit, 5.0).plan(PROBLEM, price="0.01/second")
    assert found.price == pytest.approx(0.01 * 5.0 / units, rel=0.1)
    short, long = (on_ladder(unit, s).solve(PROBLEM, price="0.01/second") for s in (1e4, 1e-4))
    assert len(short.candidates) < len(long.candidates)


@pytest.mark.parametrize("unit", ["tokens", "samples", "FLOPs"])
def test_the_first_step_of_a_ladder_is_that_of_medium_effort(unit: str) -> None:
    found = on_ladder(unit, None).solve(PROBLEM, price="1e9/second")
    assert len(found.candidates) == 1, "it shows how long a sample takes"
    with pytest.raises(InputError, match="not known before it has run"):
        on_ladder(unit, None).plan(PROBLEM, price="0.01/second")


def test_a_look_ahead_router_takes_a_price_in_seconds(
    exact_router: Any, lend_at_cost: Callable[..., Any]
) -> None:
    problem = "Start with 3. Add 14. Add 9. Add 27. What is the result?"

    def price(seconds: float) -> float:
        lent = lend_at_cost(exact_router)
        taught(lent.policies["p"], seconds)
        found = lent.selector.plan(problem, price="0.01/second").price
        assert isinstance(found, float)
        return found

    assert price(50.0) == pytest.approx(10 * price(5.0), rel=0.15)
    fresh = lend_at_cost(exact_router).selector.solve(problem, price="1e-3/second")
    assert math.isfinite(fresh.bill.total.flops)


def test_a_cascade_counts_samples_of_its_cheapest_policy() -> None:
    policies = {name: FakePolicy(scattered, name=name) for name in ("cheap", "dear")}
    taught(policies["cheap"], 5.0)
    taught(policies["dear"], 500.0)
    arms = (Arm(name, None, "majority", 4) for name in policies)
    stages = tuple(
        Stage(PriorRouter(written_prior(), arm), cost) for arm, cost in zip(arms, (1.0, 4.0), strict=True)
    )
    router = replace(PriorCascade(stages))
    selector = Selector(router, loaders=Loaders(policies.__getitem__, lambda _: FakeRewardModel({})))
    assert selector.plan(PROBLEM, price="0.01/second").price == pytest.approx(0.05, rel=0.15)
    assert selector.solve(PROBLEM, price="1e-6/second").plan.policy in policies
