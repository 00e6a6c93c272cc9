from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tts_select.core.arm import pool_name
from tts_select.core.errors import InputError
from tts_select.core.plan import MAX_BUDGET
from tts_select.data.world.artifacts import PORTFOLIO, manifests
from tts_select.selector.portfolio import Portfolio, load_portfolio, parse_portfolio


def parsed(*arms: Any) -> Portfolio:
    return parse_portfolio({"name": "mine", "arms": list(arms)}, "mine.yaml")


def arm(**changes: Any) -> dict[str, Any]:
    return {"policy": "p", "prm": "r", "method": "best_of_n", "budget": 4, **changes}


def test_lists_stand_for_all_their_combinations() -> None:
    portfolio = parsed(arm(policy=["p", "q"], prm=["r", "s"], budget=[1, 2, 4]))
    assert len(portfolio.arms) == 2 * 2 * 3
    assert {(a.policy, a.prm, a.budget) for a in portfolio.arms} == {
        (p, r, n) for p in "pq" for r in "rs" for n in (1, 2, 4)
    }


def test_policies_and_prms_come_in_the_order_of_their_first_arm() -> None:
    portfolio = parsed(
        arm(policy=["q", "p"], prm="s"),
        arm(policy="p", prm=["r", "s"], budget=2),
        {"policy": "o", "method": "cot"},
    )
    assert portfolio.policies == ("q", "p", "o")
    assert portfolio.prms == ("s", "r")


def test_an_arm_is_found_by_its_name() -> None:
    portfolio = parsed(arm(budget=[1, 2]))
    assert portfolio["best_of_n@2 p r"] == portfolio.arms[1]


def test_settings_reach_the_arms() -> None:
    (found,) = parsed(arm(aggregation="min", selection="max", temperature=1, beam_width=2)).arms
    assert found.name == "best_of_n@4 p r temperature=1 beam_width=2 aggregation=min selection=max"


def test_several_methods_are_several_arms() -> None:
    found = parsed(arm(method=["beam", "dvts"], budget=[4, 16]))
    assert {a.name for a in found.arms} == {f"{m}@{n} p r" for m in ("beam", "dvts") for n in (4, 16)}


def test_without_a_budget_it_is_one() -> None:
    assert parsed({"policy": "p", "method": "cot"}).arms[0].budget == 1


def test_the_embedded_portfolio_is_whole() -> None:
    portfolio = load_portfolio(PORTFOLIO)
    assert portfolio.name == "embedded"
    assert len({a.name for a in portfolio.arms}) == len(portfolio.arms)
    models = manifests()
    assert {f"world:{name}" for name, m in models.items() if m["kind"] == "policy"} == set(portfolio.policies)
    assert {f"world:{name}" for name, m in models.items() if m["kind"] == "prm"} == set(portfolio.prms)


def test_every_embedded_policy_may_be_asked_for_one_greedy_solution() -> None:
    portfolio = load_portfolio(PORTFOLIO)
    for policy in portfolio.policies:
        greedy = [a for a in portfolio.arms if a.pool == pool_name(policy, 0.0) and a.is_sampling]
        assert {(a.method, a.prm, a.budget) for a in greedy} == {
            ("cot", None, 1),
            ("best_of_n", "world:prm", 1),
        }


def test_json_is_read_as_yaml_is(tmp_path: Path) -> None:
    content = {"arms": [arm(budget=[1, 2])]}
    (tmp_path / "mine.json").write_text(json.dumps(content))
    assert load_portfolio(tmp_path / "mine.json") == parse_portfolio(content, "mine")


