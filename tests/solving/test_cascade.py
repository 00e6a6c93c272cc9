"""The method `cascade`: two policies of a config by a fixed rule."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tts_select import InputError, Selector, UnknownName, solve
from tts_select.solving.choosing import selector_for
from tts_select.solving.options import CASCADE

PROBLEM = "Start with 14. Multiply by 3. What is the result?"
POLICIES = """policies:
  big: {spec: world:large, max_new_tokens: 300}
  middle: world:medium
  little: world:small
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "tts-select.yaml"
    path.write_text(POLICIES)
    return path


def arms(config: Path, **more: Any) -> list[Any]:
    selector, _ = selector_for({"config": config, "method": CASCADE, **more})
    return list(selector.router.portfolio.arms)


def test_the_cheapest_is_asked_first_and_the_dearest_where_it_settles_nothing(config: Path) -> None:
    little, big = arms(config)
    assert (little.policy, little.method, little.budget) == ("little", "margin", 4)
    assert (big.policy, big.method, big.budget) == ("big", "margin", 16)
    assert (little.settings.max_new_tokens, big.settings.max_new_tokens) == (2048, 300)
    found = solve(PROBLEM, config=config, method=CASCADE)
    assert found.answer == "42"
    assert found.confidence_kind == "vote share"
    assert found.plan.policy in ("little", "big")


def test_budget_effort_and_settings_are_the_callers(config: Path) -> None:
    assert arms(config, budget=5)[1].budget == 5
    assert arms(config, effort="low")[1].budget == 4
    assert {a.settings.max_new_tokens for a in arms(config, max_new_tokens=99)} == {99}
    assert {a.temperature for a in arms(config, temperature=1.0)} == {1.0}
    capped = solve(PROBLEM, config=config, method=CASCADE, max_tokens=9, deadline=60.0)
    assert capped.bill.total.policy_generated_tokens <= 9


def test_it_takes_two_policies(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"asks two policies of a config, and there is none: .*--config"):
        solve(PROBLEM, method=CASCADE)
    path = tmp_path / "one.yaml"
    path.write_text("policies:\n  little: world:small\n")
    with pytest.raises(InputError, match=r"one\.yaml' names 1: name them under policies"):
        solve(PROBLEM, config=path, method=CASCADE)


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ({"policy": "little"}, "'policy' is not for the method cascade"),
        ({"prm": "world:prm"}, "'prm' is not for the method cascade"),
        ({"selection": "max"}, "'selection' is not for the method cascade"),
        ({"prior": "p"}, "'prior' is not for the method cascade"),
        ({"price": 0.1}, "'price' is for the router, and 'method' leaves it nothing"),
        ({"budget": 4, "effort": "low"}, "'effort' chooses the budget"),
        ({"budget": 0}, "the budget is 0"),
    ],
)
def test_what_does_not_go_with_it_is_refused(config: Path, more: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        solve(PROBLEM, config=config, method=CASCADE, **more)


def test_a_selector_keeps_it_for_many_problems(config: Path) -> None:
    selector = Selector.of(config=config, method=CASCADE)
    assert selector.solve(PROBLEM).answer == "42"


def test_a_misspelt_name_is_corrected() -> None:
    with pytest.raises(UnknownName, match="did you mean 'cascade'"):
        solve(PROBLEM, method="casade")
