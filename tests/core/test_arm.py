from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_select.core.arm import Arm, pool_name, weights_in
from tts_select.core.methods import METHODS
from tts_select.core.plan import AGGREGATIONS, SELECTIONS, Settings
from tts_select.core.voting import Weight

settings = st.builds(
    Settings,
    temperature=st.floats(0, 2),
    beam_width=st.integers(1, 8),
    max_steps=st.integers(1, 99),
    aggregation=st.sampled_from(AGGREGATIONS),
    selection=st.sampled_from(SELECTIONS),
)
arms = st.builds(
    Arm,
    policy=st.sampled_from(["world:small", "world:large"]),
    prm=st.sampled_from([None, "world:prm"]),
    method=st.sampled_from(list(METHODS)),
    budget=st.integers(1, 64),
    settings=settings,
)


def test_arms_of_one_pool_share_what_votes_are_weighed_by() -> None:
    warm, cold = Settings(), Settings(temperature=0.2)
    some = [
        Arm("p", None, "majority", 4),
        Arm("p", None, "self_certainty", 8, warm),
        Arm("p", None, "weighted_majority", 8, cold),
        Arm("q", None, "weighted_majority", 8),
        Arm("q", None, "self_certainty", 8),
        Arm("r", "s", "beam", 8),
        Arm("p", None, "cot", 1),
        Arm("s", None, "cot", 1),
        Arm("s", None, "majority", 8),
    ]
    found: dict[str, set[Weight]] = {}
    for arm in some:
        found.setdefault(arm.pool, weights_in(arm, some))
    assert found == {
        "p": {"certainty"},
        "p temperature=0.2": {"likelihood"},
        "q": {"certainty", "likelihood"},
        "r": set(),
        "p temperature=0": {"certainty", "likelihood"},  # beside all samples of the policy
        "s temperature=0": set(),
        "s": set(),
    }


@pytest.mark.parametrize(
    ("arm", "name"),
    [
        (Arm("world:small", None, "cot", 1), "cot@1 world:small"),
        (Arm("world:small", "world:prm", "best_of_n", 16), "best_of_n@16 world:small world:prm"),
        (
            Arm("p", "r", "beam", 16, Settings(beam_width=8, selection="max", seed=7)),
            "beam@16 p r beam_width=8 selection=max",
        ),
    ],
)
def test_a_name_says_what_is_not_the_default(arm: Arm, name: str) -> None:
    assert arm.name == name


@given(arms, arms)
def test_different_arms_have_different_names(one: Arm, other: Arm) -> None:
    assert (one.name == other.name) == (one == other)


@given(arms, st.integers(0, 99))
def test_a_seed_does_not_change_the_name(arm: Arm, seed: int) -> None:
    plan = arm.plan("because", seed=seed)
    assert Arm(plan.policy, plan.prm, plan.method, plan.budget, plan.settings).name == arm.name


@given(arms)
def test_an_arm_comes_back_from_json(arm: Arm) -> None:
    assert Arm.from_dict(json.loads(json.dumps(arm.as_dict()))) == arm


@pytest.mark.parametrize("broken", [{}, {"settings": {"unknown": 1}}, {"settings": {}, "policy": "p"}])
def test_what_is_no_arm_is_refused(broken: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError)):
        Arm.from_dict(broken)


@given(arms)
def test_only_methods_of_independent_samples_are_sampling(arm: Arm) -> None:
    assert arm.is_sampling == METHODS[arm.method].is_sampling
    assert {m for m in METHODS if not METHODS[m].is_sampling} == {"beam", "dvts"}


@given(arms)
def test_only_cot_is_greedy_whatever_its_settings_say(arm: Arm) -> None:
    assert arm.temperature == (0.0 if arm.method == "cot" else arm.settings.temperature)


@given(arms, arms)
def test_arms_share_a_pool_if_policy_and_temperature_are_the_same(one: Arm, other: Arm) -> None:
    alike = (one.policy, f"{one.temperature:g}") == (other.policy, f"{other.temperature:g}")
    assert (one.pool == other.pool) == alike
    assert one.pool == pool_name(one.policy, one.temperature)


@pytest.mark.parametrize(
    ("arm", "pool"),
    [
        (Arm("p", None, "majority", 4), "p"),
        (Arm("p", "r", "best_of_n", 4, Settings(selection="max")), "p"),
        (Arm("p", None, "cot", 1), "p temperature=0"),
        (Arm("p", "r", "best_of_n", 1, Settings(temperature=0.0)), "p temperature=0"),
        (Arm("p", None, "majority", 4, Settings(temperature=1.25)), "p temperature=1.25"),
    ],
)
def test_a_pool_is_named_after_its_policy_and_a_temperature_that_is_not_the_default(
    arm: Arm, pool: str
) -> None:
    assert arm.pool == pool


def test_a_plan_runs_the_arm_with_its_seed() -> None:
    plan = Arm("p", "r", "dvts", 8, Settings(beam_width=2)).plan("because", seed=5, difficulty=0.25)
    assert (plan.policy, plan.prm, plan.method, plan.budget) == ("p", "r", "dvts", 8)
    assert plan.settings == Settings(beam_width=2, seed=5)
    assert (plan.reason, plan.difficulty) == ("because", 0.25)