def test_a_portfolio_without_a_name_has_that_of_its_file(tmp_path: Path) -> None:
    path = tmp_path / "nightly.yaml"
    path.write_text("arms: [{policy: p, method: cot}]")
    assert load_portfolio(path).name == "nightly"


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (arm(polcy="p"), r"unknown field 'polcy': did you mean 'policy'\?"),
        (arm(seed=3), r"unknown field 'seed'"),
        (arm(method="best_of"), r"unknown method 'best_of': did you mean 'best_of_n'\?"),
        ({"policy": "p"}, r"unknown method 'None'"),
        (arm(method=["beam", ["dvts"]]), r"unknown method '\['dvts'\]'"),
        (arm(method=[]), r"an empty list stands for no arm"),
        ({"pair": [["p", "r"]], "method": "beam"}, r"unknown pair '\['p', 'r'\]'"),
        (arm(aggregation=["min", "mean"]), r"unknown aggregation '\['min', 'mean'\]'"),
        (arm(aggregation="mena"), r"unknown aggregation 'mena': did you mean 'mean'\?"),
        (arm(selection="votes"), r"unknown selection 'votes': did you mean 'vote'\?"),
        (arm(prm=None), r"the method best_of_n needs a PRM, as in world:prm"),
        (arm(method="beam", prm=[None, "r"]), r"the method beam needs a PRM"),
        (arm(method="majority"), r"the method majority takes no PRM; leave prm out"),
        (arm(method="adaptive", prm=[None, "r"]), r"the method adaptive takes no PRM"),
        (arm(policy=None), r"name its policy, as in world:small"),
        (arm(policy=""), r"name its policy"),
        (arm(budget=0), r"the budget is 0; choose from 1 to 4,096"),
        (arm(budget=MAX_BUDGET + 1), r"the budget is 4097"),
        (arm(budget=[4, "8"]), r"the budget is '8'"),
        (arm(budget=True), r"the budget is True"),
        (arm(budget=2.0), r"the budget is 2\.0"),
        ({"policy": "p", "method": "cot", "budget": 2}, r"cot is one greedy answer; leave the budget out"),
        (arm(temperature="hot"), r"temperature is 'hot'; write a number"),
        (arm(temperature=-1), r"temperature is -1; write a number"),
        (arm(max_steps=True), r"max_steps is True; write a number"),
        ("best_of_n", r"write it as policy: \.\.\., prm: \.\.\."),
    ],
)
def test_a_broken_arm_is_named_with_the_remedy(broken: Any, message: str) -> None:
    with pytest.raises(InputError, match=rf"the portfolio 'mine.yaml', arm 2: {message}") as caught:
        parsed({"policy": "p", "method": "cot"}, broken)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("again", [arm(budget=[2, 4]), arm(), arm(selection="vote")])
def test_an_arm_that_is_there_twice_is_named(again: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"arm 2: 'best_of_n@4 p r' was there before; take one of them out"):
        parsed(arm(), again)


@pytest.mark.parametrize("content", [None, [], "arms", {}, {"arms": {}}, {"arms": []}, {"arms": "cot"}])
def test_a_portfolio_without_arms_is_refused(content: Any) -> None:
    with pytest.raises(InputError, match=r"the portfolio 'x' has no list of arms: write name: "):
        parse_portfolio(content, "x")


@pytest.mark.parametrize("empty", [{"policy": []}, {"prm": []}, {"budget": []}])
def test_an_empty_list_does_not_leave_an_arm_out_in_silence(empty: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"arm 2: an empty list stands for no arm"):
        parsed({"policy": "p", "method": "cot"}, arm(**empty))


@pytest.mark.parametrize(
    "text",
    ["arms: [", "arms: \x00", "!!python/object:os.system {}", "arms: 2026-13-45", "- a\nb: c"],
    ids=["open", "control", "tag", "date", "mixed"],
)
def test_what_is_no_yaml_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=r"the portfolio '.*mine.yaml' is neither YAML nor JSON: ") as caught:
        load_portfolio(path)
    assert "\n" not in str(caught.value)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(InputError, match="neither YAML nor JSON"):
        load_portfolio(tmp_path / "mine.yaml")


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read the portfolio '.*none.yaml': No such file"):
        load_portfolio(tmp_path / "none.yaml")
    with pytest.raises(InputError, match=r"cannot read the portfolio '.*': Is a directory"):
        load_portfolio(tmp_path)
