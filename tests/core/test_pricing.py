import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_select.core.cost import Cost
from tts_select.core.errors import InputError
from tts_select.core.pricing import TokenPrice, dollars_of, price_of_tokens

PRICE = TokenPrice(input=1.0, output=4.0, cached=0.25)
COST = Cost(policy_prompt_tokens=1_000_000, policy_reused_tokens=2_000_000, policy_generated_tokens=500_000)
SCORED = Cost(prm_tokens=3_000_000, prm_reused_tokens=4_000_000)

numbers = st.floats(0, 1e6, allow_nan=False)
tokens = st.integers(0, 10**9)


def test_tokens_cost_what_the_price_list_says() -> None:
    assert dollars_of(COST, PRICE, None) == 1.0 + 0.5 + 2.0
    assert dollars_of(SCORED, None, PRICE) == 3.0 + 1.0
    assert dollars_of(COST + SCORED, PRICE, PRICE) == 3.5 + 4.0


def test_what_took_part_without_a_price_costs_an_unknown_amount() -> None:
    assert math.isnan(dollars_of(COST, None, PRICE))
    assert math.isnan(dollars_of(SCORED, PRICE, None))
    assert dollars_of(Cost(seconds=3.0), None, None) == 0.0


@given(cost_in=numbers, cost_out=numbers, read=tokens, written=tokens)
def test_twice_the_tokens_cost_twice_the_dollars(
    cost_in: float, cost_out: float, read: int, written: int
) -> None:
    price = TokenPrice.read({"input": cost_in, "output": cost_out}, "the price")
    once = price.of(read=read, written=written)
    assert price.of(read=2 * read, written=2 * written) == pytest.approx(2 * once)
    assert price.of(reused=read) == price.of(read=read), "cached is input where it is not said"


def test_a_price_is_read_back_as_it_was() -> None:
    assert TokenPrice.read(PRICE.as_dict(), "x") == TokenPrice.read(PRICE, "x") == PRICE
    assert TokenPrice.read({"input": 1}, "x", writes=False) == TokenPrice(1.0, 0.0, 1.0)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"input": 1}, "the price of x lacks output: write {input: 0.15"),
        ({"output": 1}, "the price of x lacks input"),
        ({"input": -1, "output": 1}, "the price of x, input is -1: write dollars per million tokens"),
        ({"input": math.nan, "output": 1}, "input is nan"),
        ({"input": math.inf, "output": 1}, "input is inf"),
        ({"input": True, "output": 1}, "input is True"),
        ({"input": "cheap", "output": 1}, "input is 'cheap'"),
        ({"input": 1, "ouput": 1}, "unknown part of the price of x 'ouput': did you mean 'output'"),
        (0.5, "the price of x is 0.5: write {input: 0.15"),
    ],
)
def test_a_price_that_cannot_be_is_refused_in_one_line(given: object, says: str) -> None:
    with pytest.raises(InputError) as refused:
        TokenPrice.read(given, "the price of x")
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


class Reader:
    """A model that is no policy."""

    name = "mine"

    def __init__(self, price: object) -> None:
        self.price = price


def test_a_model_may_say_its_price() -> None:
    assert price_of_tokens(object()) is None
    assert price_of_tokens(Reader(None)) is None
    assert price_of_tokens(Reader(PRICE)) is PRICE
    assert price_of_tokens(Reader({"input": 2})) == TokenPrice(input=2.0, output=0.0, cached=2.0)
    with pytest.raises(InputError, match=r"the price of mine is 0\.5: write"):
        price_of_tokens(Reader(0.5))
