from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_select.core.arm import Arm
from tts_select.core.voting import ROUND
from tts_select.selector.deciding import Caps, Option, first_step, next_samples, ranked

ARMS = [Arm("p", None, "cot", 1), Arm("p", None, "majority", 16), Arm("p", "r", "beam", 4)]
options = st.builds(
    Option,
    arm=st.sampled_from([None, *ARMS]),
    p_correct=st.integers(0, 8).map(lambda k: k / 8),
    flops=st.integers(0, 64).map(float),
    tokens=st.integers(0, 64).map(float),
)
prices = st.integers(0, 16).map(lambda k: k / 256)
amounts = st.one_of(st.none(), st.integers(0, 64).map(float))
caps_ = st.builds(Caps, flops=amounts, tokens=amounts)
stops = st.builds(Option, st.none(), st.integers(0, 8).map(lambda k: k / 8), st.just(0.0))
arms_ = st.builds(
    Option,
    arm=st.sampled_from(ARMS),
    p_correct=st.integers(0, 8).map(lambda k: k / 8),
    flops=st.integers(0, 64).map(float),
    tokens=st.integers(0, 64).map(float),
)
choices = st.tuples(st.lists(stops, max_size=1), st.lists(arms_)).map(lambda found: [*found[0], *found[1]])
"""As a router has them: to stop, if there is an answer, and its arms."""


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


@given(choices, prices, caps_)
def test_a_first_step_is_worth_as_much_as_stopping_and_breaks_no_cap(
    found: list[Option], price: float, caps: Caps
) -> None:
    first = first_step(ranked(found, price, caps), price)
    if first is None:
        assert not any(caps.allow(o) for o in found)
        return
    assert first in found
    assert caps.allow(first)
    stop = next((o for o in found if o.arm is None), None)
    if stop is None:
        assert first == ranked(found, price, caps)[0]
    elif first.arm is not None:
        assert first.value(price) > stop.value(price)


@given(choices, prices, caps_)
def test_it_stops_if_nothing_is_worth_more_and_only_then(
    found: list[Option], price: float, caps: Caps
) -> None:
    stop = next((o for o in found if o.arm is None), None)
    first = first_step(ranked(found, price, caps), price)
    better = [o for o in found if stop and o.value(price) > stop.value(price) and caps.allow(o)]
    if stop is not None and not better:
        assert first is not None
        assert first.value(price) == stop.value(price)
    if better:
        assert first is not None
        assert first.arm is not None


@given(choices, prices, caps_)
def test_nothing_that_gains_half_as_much_as_the_best_gains_more_per_flop(
    found: list[Option], price: float, caps: Caps
) -> None:
    stop = next((o for o in found if o.arm is None), None)
    first = first_step(ranked(found, price, caps), price)
    if stop is None or first is None or first.arm is None:
        return

    def rate(option: Option) -> float:
        return (option.p_correct - stop.p_correct) / max(1.0, option.flops)

    gains = {id(o): o.value(price) - stop.value(price) for o in found if caps.allow(o)}
    least = max(gains.values()) / 2
    assert gains[id(first)] >= least
    assert all(rate(o) <= rate(first) for o in found if gains.get(id(o), -1.0) >= least)


def chosen(found: list[Option], price: float, caps: Caps | None = None) -> Option | None:
    return first_step(ranked(found, price, caps or Caps()), price)


def test_the_cheap_step_goes_first_though_the_dear_one_is_worth_more() -> None:
    stop = Option(None, 0.5, 0.0)
    cheap, dear = Option(ARMS[0], 0.75, 10.0), Option(ARMS[1], 0.9, 100.0)
    assert ranked([stop, dear, cheap], 1 / 1000, Caps())[0] is dear
    assert chosen([stop, dear, cheap], 1 / 1000) is cheap
    assert chosen([stop, dear, cheap], 1 / 300) is cheap
    assert chosen([stop, dear, cheap], 1 / 20) is stop


def test_a_cheap_step_that_gains_less_than_half_as_much_is_left_out() -> None:
    """However much it gains per FLOP: it would be one of many, each with its round trip."""
    stop, dear = Option(None, 0.5, 0.0), Option(ARMS[1], 0.9, 100.0)
    poor, good = Option(ARMS[2], 0.64, 1.0), Option(ARMS[2], 0.66, 1.0)
    assert chosen([stop, dear, poor], 1 / 1000) is dear
    assert chosen([stop, dear, good], 1 / 1000) is good
    assert chosen([stop, poor], 1 / 1000) is poor
    assert chosen([stop, dear, poor], 1 / 1000, Caps(flops=50.0)) is poor
    assert chosen([stop, dear, poor], 1 / 300) is poor  # the costs are deducted


def test_a_step_that_costs_more_than_it_gains_is_not_taken_however_much_it_gains_per_flop() -> None:
    stop, tiny = Option(None, 0.5, 0.0), Option(ARMS[0], 0.52, 1.0)
    assert chosen([stop, tiny], 0.03) is stop
    assert chosen([stop, tiny], 0.01) is tiny


def test_a_step_for_nothing_is_one_flop() -> None:
    """So that of two free ones the better is taken, not the first."""
    stop = Option(None, 0.5, 0.0)
    one, other = Option(ARMS[0], 0.6, 0.0), Option(ARMS[1], 0.8, 0.5)
    assert chosen([stop, one, other], 1 / 1000) is other


def test_without_an_answer_the_best_arm_is_run() -> None:
    cheap, dear = Option(ARMS[0], 0.6, 10.0), Option(ARMS[1], 0.9, 100.0)
    assert chosen([cheap, dear], 1 / 1000) is dear
    assert chosen([cheap, dear], 1 / 1000, Caps(flops=50.0)) is cheap
    assert chosen([cheap, dear], 1 / 1000, Caps(flops=5.0)) is None
    assert chosen([], 0.0) is None


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


@pytest.mark.parametrize("budget", [1, 3, 4, 6, 64])
def test_an_adaptive_arm_keeps_its_rounds(budget: int) -> None:
    seen, n = [0], 0
    while n < budget:
        n += next_samples(Arm("p", None, "adaptive", budget), n)
        seen.append(n)
    assert seen == [*range(0, budget, ROUND), budget]
