"""Money: what a solution costs in dollars, and what keeps to a cap or a shared budget in dollars."""

from __future__ import annotations

import asyncio
import io
import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ladders import ladder_router
from tts_select import InputError, Problem, load_policy, solve
from tts_select.core.pricing import MILLION, TokenPrice, dollars_of
from tts_select.core.protocols import SampleRequest
from tts_select.executors.registry import Loaders
from tts_select.selector.deciding import Unit
from tts_select.selector.routers.lookahead import LookaheadRouter
from tts_select.solving.batch import Summary
from tts_select.solving.selector import Selector
from tts_select.solving.shared_budget import Purse, solve_from_purse
from tts_select.testing import FakePolicy, FakeRewardModel, FakeServer

PRICE = TokenPrice(input=1.0, output=4.0, cached=0.25)
PRM_PRICE = TokenPrice(input=3.0, output=0.0, cached=3.0)
PROBLEM = "Start with 3. Add 14. Add 9. Add 27. What is the result?"
LOGGED = ("log:small", "log:large")
"""Names in an imported log, which says nothing of weights."""
LONG = "so it is now clear beyond any doubt that"


def write(request: SampleRequest, index: int) -> str:
    return "\n\n".join([LONG] * (1 + index % 3 - min(index % 3, len(request.steps)))) + r" \boxed{7}"


def priced(**prices: Any) -> dict[str, Any]:
    return {
        "policy": FakePolicy(write, price=prices.get("policy", PRICE)),
        "prm": FakeRewardModel(lambda _, steps: [0.5] * len(steps), price=prices.get("prm", PRM_PRICE)),
    }


@pytest.fixture
def tariffed(exact: Any) -> Any:
    exact.policies["p"].price = PRICE
    exact.prms["r"].price = PRM_PRICE
    return exact


@pytest.mark.parametrize("method", ["cot", "majority", "adaptive", "best_of_n", "beam", "dvts"])
def test_the_dollars_are_the_tokens_at_their_prices(method: str) -> None:
    solution = solve(PROBLEM, method=method, budget=8, **priced())
    total = solution.bill.total
    assert total.dollars == pytest.approx(dollars_of(total, PRICE, PRM_PRICE))
    assert total.dollars > 0
    for cost in solution.bill.phases.values():
        assert cost.dollars == pytest.approx(dollars_of(cost, PRICE, PRM_PRICE))


def test_what_is_not_priced_is_not_known() -> None:
    solution = solve(PROBLEM, method="best_of_n", budget=4, **priced(prm=None))
    assert math.isnan(solution.bill.total.dollars)
    assert solution.as_dict()["cost"]["dollars"] is None  # type: ignore[index]
    json.dumps(solution.as_dict(), allow_nan=False)
    alone = solve(PROBLEM, method="majority", budget=4, **priced(prm=None))
    assert alone.bill.total.dollars > 0, "the PRM took no part"


def test_a_served_policy_has_the_price_that_it_is_loaded_with() -> None:
    with FakeServer(lambda prompt, seed: r"It is \boxed{2}.") as server:
        price = {"input": 10, "output": 1000}
        policy = load_policy("openai:fake", base_url=server.url, fresh=True, price=price)
        total = solve("1 + 1?", policy=policy, method="majority", budget=3).bill.total
        named = {"base_url": server.url, "policy_options": {"price": TokenPrice(10.0, 1000.0, 10.0)}}
        again = solve("1 + 1?", policy="openai:fake", method="majority", budget=3, **named).bill.total
    assert total.dollars == again.dollars
    expected = total.policy_prompt_tokens * 10 + total.policy_generated_tokens * 1000
    assert total.dollars == pytest.approx(expected / MILLION)


def test_a_local_model_may_have_a_price() -> None:
    policy = load_policy("world:small", fresh=True, price={"input": 0, "output": 1})
    total = solve(PROBLEM, policy=policy, method="cot").bill.total
    assert total.dollars == pytest.approx(total.policy_generated_tokens / MILLION)


@settings(max_examples=40, deadline=None)
@given(
    cap=st.integers(1, 3_000),
    method=st.sampled_from(["cot", "majority", "best_of_n", "beam", "dvts"]),
    max_new_tokens=st.integers(2, 60),
)
def test_what_is_written_never_costs_more_than_the_cap(cap: int, method: str, max_new_tokens: int) -> None:
    """What is read is free here, so that the cap is kept to the token."""
    free = {"policy": TokenPrice(0.0, 1.0, 0.0), "prm": TokenPrice(0.0, 0.0, 0.0)}
    solution = solve(
        PROBLEM, method=method, budget=8, max_dollars=cap / MILLION, max_new_tokens=max_new_tokens,
        **priced(**free),
    )  # fmt: skip
    assert solution.bill.total.dollars <= cap / MILLION * (1 + 1e-9)
    assert solution.bill.total.policy_generated_tokens <= cap


def test_what_is_read_may_pass_the_cap_and_then_ends_the_search() -> None:
    dear = {"policy": TokenPrice(100.0, 1.0, 100.0)}
    solution = solve(PROBLEM, method="beam", budget=4, max_dollars=50 / MILLION, **priced(**dear))
    assert solution.finished == "cap"
    assert 0 < solution.bill.total.policy_calls < 3


def test_a_wide_cap_changes_nothing() -> None:
    for method in ("majority", "beam", "dvts"):
        free, capped = (
            solve(PROBLEM, method=method, budget=8, **priced(), **more)
            for more in ({}, {"max_dollars": 100.0})
        )
        assert capped.finished == "complete"
        assert capped.bill.total.policy_generated_tokens == free.bill.total.policy_generated_tokens
        assert capped.answer == free.answer


