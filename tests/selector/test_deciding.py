from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_select.core.arm import Arm
from tts_select.selector.deciding import Caps, Option, next_samples, ranked

options = st.builds(
    Option,
    arm=st.sampled_from([None, Arm("p", None, "cot", 1), Arm("p", None, "majority", 16)]),
    p_correct=st.integers(0, 8).map(lambda k: k / 8),
    flops=st.integers(0, 64).map(float),
    tokens=st.integers(0, 64).map(float),
)
prices = st.integers(0, 16).map(lambda k: k / 256)
amounts = st.one_of(st.none(), st.integers(0, 64).map(float))
caps_ = st.builds(Caps, flops=amounts, tokens=amounts)


@given(st.lists(options), prices, caps_)
def test_what_is_ranked_is_what_the_caps_allow(found: list[Option], price: float, caps: Caps) -> None:
    ranking = ranked(found, price, caps)
    allowed = [
        o
        for o in found
        if (caps.flops is None or o.flops <= caps.flops) and (caps.tokens is None or o.tokens <= caps.tokens)
    ]
    assert sorted(map(id, ranking)) == sorted(map(id, allowed))


@given(st.lists(options, min_size=1), prices)
def test_the_best_has_the_largest_value_and_of_equals_the_least_cost(
    found: list[Option], price: float
) -> None:
    best = ranked(found, price, Caps())[0]
    top = max(o.p_correct - price * o.flops for o in found)
    assert best.value(price) == top
    assert best.flops == min(o.flops for o in found if o.value(price) == top)


@given(st.lists(options, min_size=1), prices, prices)
def test_a_higher_price_never_picks_a_dearer_option(found: list[Option], one: float, other: float) -> None:
    low, high = sorted([one, other])
    assert ranked(found, high, Caps())[0].flops <= ranked(found, low, Caps())[0].flops


def test_a_free_option_is_allowed_under_any_cap() -> None:
    assert Caps(0.0, 0.0).allow(Option(None, 0.5, 0.0))


def test_to_stop_is_an_option_without_an_arm() -> None:
    assert Option(None, 0.5, 0.0).name == "stop"
    assert Option(Arm("p", None, "cot", 1), 0.5, 0.0).name == "cot@1 p"


@pytest.mark.parametrize("budget", [1, 2, 3, 16, 64, 100])
def test_samples_double_from_round_to_round_up_to_the_budget(budget: int) -> None:
    seen, n = [0], 0
    while n < budget:
        n += next_samples(Arm("p", None, "majority", budget), n)
        seen.append(n)
    powers = [2**k for k in range(12) if 2**k < budget]
    assert seen == [0, *powers, budget]
