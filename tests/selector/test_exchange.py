"""What one unit of cost is in another: exchange rates, and the dollars that an option is expected to cost."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_select.core.arm import Arm
from tts_select.core.cost import Cost
from tts_select.core.errors import InputError, UnknownName
from tts_select.core.pricing import MILLION, TokenPrice
from tts_select.selector.deciding import Caps, Option
from tts_select.selector.exchange import (
    DOLLARS,
    FLOPS,
    SAMPLES,
    SECONDS,
    TOKENS,
    ModelRate,
    Price,
    Round,
    Tariff,
)

SMALL = ModelRate(1_000, TokenPrice(input=1.0, output=2.0, cached=0.5))
LARGE = ModelRate(10_000, TokenPrice(input=4.0, output=20.0, cached=2.0))
PRM = ModelRate(500, TokenPrice(input=3.0, output=0.0, cached=3.0))
TARIFF = Tariff(FLOPS, {"small": SMALL, "large": LARGE}, {"prm": PRM})
MAJORITY, JUDGED = Arm("small", None, "majority", 4), Arm("small", "prm", "best_of_n", 4)

worths = st.floats(0, 1e9)


@given(worths)
def test_a_number_alone_is_in_the_routers_unit(worth: float) -> None:
    assert Price.read(worth) == Price.read(str(worth)) == Price(worth)
    assert TARIFF.in_own_unit(Price(worth), Cost()) == worth


@pytest.mark.parametrize(
    ("said", "price"),
    [
        ("0.1/dollar", Price(0.1, DOLLARS)),
        ("0.1/Dollars", Price(0.1, DOLLARS)),
        ("1e-6 / token", Price(1e-6, TOKENS)),
        ("0.01/second", Price(0.01, SECONDS)),
        ("2e-15/FLOP", Price(2e-15, FLOPS)),
        ("2e-15/flops", Price(2e-15, FLOPS)),
    ],
)
def test_a_price_may_be_per_another_unit(said: str, price: Price) -> None:
    assert Price.read(said) == price


@pytest.mark.parametrize(
    "said", ["", "-1", "nan", "inf", "much", "/dollar", "-0.1/dollar", "nan/token", -1.0]
)
def test_a_price_below_zero_or_without_a_number_is_refused(said: str | float) -> None:
    with pytest.raises(InputError, match=r"write 0 or more.*as in 0\.1/dollar"):
        Price.read(said)


def test_an_unknown_unit_is_corrected() -> None:
    with pytest.raises(UnknownName, match="unknown unit of a price 'dolar': did you mean 'dollar'"):
        Price.read("0.1/dolar")


def test_a_token_of_each_policy_says_what_a_unit_is_worth() -> None:
    per_flop = (2.0 + 20.0) / MILLION / (2 * 11_000)  # dollars in a FLOP
    assert TARIFF.in_own_unit(Price(0.5, DOLLARS), Cost()) == pytest.approx(0.5 * per_flop)
    assert TARIFF.in_own_unit(Price(0.5, TOKENS), Cost()) == pytest.approx(0.5 * 2 / (2 * 11_000))
    in_characters = replace(TARIFF, unit="characters")
    assert in_characters.in_own_unit(Price(0.3, TOKENS), Cost()) == pytest.approx(0.1)


@given(worths, st.sampled_from([FLOPS, TOKENS, DOLLARS]), st.sampled_from([FLOPS, TOKENS, DOLLARS]))
def test_to_another_unit_and_back_is_the_same_price(worth: float, one: str, other: str) -> None:
    there = replace(TARIFF, unit=other).in_own_unit(Price(worth, one), Cost())
    assert replace(TARIFF, unit=one).in_own_unit(Price(there, other), Cost()) == pytest.approx(worth)


def test_the_bill_says_what_the_models_do_not() -> None:
    nameless = Tariff(FLOPS, {"small": ModelRate(None, SMALL.price)})
    price = Price(0.5, DOLLARS)
    assert math.isnan(nameless.in_own_unit(price, Cost()))
    assert nameless.in_own_unit(price, Cost(flops=1e6, dollars=0.02)) == pytest.approx(0.5 * 0.02 / 1e6)
    assert math.isnan(nameless.in_own_unit(price, Cost(flops=math.nan, dollars=0.02)))


def test_a_second_is_what_the_next_round_takes_of_them() -> None:
    price, waited = Price(0.5, SECONDS), Cost(flops=1e6, policy_generated_tokens=500, seconds=20.0)
    ahead = Round("large", n=4, tokens=400.0, seconds=8.0)
    for unit, each in ((FLOPS, 8.0 / (400 * 2 * 10_000)), (TOKENS, 8.0 / 400), (SAMPLES, 8.0 / 4)):
        rate = replace(TARIFF, unit=unit, ahead=ahead).in_own_unit(price, waited)
        assert rate == pytest.approx(0.5 * each)
    longer = replace(TARIFF, ahead=ahead._replace(seconds=16.0))
    assert longer.in_own_unit(price, waited) > replace(TARIFF, ahead=ahead).in_own_unit(price, waited)


def test_without_a_prediction_the_bill_says_what_was_waited_for() -> None:
    price, waited = Price(0.5, SECONDS), Cost(flops=1e6, policy_generated_tokens=500, seconds=20.0)
    nothing_new = Round("small", n=0, tokens=0.0, seconds=3.0)
    for tariff in (TARIFF, replace(TARIFF, ahead=nothing_new)):
        assert tariff.in_own_unit(price, waited) == pytest.approx(0.5 * 20.0 / 1e6)
    counted = replace(TARIFF, unit=SAMPLES, n_samples=5)
    assert counted.in_own_unit(price, waited) == pytest.approx(0.5 * 20.0 / 5)
    assert math.isnan(TARIFF.exchanged(price, Cost(), may_wait=True))
    with pytest.raises(InputError, match="how long a policy takes is not known before it has run"):
        TARIFF.exchanged(price, Cost())


def test_what_is_missing_for_an_exchange_is_named() -> None:
    free = Tariff(FLOPS, {"small": SMALL, "large": ModelRate(10_000)})
    assert "the price of large is not known" in str(free.lacks(Price(1, DOLLARS)))
    unsized = Tariff(FLOPS, {"small": ModelRate(None, SMALL.price)})
    assert "the size of small is not known" in str(unsized.lacks(Price(1, TOKENS)))
    assert Tariff("samples", {"small": SMALL}).lacks(Price(1, TOKENS)) is None


def test_what_is_written_and_what_is_read_have_their_prices() -> None:
    tokens, prompt, scored = 100, 40, 700
    plain = Option(MAJORITY, 0.5, 2 * 1_000 * (tokens + prompt), tokens)
    assert TARIFF.dollars(plain) == pytest.approx((100 * 2.0 + 40 * 1.0) / MILLION)
    judged = Option(JUDGED, 0.5, 2 * (1_000 * tokens + 500 * scored), tokens)
    assert TARIFF.dollars(judged) == pytest.approx((100 * 2.0 + 700 * 3.0) / MILLION)
    assert TARIFF.dollars(Option(None, 0.5, 0.0)) == 0.0, "to stop costs nothing"


def test_where_samples_are_counted_a_prm_reads_what_is_written() -> None:
    tariff = replace(TARIFF, unit=SAMPLES)
    assert tariff.dollars(Option(MAJORITY, 0.5, 3.0, 200)) * MILLION == pytest.approx(200 * 2.0)
    assert tariff.dollars(Option(JUDGED, 0.5, 3.0, 200)) * MILLION == pytest.approx(200 * 2.0 + 200 * 3.0)


def test_of_two_policies_on_a_ladder_the_flops_show_who_writes() -> None:
    cost = 2 * (300 * 1_000 + 100 * 10_000)
    ladder = Option(MAJORITY, 0.5, cost, 400, later="large")
    assert TARIFF.dollars(ladder) == pytest.approx((300 * 2.0 + 100 * 20.0) / MILLION)
    in_tokens = replace(TARIFF, unit=TOKENS).dollars(replace(ladder, flops=400.0))
    assert in_tokens == pytest.approx((200 * 2.0 + 200 * 20.0) / MILLION), (
        "half and half, if nothing shows it"
    )


def test_dollars_are_unknown_where_a_price_is() -> None:
    unpriced = Tariff(FLOPS, {"small": SMALL, "large": ModelRate(10_000)}, {"prm": ModelRate(500)})
    assert math.isnan(unpriced.dollars(Option(JUDGED, 0.5, 1e6, 10)))
    assert math.isnan(unpriced.dollars(Option(MAJORITY, 0.5, 1e6, 10, later="large")))
    assert not math.isnan(unpriced.dollars(Option(MAJORITY, 0.5, 1e6, 10)))
    assert unpriced.without_price(["small"], []) is None
    assert unpriced.without_price(["small"], ["prm"]) == "prm"
    assert unpriced.without_price(["strange"], []) == "strange", "what is not loaded has none"


def test_a_cap_in_dollars_leaves_out_what_is_dearer() -> None:
    option = Option(MAJORITY, 0.5, 2 * 1_000 * 100, 100)  # 200 millionths
    assert Caps(dollars=2.01e-4, tariff=TARIFF).allow(option)
    assert not Caps(dollars=1.99e-4, tariff=TARIFF).allow(option)
    assert not Caps(dollars=3e-4, tariff=TARIFF).after(0, 0, 1.5e-4).allow(option)
    assert Caps(dollars=0.0, tariff=TARIFF).allow(Option(None, 0.5, 0.0))
    assert Caps(dollars=0.0).allow(option), "what is not known is allowed"
