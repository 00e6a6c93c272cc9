"""What if: replays of the router on the samples that a session left."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.priors import prior_router
from tests.traced import QUESTION, ran, sampled, searched, votes
from tts_select import Problem
from tts_select.core.arm import Arm
from tts_select.core.protocols import SampleRequest
from tts_select.tracing.replaying import price_grid, what_if
from tts_select.tracing.stored import Stored, drawn


def test_at_its_own_price_without_a_cap_it_is_what_ran() -> None:
    trace = sampled()
    grid = trace["what_if"]
    own = grid["states"][grid["grid"][grid["own"]][-1]]
    assert grid["budgets"][-1] is None
    assert own["answer"] == trace["answer"]
    assert own["p_correct"] == pytest.approx(trace["confidence"])
    assert own["tokens"] == trace["bill"]["policy_generated_tokens"]
    assert own["wants"] is None


def test_a_greedy_solution_beside_samples_is_replayed_with_them() -> None:
    router = prior_router("p", 12)
    with_greedy = router.on(router.arm, greedy=Arm("p", None, "cot", 1))
    history, solution = ran(with_greedy, votes, Problem(QUESTION, id="a"), effort="high")
    first, *_ = Stored(history).taken()
    assert drawn(first.before, first.after) == {"p temperature=0": [0, 1], "p": [0, 1]}
    grid = what_if(Stored(history))
    assert grid is not None
    own = grid["states"][grid["grid"][grid["own"]][-1]]
    assert (own["n_samples"], own["wants"]) == (len(solution.candidates), None)
    assert own["tokens"] == solution.bill.total.policy_generated_tokens


def test_dearer_compute_stops_earlier_and_cheaper_compute_wants_what_was_not_sampled() -> None:
    grid = sampled(effort="low")["what_if"]
    states = [grid["states"][row[-1]] for row in grid["grid"]]
    assert states[-1]["n_samples"] <= states[grid["own"]]["n_samples"]
    assert states[0]["wants"] is not None
    assert states[-1]["wants"] is None


@settings(max_examples=8)
@given(st.lists(st.integers(0, 4), min_size=12, max_size=12))
def test_no_replay_spends_more_than_its_budget_or_more_than_is_stored(answers: list[int]) -> None:
    def script(_: SampleRequest, index: int) -> str:
        return f"so it is\n\n\\boxed{{{answers[index]}}}"

    history, _ = ran(prior_router("p", 12), script, Problem(QUESTION, id="a"))
    grid = what_if(Stored(history))
    assert grid is not None
    n_stored = len(history.evidence.of("p"))
    for row in grid["grid"]:
        for budget, place in zip(grid["budgets"], row, strict=True):
            state = grid["states"][place]
            assert state["n_samples"] <= n_stored
            assert budget is None or state["tokens"] <= budget


def test_the_replay_asks_the_router_itself() -> None:
    """A session at another price does what the replay at that price says, as far as there are samples."""
    history, _ = ran(prior_router("p", 12), votes, Problem(QUESTION, id="a"), effort="high")
    grid = what_if(Stored(history))
    assert grid is not None
    for price, row in zip(grid["prices"], grid["grid"], strict=True):
        state = grid["states"][row[-1]]
        if state["wants"] is not None:
            continue
        other, solution = ran(prior_router("p", 12), votes, Problem(QUESTION, id="a"), price=price)
        assert len(other.evidence.of("p")) == state["n_samples"]
        assert solution.answer == state["answer"]


def test_a_named_method_has_no_price() -> None:
    assert searched()["what_if"] is None


def test_the_grid_is_around_the_price_or_the_efforts() -> None:
    prices, own = price_grid(0.5, [0.1, 1.0])
    assert prices[own] == pytest.approx(0.5)
    assert prices == sorted(prices)
    free, middle = price_grid(0.0, [0.1, 1.0])
    assert free[middle] == pytest.approx(0.1**0.5)
    assert price_grid(0.5, []) == ([], 0)
