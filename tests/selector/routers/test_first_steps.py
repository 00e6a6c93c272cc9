"""What is expected of first steps at prices, between them, and after JSON."""

from __future__ import annotations

import numpy as np
import pytest

from tts_select.selector.by_text import Heads
from tts_select.selector.routers.first_steps import FirstStep, FirstSteps

STEPS = (FirstStep("cot@1 a", 1), FirstStep("cot@1 b", 1))
TEXT = np.array([1.0, 2.0])


def first_steps() -> FirstSteps:
    """At 0.01 both are likely right and dear, at 1 neither is; the second gains by what the text is like."""
    p = np.array([[0.8, 0.0], [0.7, 0.1], [0.4, 0.0], [0.3, 0.0]])
    cost = np.log([[1000.0, 1.0], [1000.0, 1.0], [10.0, 1.0], [10.0, 1.0]])
    return FirstSteps(STEPS, np.array([0.01, 1.0]), Heads(p, cost))


@pytest.mark.parametrize(
    ("price", "p", "cost"),
    [
        (0.0, [0.8, 0.9], 1000.0),
        (0.01, [0.8, 0.9], 1000.0),
        (0.1, [0.6, 0.6], 100.0),
        (1.0, [0.4, 0.3], 10.0),
        (50.0, [0.4, 0.3], 10.0),
    ],
)
def test_between_two_prices_it_is_between_what_is_expected_there(
    price: float, p: list[float], cost: float
) -> None:
    found = first_steps().at(TEXT, price)
    np.testing.assert_allclose(found.p_correct, p)
    np.testing.assert_allclose(found.cost, cost)


def test_first_steps_are_the_same_after_json() -> None:
    again = FirstSteps.from_dict(first_steps().as_dict(), 1)
    assert again.steps == STEPS
    np.testing.assert_array_equal(again.at(TEXT, 0.3).cost, first_steps().at(TEXT, 0.3).cost)


@pytest.mark.parametrize("prices", [[], [1.0, 0.5], [0.0, 1.0]])
def test_prices_that_do_not_rise_are_refused(prices: list[float]) -> None:
    with pytest.raises(ValueError, match="rise from more than 0"):
        FirstSteps.from_dict({**first_steps().as_dict(), "prices": prices}, 1)


def test_what_is_of_other_texts_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        FirstSteps.from_dict(first_steps().as_dict(), 3)
