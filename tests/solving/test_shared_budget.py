"""One purse for many problems: what is spent, and where it goes."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tts_select import BackendError, InputError, Problem
from tts_select.selector.deciding import Option, Unit
from tts_select.selector.routers.lookahead import LookaheadRouter
from tts_select.solving.batch import Summary
from tts_select.solving.shared_budget import Purse, solve_from_purse
from tts_select.testing import FakePolicy

SAMPLE_FLOPS = 1e6
PROBES = 2 * SAMPLE_FLOPS
WHOLE = 16 * SAMPLE_FLOPS
"""Of the largest arm, the probes in it."""
ENOUGH = 1.001 * 9 * WHOLE
"""For nine problems."""


def problems(n: int) -> list[Problem]:
    """Longer and longer."""
    return [Problem("Add one more. " * (1 + k % 9), f"p{k}", "7") for k in range(n)]


def spend(
    lent: Any, todo: list[Problem], limit: float, unit: Unit = "flops", **more: Any
) -> tuple[Summary, dict[str, dict[str, Any]]]:
    out, purse = io.StringIO(), Purse(limit, unit)
    summary = asyncio.run(solve_from_purse(todo, lent.selector, purse, out, progress=lambda _: None, **more))
    records = [json.loads(line) for line in out.getvalue().splitlines()]
    assert len(records) == len(todo)
    return summary, {r["id"]: r for r in records}


@pytest.mark.parametrize("concurrency", [1, 3, 64])
@pytest.mark.parametrize("share", [0.13, 0.2, 0.4, 0.7, 0.99])
def test_no_more_is_spent_than_the_purse_holds(exact: Any, share: float, concurrency: int) -> None:
    flops = share * 18 * WHOLE
    summary, _ = spend(exact, problems(18), flops, concurrency=concurrency)
    assert summary.n_done == 18
    assert summary.cost.flops <= flops * (1 + 1e-9)
    # what is left would buy no problem's next arm
    assert summary.cost.flops > flops - 8 * SAMPLE_FLOPS


@pytest.mark.parametrize("concurrency", [1, 3])
def test_the_purse_is_exceeded_by_the_last_problems_at_most(
    exact_router: LookaheadRouter, lend_at_cost: Callable[..., Any], concurrency: int
) -> None:
    """Samples cost three times what is expected: once the purse is empty, those that wait buy nothing."""
    lent = lend_at_cost(exact_router, factor=3.0)
    flops = 3 * 18 * PROBES + 4 * WHOLE
    summary, _ = spend(lent, problems(18), flops, concurrency=concurrency)
    assert summary.cost.flops <= flops + concurrency * 3 * (WHOLE - PROBES)


@pytest.mark.parametrize("share", [0.13, 0.4, 0.7])
def test_a_purse_may_hold_tokens(exact: Any, share: float) -> None:
    whole, _ = spend(exact, problems(9), 1e9, "tokens", concurrency=1)
    most = whole.cost.policy_generated_tokens
    less, _ = spend(exact, problems(9), share * most, "tokens", concurrency=1)
    assert most / 9 / 16 * 2 * 9 <= less.cost.policy_generated_tokens <= share * most
    with pytest.raises(
        InputError, match=r"the probes of 9 problems alone took .* tokens: raise --total-tokens"
    ):
        spend(exact, problems(9), 1, "tokens")


def test_a_full_purse_buys_the_best_of_everything(exact: Any) -> None:
    summary, records = spend(exact, problems(9), ENOUGH)
    assert summary.cost.flops == pytest.approx(9 * WHOLE)
    assert {r["plan"]["budget"] for r in records.values()} == {16}


def test_a_purse_for_the_probes_alone_buys_them_alone(exact: Any) -> None:
    summary, records = spend(exact, problems(9), 9 * PROBES)
    assert summary.cost.flops == 9 * PROBES
    assert {r["plan"]["reason"] for r in records.values()} == {"the probes are sure enough"}


def test_a_purse_below_the_probes_is_refused(exact: Any) -> None:
    with pytest.raises(
        InputError, match=r"the probes of 9 problems alone took 1\.8e\+07 FLOPs.*--total-flops"
    ):
        spend(exact, problems(9), 9 * PROBES - 1)


def test_what_is_spent_goes_where_it_buys_most(exact: Any) -> None:
    """The probes of a short problem are sure enough, and a long one is worth its samples."""
    todo = [Problem("Go.", "easy"), Problem("Add one more. " * 4, "hard")]
    _, records = spend(exact, todo, 2 * PROBES + 14 * SAMPLE_FLOPS, concurrency=1)
    assert records["easy"]["cost"]["flops"] < records["hard"]["cost"]["flops"]


def test_an_underestimated_problem_is_taken_from_those_that_wait(
    exact_router: LookaheadRouter, lend_at_cost: Callable[..., Any]
) -> None:
    todo, flops = problems(9), ENOUGH
    cheap, dear = (lend_at_cost(exact_router, factor=factor) for factor in (1.0, 2.0))
    one, other = (spend(lent, todo, flops, concurrency=1)[1] for lent in (cheap, dear))
    last = max(one, key=lambda id_: int(id_[1:]))
    assert one[last]["plan"]["budget"] == 16
    assert other[last]["plan"]["budget"] < 16


def test_problems_unlike_the_training_do_not_empty_the_purse(
    exact_router: LookaheadRouter, lend_at_cost: Callable[..., Any]
) -> None:
    familiarity = replace(exact_router.familiarity, words=frozenset({"known"}))
    strange = replace(exact_router, familiarity=familiarity)
    flops = 18 * PROBES + 2 * WHOLE
    summary, _ = spend(lend_at_cost(strange), problems(18), flops, concurrency=1)
    assert summary.cost.flops <= flops * (1 + 1e-9)


def test_problems_without_an_answer_do_not_empty_the_purse(exact: Any) -> None:
    exact.policies["p"]._script = lambda *_: "no idea at all"
    summary, records = spend(exact, problems(9), 9 * PROBES + WHOLE, concurrency=1)
    assert summary.cost.flops <= 9 * PROBES + WHOLE
    assert {r["answer"] for r in records.values()} == {None}


def test_the_probes_are_asked_for_once(exact: Any) -> None:
    spend(exact, problems(9), ENOUGH)
    asked = [(r.problem, k) for r in exact.policies["p"].requests for k in range(r.first, r.first + r.n)]
    assert len(asked) == len(set(asked)) == 9 * 16


def test_a_failed_probe_is_reported_in_its_own_line(
    exact_router: LookaheadRouter, lend_to: Callable[..., Any]
) -> None:
    lent = lend_to(exact_router, errors={1: BackendError("down")})
    summary, records = spend(lent, problems(4), 4 * WHOLE, concurrency=1)
    assert [r.get("error") for r in records.values()] == [None, "down", None, None]
    assert (summary.n_done, [e.exit_code for e in summary.errors]) == (4, [4])


def test_no_more_problems_than_allowed_are_in_flight(
    exact_router: LookaheadRouter, lend_to: Callable[..., Any]
) -> None:
    class Watched(FakePolicy):
        now = most = 0

        async def sample(self, *args: Any) -> Any:
            Watched.now += 1
            Watched.most = max(Watched.most, Watched.now)
            try:
                return await super().sample(*args)
            finally:
                Watched.now -= 1

    spend(lend_to(exact_router, kind=Watched, delay=0.005), problems(9), 1e9, concurrency=3)
    assert Watched.most == 3


def test_the_same_seed_gives_the_same_answers(exact: Any) -> None:
    one, other = (spend(exact, problems(9), 5 * WHOLE, concurrency=1, seed=3)[1] for _ in range(2))
    assert {k: r["text"] for k, r in one.items()} == {k: r["text"] for k, r in other.items()}


def test_no_problem_costs_nothing(exact: Any) -> None:
    summary, records = spend(exact, [], 1e6)
    assert (summary.n_problems, summary.cost.flops, records) == (0, 0.0, {})


def test_what_is_set_aside_is_given_back() -> None:
    options = (Option(None, 0.2, 0.0), Option(None, 0.8, 10.0))
    purse = Purse(30.0, waiting={"a": options, "b": options})
    assert purse.price_for("a") == 0.0
    assert (purse.left, set(purse.waiting)) == (20.0, {"b"})
    purse.settle(10.0, 25.0)
    assert purse.left == 5.0
    assert purse.price_for("b") > 0.05
    assert purse.left == 5.0
