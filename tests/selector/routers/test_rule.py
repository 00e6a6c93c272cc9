"""The paper's rule of thumb."""

from __future__ import annotations

import pytest

from tts_select.core.plan import Settings
from tts_select.selector.routers.rule import DEFAULT_BUDGET, Pair, rule_of_thumb


@pytest.mark.parametrize(
    ("billions", "method"),
    [(0.5, "beam"), (6.9, "beam"), (7, "dvts"), (32, "dvts"), (33, "best_of_n"), (405, "best_of_n")],
)
def test_the_size_of_the_policy_picks_the_method(billions: float, method: str) -> None:
    plan = rule_of_thumb(Pair("p", int(billions * 1e9), "r"))
    assert (plan.method, plan.policy, plan.prm, plan.budget) == (method, "p", "r", DEFAULT_BUDGET)
    assert plan.reason


@pytest.mark.parametrize("billions", [0.5, 405])
def test_without_a_prm_it_votes(billions: float) -> None:
    plan = rule_of_thumb(Pair("p", int(billions * 1e9), None))
    assert (plan.method, plan.prm) == ("majority", None)


def test_what_was_asked_for_is_kept() -> None:
    plan = rule_of_thumb(Pair("p", 1, "r"), budget=5, settings=Settings(seed=3))
    assert (plan.budget, plan.settings.seed) == (5, 3)


@pytest.mark.parametrize(
    "pair",
    [Pair("p", 1, "r", has_steps=False), Pair("p", None, "r")],
    ids=["whole-solutions-alone", "size-not-known"],
)
def test_what_cannot_be_searched_or_sized_is_sampled(pair: Pair) -> None:
    assert rule_of_thumb(pair).method == "best_of_n"