def test_a_cap_without_a_price_names_the_remedy() -> None:
    with pytest.raises(InputError, match=r"the price of fake is not known.*--policy-option price="):
        solve(PROBLEM, method="majority", max_dollars=1.0, **priced(policy=None))
    with pytest.raises(InputError, match=r"the price of fake-prm is not known.*--prm-option"):
        solve(PROBLEM, method="best_of_n", max_dollars=1.0, **priced(prm=None))


@pytest.mark.parametrize("cap", [0.0, -1.0, math.nan])
def test_a_cap_that_allows_nothing_is_refused(cap: float) -> None:
    with pytest.raises(InputError, match="dollars: allow more than 0"):
        solve(PROBLEM, method="majority", max_dollars=cap, **priced())


def test_a_router_keeps_to_a_cap_in_dollars(tariffed: Any) -> None:
    whole = tariffed.selector.solve(PROBLEM, price=0.0).bill.total.dollars
    for share in (0.4, 0.5, 0.8):  # the probes alone take 0.31
        capped = tariffed.selector.solve(PROBLEM, price=0.0, max_dollars=share * whole)
        assert capped.bill.total.dollars <= share * whole * (1 + 1e-9)
    with pytest.raises(InputError, match=r"dollars\): raise --max-flops or --max-tokens or --max-dollars"):
        tariffed.selector.plan(PROBLEM, probe=False, max_dollars=1e-12)


def test_a_router_whose_models_have_no_prices_takes_no_cap_in_dollars(exact: Any) -> None:
    with pytest.raises(InputError, match="the price of p is not known"):
        exact.selector.solve(PROBLEM, max_dollars=1.0)


def test_a_plan_has_the_dollars_of_its_options(tariffed: Any) -> None:
    record = tariffed.selector.plan(PROBLEM).as_dict()
    assert all(option["dollars"] is not None for option in record["options"])
    largest = max(record["options"], key=lambda o: o["flops"])
    assert largest["dollars"] == max(o["dollars"] for o in record["options"])


def test_a_price_per_dollar_is_the_same_as_one_per_flop(tariffed: Any) -> None:
    """A token of the policy costs 4 millionths of a dollar and so many FLOPs."""
    flops = 2 * tariffed.policies["p"].n_parameters
    for per_flop in (0.0, 1e-9, 1e-7, 1e-5):
        per_dollar = per_flop * flops / (PRICE.output / MILLION)
        one = tariffed.selector.plan(PROBLEM, price=per_flop)
        other = tariffed.selector.plan(PROBLEM, price=f"{per_dollar!r}/dollar")
        assert other.price == pytest.approx(one.price)
        assert other.chosen.name == one.chosen.name


def test_a_price_that_cannot_be_exchanged_is_refused(exact: Any) -> None:
    with pytest.raises(InputError, match="cannot be exchanged: the price of p is not known"):
        exact.selector.plan(PROBLEM, price="0.1/dollar")
    assert not exact.policies["p"].requests, "it is said before anything is spent"


def test_what_a_unit_is_shows_when_something_has_run() -> None:
    router = ladder_router(policies=LOGGED, unit="samples")
    policies = {name: FakePolicy(write, name=name) for name in LOGGED}
    selector = Selector(router, loaders=Loaders(policies.__getitem__, lambda _: FakeRewardModel({})))
    with pytest.raises(InputError, match="what these are in samples, which the router counts, is not known"):
        selector.plan(PROBLEM, price="1e-3/token")
    assert selector.solve(PROBLEM, price="1e-3/token").answer == "7"


def test_a_ladder_in_tokens_takes_a_price_in_dollars() -> None:
    router = ladder_router(policies=LOGGED)
    policies = {name: FakePolicy(write, name=name, price=PRICE) for name in LOGGED}
    selector = Selector(router, loaders=Loaders(policies.__getitem__, lambda _: FakeRewardModel({})))
    low, high = (selector.plan(PROBLEM, price=f"{p * MILLION / PRICE.output}/dollar") for p in (1e-4, 1e-1))
    assert (low.price, high.price) == (pytest.approx(1e-4), pytest.approx(1e-1))
    assert low.chosen.p_correct > high.chosen.p_correct
    assert low.chosen.dollars > high.chosen.dollars > 0


def problems(n: int) -> list[Problem]:
    return [Problem("Add one more. " * (1 + k % 9), f"p{k}", "7") for k in range(n)]


def spend(lent: Any, todo: list[Problem], limit: float, unit: Unit = "dollars") -> Summary:
    out, purse = io.StringIO(), Purse(limit, unit)
    return asyncio.run(solve_from_purse(todo, lent.selector, purse, out, progress=lambda _: None))


def test_a_purse_may_hold_dollars(exact_router: LookaheadRouter, lend_at_cost: Callable[..., Any]) -> None:
    lent = lend_at_cost(exact_router)
    for model in (*lent.policies.values(), *lent.prms.values()):
        model.price = TokenPrice(0.0, 1.0, 0.0)
    whole = spend(lent, problems(9), 1.0).cost.dollars
    for share in (0.3, 0.6):
        assert 0 < spend(lent, problems(9), share * whole).cost.dollars <= share * whole * (1 + 1e-9)
    with pytest.raises(
        InputError, match=r"the probes of 9 problems alone took .* dollars: raise --total-dol"
    ):
        spend(lent, problems(9), 1e-9)


def test_a_purse_of_dollars_needs_prices(exact: Any) -> None:
    with pytest.raises(InputError, match="the price of p is not known"):
        spend(exact, problems(2), 1.0)
