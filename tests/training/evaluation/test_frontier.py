"""Walks of parts put together, and which price is looked at more closely."""

from __future__ import annotations

import numpy as np
import pytest

from tests.training.evaluation.by_hand import ByHand
from tts_select.training.evaluation.frontier import Frontier, Part, Walked, efforts_of, middle_of
from tts_select.training.replay.fixed import Score


def walked(*cost: float) -> Walked:
    values = np.array([cost, [10 * c for c in cost]])
    return Walked(values / 100, values, values, values / 200, values > 0, values.astype(object))


def test_walks_of_parts_are_joined_in_the_order_of_the_problems() -> None:
    found = Walked.joined([(np.array([3, 0]), walked(4.0, 1.0)), (np.array([1, 2]), walked(2.0, 3.0))])
    assert found.cost.tolist() == [[1.0, 2.0, 3.0, 4.0], [10.0, 20.0, 30.0, 40.0]]
    assert found.correct.tolist() == (found.cost / 100).tolist()
    assert found.last.tolist() == found.cost.tolist()
    assert found.score.flops.tolist() == [5.5, 11.0, 16.5, 22.0]


@pytest.mark.parametrize(
    ("router", "n_parts", "middle"),
    [
        (ByHand(prices={"medium": 0.02}), 1, 0),  # the closest, as a ratio
        (ByHand(prices={"medium": 0.04}), 1, 1),
        (ByHand(prices={}), 1, 2),  # the dearest that keeps 99 % of the best
        (ByHand(prices={"medium": 0.02}), 2, 2),
    ],
)
def test_the_middle_price_is_that_of_medium_effort_or_the_dearest_that_keeps_almost_all(
    router: ByHand, n_parts: int, middle: int
) -> None:
    scores = [Score(np.full(4, accuracy), np.ones(4)) for accuracy in (0.9, 0.895, 0.892, 0.5)]
    frontier = Frontier((0.01, 0.1, 1.0, 10.0), [], scores)
    assert middle_of([Part(router, {}, np.arange(4))] * n_parts, frontier) == middle


def test_the_least_effort_comes_first_however_an_artifact_has_them() -> None:
    router = ByHand(prices={"high": 0.01, "low": 0.9, "medium": 0.01, "own": 0.3})
    found = efforts_of([Part(router, {}, np.arange(4))])
    assert list(found.items()) == [("low", [0.9]), ("medium", [0.01]), ("high", [0.01]), ("own", [0.3])]
