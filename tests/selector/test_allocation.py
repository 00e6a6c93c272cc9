"""The price for one purse, against every price of a grid."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_select.selector.allocation import price_within
from tts_select.selector.deciding import Option

STOP = st.builds(Option, st.none(), st.floats(0, 0.99), st.just(0.0))
ARM = st.builds(Option, st.none(), st.floats(0, 1), st.floats(1, 1e3))
PROBLEM = st.tuples(STOP, st.lists(ARM, max_size=5)).map(lambda found: (found[0], *found[1]))
PROBLEMS = st.lists(PROBLEM, min_size=1, max_size=6)


def spent(problems: Sequence[Sequence[Option]], price: float) -> float:
    return sum(max(options, key=lambda o: o.value(price)).flops for options in problems)


@given(PROBLEMS, st.floats(0, 3e3))
def test_what_is_bought_at_the_price_fits(problems: list[list[Option]], flops: float) -> None:
    assert spent(problems, price_within(problems, flops)) <= flops


@given(PROBLEMS, st.floats(0, 3e3))
def test_at_no_lower_price_it_would_fit(problems: list[list[Option]], flops: float) -> None:
    price = price_within(problems, flops)
    lower = [price * k / 400 for k in range(400)] if price > 1e-9 else []
    assert all(spent(problems, p) > flops for p in lower)


@given(PROBLEMS, st.floats(0, 3e3), st.floats(0, 3e3))
def test_more_flops_never_raise_the_price(problems: list[list[Option]], one: float, other: float) -> None:
    less, more = sorted((one, other))
    assert price_within(problems, more) <= price_within(problems, less)


@given(PROBLEMS)
def test_the_price_is_0_if_everything_fits(problems: list[list[Option]]) -> None:
    assert price_within(problems, spent(problems, 0.0)) == 0.0


@given(PROBLEMS)
def test_an_overdrawn_purse_buys_nothing(problems: list[list[Option]]) -> None:
    assert spent(problems, price_within(problems, -1.0)) == 0.0


WITH_TOKENS = st.builds(Option, st.none(), st.floats(0, 1), st.floats(1, 1e3), st.floats(0, 1e3))


@given(st.lists(st.tuples(STOP, WITH_TOKENS, WITH_TOKENS), min_size=1, max_size=6), st.floats(0, 3e3))
def test_what_is_bought_fits_in_tokens_too(problems: list[tuple[Option, ...]], tokens: float) -> None:
    price = price_within(problems, tokens, "tokens")
    assert sum(max(options, key=lambda o: o.value(price)).tokens for options in problems) <= tokens


def test_nothing_to_buy_has_no_price() -> None:
    assert price_within([], 0.0) == price_within([], -1.0) == 0.0


def test_the_dearer_of_two_equal_gains_is_given_up_first() -> None:
    cheap = [Option(None, 0.2, 0.0), Option(None, 0.6, 10.0)]
    dear = [Option(None, 0.2, 0.0), Option(None, 0.6, 20.0)]
    price = price_within([cheap, dear], 15.0)
    assert price == pytest.approx(0.4 / 20)
    assert spent([cheap], price) == 10.0
