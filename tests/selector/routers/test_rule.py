"""The paper's rule of thumb."""

from __future__ import annotations

import pytest

from tts_select import UnknownName
from tts_select.core.plan import Settings
from tts_select.selector.routers.rule import DEFAULT_BUDGET, SizedPair, budget_of, rule_of_thumb


@pytest.mark.parametrize(
    ("billions", "method"),
    [(0.5, "beam"), (6.9, "beam"), (7, "dvts"), (32, "dvts"), (33, "best_of_n"), (405, "best_of_n")],
)
def test_the_size_of_the_policy_picks_the_method(billions: float, method: str) -> None:
    router = rule_of_thumb(SizedPair("p", int(billions * 1e9), "r"))
    arm = router.arm
    assert (arm.method, arm.policy, arm.prm, arm.budget) == (method, "p", "r", DEFAULT_BUDGET)
    assert "the paper's rule of thumb" in router.why


@pytest.mark.parametrize("billions", [0.5, 405])
def test_without_a_prm_it_votes(billions: float) -> None:
    arm = rule_of_thumb(SizedPair("p", int(billions * 1e9), None)).arm
    assert (arm.method, arm.prm) == ("majority", None)


def test_what_was_asked_for_is_kept() -> None:
    arm = rule_of_thumb(SizedPair("p", 1, "r"), budget=5, settings=Settings(temperature=0.3)).arm
    assert (arm.budget, arm.settings.temperature) == (5, 0.3)


def test_an_effort_is_a_budget() -> None:
    assert [budget_of(effort) for effort in ("low", "medium", "high", None)] == [4, 16, 64, DEFAULT_BUDGET]
    with pytest.raises(UnknownName, match="did you mean 'low'"):
        budget_of("lowe")


@pytest.mark.parametrize(
    "pair",
    [SizedPair("p", 1, "r", has_steps=False), SizedPair("p", None, "r")],
    ids=["whole-solutions-alone", "size-not-known"],
)
def test_what_cannot_be_searched_or_sized_is_sampled(pair: SizedPair) -> None:
    assert rule_of_thumb(pair).arm.method == "best_of_n"
