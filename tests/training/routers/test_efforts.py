"""Efforts are priced on a smoothed frontier, so that no single problem moves them much."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_select.training.routers.efforts import EFFORTS, at_price, efforts_of, smoothed

PRICES = [float(p) for p in np.geomspace(1.0, 1e4, 11)]
RAGGED = [0.8634, 0.8565, 0.8565, 0.8611, 0.8611, 0.8565, 0.8356, 0.7778, 0.6227, 0.4352, 0.3542]
"""Of 432 problems; at the eighth price there is one problem more than 90 % of the best."""
frontiers = st.lists(st.integers(1, 16).map(lambda k: k / 16), min_size=2, max_size=11)


@pytest.mark.parametrize("place", range(11))
@pytest.mark.parametrize("change", [-1, 1])
def test_no_price_hangs_on_one_problem(place: int, change: int) -> None:
    before, changed = efforts_of(PRICES, RAGGED), list(RAGGED)
    changed[place] += change / 432
    after = efforts_of(PRICES, changed)
    most = {"low": 1.05, "medium": 1.1, "high": 1.3}
    for effort in EFFORTS:
        assert abs(math.log(after[effort] / before[effort])) < math.log(most[effort])


@given(frontiers)
def test_more_effort_has_a_lower_price_among_those_tried(accuracies: list[float]) -> None:
    prices = PRICES[: len(accuracies)]
    found = efforts_of(prices, accuracies)
    assert (
        prices[0] * (1 - 1e-9) <= found["high"] <= found["medium"] <= found["low"] <= prices[-1] * (1 + 1e-9)
    )


@given(frontiers)
def test_a_smoothed_frontier_falls_with_the_price_and_stays_within_what_was_seen(
    accuracies: list[float],
) -> None:
    smooth = smoothed(PRICES[: len(accuracies)], accuracies)
    assert (np.diff(smooth) <= 1e-12).all()
    assert min(accuracies) - 1e-12 <= smooth.min() <= smooth.max() <= max(accuracies) + 1e-12


def test_an_effort_is_where_the_smoothed_frontier_has_its_share() -> None:
    smooth = smoothed(PRICES, RAGGED)
    for effort, price in efforts_of(PRICES, RAGGED).items():
        at = float(np.interp(math.log(price), np.log(PRICES), smooth))
        assert at == pytest.approx(EFFORTS[effort] * smooth[0])


def test_a_flat_frontier_has_every_effort_at_the_dearest_price() -> None:
    assert efforts_of(PRICES, [0.5] * 11) == pytest.approx(dict.fromkeys(EFFORTS, PRICES[-1]))


def test_a_value_at_a_price_is_linear_in_its_logarithm() -> None:
    assert at_price(10.0, [1.0, 100.0], [0.2, 0.6]) == pytest.approx(0.4)
