"""What a text says of arms: by hand, after JSON, and malformed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tts_select.selector.by_text import (
    Description,
    Expected,
    Heads,
    TextModel,
    best_at,
    names_of,
    raw_numbers,
    told,
)
from tts_select.selector.text_features import TEXT_FEATURES
from tts_select.selector.wording import Wording

WORDING = Wording(("pen", "start"), np.ones(2), np.array([[1.0], [-1.0]]))
N = 1 + len(TEXT_FEATURES)


def model() -> TextModel:
    """Pens are for A, starts for B; both cost e to the axis."""
    description = Description(WORDING, np.zeros(N), np.ones(N))
    p, cost = np.zeros((3, 1 + N)), np.zeros((2 + 1, 1 + N))
    p[:, 0], p[0, 1], p[1, 1], p[2, 1] = 0.5, 0.25, -0.25, 9.0
    cost[:2, 0], cost[0, 1] = math.log(100.0), 1.0
    return TextModel(description, ("A", "B"), ("policy",), Heads(p, cost))


def test_arms_are_told_apart_by_words() -> None:
    at = math.asinh(1.0)
    pen, start = model().of_arms("a pen"), model().of_arms("start")
    np.testing.assert_allclose(pen.p_correct, [0.5 + at / 4, 0.5 - at / 4])
    np.testing.assert_allclose(start.p_correct, [0.5 - at / 4, 0.5 + at / 4])
    np.testing.assert_allclose(pen.cost, [100 * math.exp(at), 100.0])


def test_probabilities_stay_probabilities() -> None:
    assert model().of_policies("a pen").tolist() == [1.0]
    assert model().of_policies("start").tolist() == [0.0]


def test_the_best_at_a_price_is_worth_most_and_of_equals_costs_least() -> None:
    found = Expected(np.array([0.9, 0.5, 0.5]), np.array([100.0, 20.0, 10.0]))
    assert [best_at(found, price) for price in (0.0, 0.004, 0.005, 1.0)] == [0, 0, 2, 2]
    assert best_at(Expected(np.array([0.5, 0.5]), np.array([20.0, 10.0])), 0.0) == 1


def test_what_is_told_has_names() -> None:
    assert names_of(model()) == ("pass_at_1 policy", "axis_0")
    assert told(model(), "start") == (0.0, -math.asinh(1.0))
    assert (names_of(None), told(None, "start")) == ((), ())


def test_a_model_says_the_same_after_json() -> None:
    again = TextModel.from_dict(model().as_dict())
    for text in ("a pen", "start", "", "nothing of these 12"):
        np.testing.assert_array_equal(again.of_arms(text).p_correct, model().of_arms(text).p_correct)
        np.testing.assert_array_equal(again.of_arms(text).cost, model().of_arms(text).cost)


def without(record: dict[str, Any], *keys: str) -> dict[str, Any]:
    """The record with one entry less in the list at these keys."""
    first, *rest = keys
    return {**record, first: without(record[first], *rest) if rest else list(record[first])[1:]}


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (("arms",), "does not fit the portfolio"),
        (("heads", "log_cost"), "does not fit the portfolio"),
        (("description", "means"), "other features"),
        (("description", "wording", "terms"), "terms of a wording"),
    ],
)
def test_a_malformed_model_is_refused(keys: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TextModel.from_dict(without(model().as_dict(), *keys))


def test_numbers_without_end_stay_finite() -> None:
    huge = "9" * 400
    assert np.isfinite(model().description.of(huge)).all()
    assert len(raw_numbers(huge, WORDING)) == N
