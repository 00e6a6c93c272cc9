"""Who answers: the router, or what was asked for; and which options go together."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tts_select import InputError, Problem, Selector, UnknownName
from tts_select.solving import api as routed
from tts_select.solving.api import solver_for
from tts_select.testing import FakePolicy, FakeRewardModel

PROBLEM = "Start with 3. Add 14. Add 9. Add 27. What is the result?"
POLICY = FakePolicy(lambda *_: "\\boxed{4}")
PRM = FakeRewardModel(lambda _, steps: [0.5] * len(steps))
PINNED: list[tuple[str, Any]] = [
    ("policy", POLICY),
    ("prm", None),
    ("prm_format", "qwen"),
    ("prm_options", {"dtype": "bfloat16"}),
    ("method", "majority"),
    ("budget", 4),
    ("aggregation", "last"),
    ("selection", "vote"),
    ("temperature", 0.7),
    ("max_new_tokens", 100),
]


@pytest.fixture
def no_router(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a router was loaded")

    monkeypatch.setattr(Selector, "load", refuse)


@pytest.mark.parametrize(("name", "value"), PINNED)
@pytest.mark.parametrize(("routing", "setting"), [("price", 0.0), ("max_flops", 1e9), ("router", "r")])
def test_a_pinned_choice_and_one_for_the_router_are_refused(
    name: str, value: Any, routing: str, setting: Any
) -> None:
    if (name, routing) == ("policy", "price"):  # a prior decides, at this price
        solver_for({name: value, routing: setting})
        return
    with pytest.raises(InputError) as caught:
        solver_for({name: value, routing: setting})
    assert f"'{routing}'" in str(caught.value)
    assert f"'{name}'" in str(caught.value)


def test_the_untrained_rule_leaves_the_router_nothing() -> None:
    with pytest.raises(InputError, match="'price' is for the router, and 'untrained_rule' leaves it nothing"):
        solver_for({"untrained_rule": True, "price": 0.0})


@pytest.mark.usefixtures("no_router")
@pytest.mark.parametrize(("effort", "n"), [("low", 4), ("medium", 16), ("high", 64)])
def test_an_effort_chooses_the_budget_of_what_is_named(effort: str, n: int) -> None:
    solver = solver_for({"policy": POLICY, "method": "majority", "effort": effort})
    assert asyncio.run(solver(Problem(PROBLEM))).plan.budget == n


def test_an_effort_and_a_budget_are_refused() -> None:
    with pytest.raises(InputError, match="'effort' chooses the budget, and 'budget' names it"):
        solver_for({"policy": POLICY, "method": "majority", "budget": 4, "effort": "low"})
    with pytest.raises(InputError, match="'effort' chooses the budget, and 'budget' names it"):
        solver_for({"policy": POLICY, "prm": PRM, "selection": "max", "budget": 4, "effort": "low"})
    with pytest.raises(UnknownName, match="did you mean 'high'"):
        solver_for({"policy": POLICY, "effort": "hihg"})


@pytest.mark.parametrize(
    ("name", "hint"), [("eford", "effort"), ("max_token", "max_tokens"), ("methods", "method")]
)
def test_an_unknown_option_is_corrected(name: str, hint: str) -> None:
    with pytest.raises(UnknownName, match=f"unknown option '{name}': did you mean '{hint}'"):
        solver_for({name: 1})


def test_an_unknown_spending_is_corrected(lent: Any) -> None:
    with pytest.raises(UnknownName, match="did you mean 'effort'"):
        lent.selector.solve(PROBLEM, efort="low")


@pytest.mark.usefixtures("no_router")
def test_what_is_pinned_needs_no_router() -> None:
    for more in ({"method": "majority", "budget": 2}, {"budget": 2}, {"untrained_rule": True}):
        solver = solver_for({"policy": POLICY, "prm": PRM, "seed": 1, "effort": None, **more})
        assert asyncio.run(solver(Problem(PROBLEM))).answer == "4"


@pytest.mark.usefixtures("no_router")
def test_limits_alone_do_not_pin() -> None:
    for limits in (
        {},
        {"seed": 3},
        {"max_tokens": 10},
        {"deadline": 1.0},
        {"effort": "low"},
        {"logprobs": True},
    ):
        with pytest.raises(AssertionError, match="a router was loaded"):
            solver_for({"router": "r", **limits})


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"max_tokens": 0}, "cap is 0 tokens"),
        ({"max_flops": -1.0}, "cap is -1.0 FLOPs"),
        ({"deadline": 0.0}, "deadline is 0"),
        ({"effort": "hihg"}, "did you mean 'high'"),
        ({"price": -1.0}, "the price is -1"),
    ],
)
def test_options_out_of_range_are_refused_before_any_problem_is_solved(
    router_folder: Path, options: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(InputError, match=complaint):
        solver_for({"router": router_folder, **options})


def test_a_selector_from_a_folder_decides_as_the_fitted_router(router_folder: Path, lent: Any) -> None:
    loaded = Selector.load(router_folder)
    assert loaded.plan(PROBLEM, probe=False) == lent.selector.plan(PROBLEM, probe=False)


def test_a_folder_without_a_router_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no router in '.*nothing'"):
        solver_for({"router": str(tmp_path / "nothing")})


def test_a_routed_solver_runs_the_models_of_its_router(router_folder: Path, in_registry: Any) -> None:
    found = routed.solve(PROBLEM, router=str(router_folder), effort="low", seed=4, logprobs=False)
    again = in_registry.selector.solve(PROBLEM, effort="low", seed=4)
    assert (found.answer, found.plan, found.confidence) == (again.answer, again.plan, again.confidence)


def test_it_works_in_a_running_event_loop(lent: Any) -> None:
    async def inside() -> Any:
        return lent.selector.solve(PROBLEM), lent.selector.plan(PROBLEM), await lent.selector.asolve(PROBLEM)

    solved, _, awaited = asyncio.run(inside())
    assert solved.answer == awaited.answer


def test_an_empty_problem_is_refused(lent: Any) -> None:
    with pytest.raises(InputError, match="the problem is empty"):
        lent.selector.solve(" \n")
