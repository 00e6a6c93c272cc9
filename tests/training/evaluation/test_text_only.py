"""The text-only router: the arm that the text calls for, told by other problems, and the router beside it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from tests.training.evaluation.by_hand import measured_by_hand
from tts_select.selector.by_text import best_at
from tts_select.training.evaluation.measured import Measured
from tts_select.training.evaluation.text_only import Frontier, frontier_of, text_only
from tts_select.training.replay.envelope import accuracy_at
from tts_select.training.replay.fixed import Board, Score
from tts_select.training.routers.text.fit import fit_model, outcomes_of


def by_slow_means(measured: Measured, price: float) -> tuple[list[float], list[float]]:
    """One problem after the other, told by a model of those of the other folds."""
    board, correct, cost = measured.board, [], []
    texts = [case.problem.problem for case in measured.cases]
    for n, text in enumerate(texts):
        others = [k for k in range(len(texts)) if measured.fold[k] != measured.fold[n]]
        inside = Board(board.arms, board.correct[:, others], board.flops[:, others])
        model = fit_model([texts[k] for k in others], outcomes_of(inside))
        pick = best_at(model.of_arms(text), price)
        correct.append(float(board.correct[pick, n].mean()))
        cost.append(float(board.flops[pick, n].mean()))
    return correct, cost


def test_each_problem_is_told_by_the_others_and_gets_one_arm() -> None:
    measured = measured_by_hand()
    found = frontier_of(measured)
    for place in (0, 20, 39):
        correct, cost = by_slow_means(measured, found.prices[place])
        assert found.scores[place].correct.tolist() == pytest.approx(correct)
        assert found.scores[place].flops.tolist() == pytest.approx(cost)


def test_it_has_not_seen_the_outcomes_of_a_problem() -> None:
    measured = measured_by_hand()
    here = measured.fold == measured.fold[0]
    flipped = measured.board.correct.copy()
    flipped[:, here] = 1 - flipped[:, here]
    other = replace(measured, board=replace(measured.board, correct=flipped))
    for one, two in zip(frontier_of(measured).scores, frontier_of(other).scores, strict=True):
        np.testing.assert_array_equal(one.correct[here], 1 - two.correct[here])
        np.testing.assert_array_equal(one.flops[here], two.flops[here])


def test_without_a_price_it_spends_most_and_at_the_highest_it_spends_least() -> None:
    measured = measured_by_hand()
    found = frontier_of(measured)
    assert found.scores[-1].cost == pytest.approx(min(s.cost for s in measured.scores.values()))
    assert found.scores[0].cost >= found.scores[-1].cost


def test_the_router_beside_it_is_taken_at_equal_cost() -> None:
    measured = measured_by_hand()
    found, every = text_only(measured), np.arange(len(measured.cases))
    assert found["at_costs"]
    for row in found["at_costs"]:
        router = accuracy_at(measured.frontier.scores, row["cost"], every)
        alone = accuracy_at(frontier_of(measured).undominated, row["cost"], every)
        assert (row["router"], row["text_only"]) == pytest.approx((router, alone))
        assert row["difference"]["value"] == pytest.approx(router - alone)
        assert row["difference"]["low"] <= row["difference"]["value"] <= row["difference"]["high"]
    worst = found["worst"]
    assert worst is not None
    assert worst["difference"]["value"] == min(row["difference"]["value"] for row in found["at_costs"])


def test_points_that_are_dearer_and_no_better_are_not_worth_having() -> None:
    scores = [Score(np.array([p]), np.array([c])) for p, c in ((0.5, 4), (0.4, 5), (0.5, 1), (0.9, 9))]
    assert [s.cost for s in Frontier([0.0] * 4, scores).undominated] == [1, 9]
    assert not math.isnan(scores[0].accuracy)
