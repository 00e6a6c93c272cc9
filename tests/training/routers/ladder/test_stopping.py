"""Stopping rules against walking one row at a time, and what must hold for any outcomes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.made import made_log
from tts_select.selector.agreement import is_first
from tts_select.selector.routers.rungs import Rung
from tts_select.selector.routers.tally import AnswerModel, Belief
from tts_select.training.replay.climbing import Climb, climb, outcome, usual_of
from tts_select.training.replay.grouping import RIGHT
from tts_select.training.replay.orders import Replay, replay_of
from tts_select.training.routers.ladder.stopping import fit_answers, induce

RUNGS = (Rung("log:weak", 2), Rung("log:strong", 4))


@pytest.fixture(scope="module")
def replay() -> Replay:
    return replay_of(made_log(40), n_orders=6, seed=0)


@pytest.fixture(scope="module")
def walked(replay: Replay) -> Climb:
    return climb(RUNGS, replay, usual_of(replay))


@pytest.fixture(scope="module")
def answers(replay: Replay, walked: Climb) -> AnswerModel:
    return fit_answers(walked.tallies, np.ones(len(replay), bool))


@pytest.fixture(scope="module")
def beliefs(walked: Climb, answers: AnswerModel) -> list[Belief]:
    return [Belief.of(tally, answers) for tally in walked.tallies]


def prices_of(walked: Climb) -> np.ndarray:
    return np.geomspace(1e-3, 10.0, 9) / walked.costs[-1].mean()


def test_all_rows_at_once_stop_where_each_would_alone(walked: Climb, beliefs: list[Belief]) -> None:
    costs = walked.costs
    prices = prices_of(walked)
    found = induce(beliefs, costs, prices, np.ones(len(costs[0]), bool))
    for k in range(len(prices)):
        group, p, cost, n = outcome(found.stops[k], beliefs, costs)
        np.testing.assert_array_equal(found.correct[:, k], group == RIGHT)
        np.testing.assert_array_equal(found.cost[:, k], cost)
        for row in range(len(cost)):
            drawn = 1
            while drawn < len(beliefs) and beliefs[drawn - 1].terms()[row] @ found.stops[k][drawn - 1] > 0:
                drawn += 1
            at = beliefs[drawn - 1]
            assert (n[row], group[row], cost[row]) == (drawn, at.group[row], costs[drawn - 1][row])
            assert p[row] == at.p_correct[row]


def test_a_higher_price_buys_less(walked: Climb, beliefs: list[Belief]) -> None:
    costs = walked.costs
    found = induce(beliefs, costs, prices_of(walked), np.ones(len(costs[0]), bool))
    spent = found.cost.mean(axis=0)
    assert spent[0] > 2 * spent[-1]
    assert (np.diff(spent) <= 0.01 * spent[0]).all()
    assert spent[-1] == pytest.approx(costs[0].mean())


def test_the_rules_pay_in_their_own_coin(walked: Climb, beliefs: list[Belief]) -> None:
    """No number of draws fixed beforehand is worth more than stopping by the rules, on their own rows."""
    costs = walked.costs
    prices = prices_of(walked)
    found = induce(beliefs, costs, prices, np.ones(len(costs[0]), bool))
    worth = found.correct.mean(axis=0) - prices * found.cost.mean(axis=0)
    for belief, cost in zip(beliefs, costs, strict=True):
        fixed = (belief.group == RIGHT).mean() - prices * cost.mean()
        assert (worth >= fixed - 0.01).all()


def test_rows_that_are_not_learned_from_do_not_matter_to_the_rules(
    walked: Climb, beliefs: list[Belief]
) -> None:
    costs = walked.costs
    rows = np.arange(len(costs[0])) % 3 > 0
    prices = prices_of(walked)
    found = induce(beliefs, costs, prices, rows)
    changed = [
        Belief(np.where(rows, x.group, 5), x.p_correct, x.second, x.length) for x in beliefs
    ]  # they are wrong now
    np.testing.assert_array_equal(found.stops, induce(changed, costs, prices, rows).stops)


@pytest.mark.parametrize("p_right", [0.0, 1.0])
def test_constant_outcomes_are_learned_without_a_complaint(p_right: float) -> None:
    replay = replay_of(made_log(10, p_right=p_right), n_orders=4, seed=0)
    walked = climb(RUNGS, replay, usual_of(replay))
    answers = fit_answers(walked.tallies, np.ones(len(replay), bool))
    beliefs = [Belief.of(tally, answers) for tally in walked.tallies]
    costs = walked.costs
    found = induce(beliefs, costs, np.array([1.0]), np.ones(len(replay), bool))
    np.testing.assert_allclose(found.cost[:, 0], costs[0])  # more of the same changes nothing
    assert all(np.isfinite(belief.p_correct).all() for belief in beliefs)
    assert all((belief.p_correct > 0.9).all() == (p_right == 1.0) for belief in beliefs)


def test_more_votes_and_weaker_rivals_make_an_answer_likelier(
    replay: Replay, walked: Climb, answers: AnswerModel
) -> None:
    last = walked.tallies[-1]
    p, share = answers(last.features())[is_first(last.group)], last.features()[..., 0][is_first(last.group)]
    few, many = np.quantile(share, [0.2, 0.8])
    assert p[share >= many].mean() > p[share <= few].mean() + 0.3


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.integers(-2, 3), min_size=4, max_size=4), min_size=1, max_size=5))
def test_an_answer_stands_first_once(rows: list[list[int]]) -> None:
    first = is_first(np.array(rows))
    for row, places in zip(rows, first, strict=True):
        assert [g for g, here in zip(row, places, strict=True) if here] == [
            g for g in dict.fromkeys(row) if g >= 0
        ]


def test_a_rule_starts_from_what_is_expected(walked: Climb, beliefs: list[Belief]) -> None:
    """With no trust in the rows it does what is expected alone, and with all trust nothing is taken of it."""
    costs, every = walked.costs, np.ones(len(walked.costs[0]), bool)
    prices = prices_of(walked)
    expected = [np.full((len(every), len(prices)), worth) for worth in (1.0, 1.0, -1.0, 1.0, 1.0)]
    told = induce(beliefs, costs, prices, every, expected=expected, trust=0.0)
    for k in range(len(prices)):
        assert set(outcome(told.stops[k], beliefs, costs)[3]) == {3}
    found = induce(beliefs, costs, prices, every, expected=expected, trust=1.0)
    np.testing.assert_array_equal(found.stops, induce(beliefs, costs, prices, every).stops)
