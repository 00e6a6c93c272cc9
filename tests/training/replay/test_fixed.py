from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tts_select.core.arm import Arm
from tts_select.core.plan import Settings
from tts_select.selector.portfolio import Portfolio
from tts_select.training.replay.cases import cases_of
from tts_select.training.replay.fixed import (
    BinTable,
    Board,
    Score,
    bin_table,
    bins_of,
    board_of,
    by_bins,
    cheapest_as_accurate,
    oracle,
)

SYNTHETIC = Path(__file__).parents[1] / "synthetic.py"


def board_from(correct: object, flops: object) -> Board:
    """One draw if there is no axis of draws."""
    correct, flops = np.array(correct, float), np.array(flops, float)
    if correct.ndim == 2:
        correct, flops = correct[..., None], flops[..., None]
    arms = tuple(Arm("p", None, "majority", k + 1) for k in range(len(correct)))
    return Board(arms, correct, flops)


def point(accuracy: float, cost: float) -> Score:
    return Score(np.array([accuracy, accuracy]), np.array([cost, cost]))


shapes = st.tuples(st.integers(1, 5), st.integers(1, 6), st.integers(1, 4))
boards = shapes.flatmap(
    lambda shape: st.builds(
        board_from,
        arrays(float, shape, elements=st.sampled_from([0.0, 1.0])),
        arrays(float, shape, elements=st.integers(1, 100).map(float)),
    )
)


def test_a_score_is_the_mean_over_problems() -> None:
    score = Score(np.array([0.0, 1.0, 0.5]), np.array([1.0, 2.0, 6.0]))
    assert (score.accuracy, score.cost) == (0.5, 3.0)
    found = score.as_dict()
    assert (found["accuracy"], found["cost"]) == (0.5, 3.0)
    assert 0 <= found["low"] <= 0.5 <= found["high"] <= 1


def test_a_board_scores_an_arm_by_its_name() -> None:
    board = board_from([[[1, 0], [1, 1]], [[0, 0], [0, 1]]], [[[1, 3], [2, 2]], [[8, 8], [8, 8]]])
    score = board.score("majority@1 p")
    assert score.correct.tolist() == [0.5, 1.0]
    assert score.flops.tolist() == [2.0, 2.0]
    assert {name: s.accuracy for name, s in board.scores().items()} == {
        "majority@1 p": 0.75,
        "majority@2 p": 0.25,
    }


def test_every_arm_is_replayed_in_the_same_draws() -> None:
    log = runpy.run_path(str(SYNTHETIC))["synthetic_log"](5)
    cases = cases_of(log)
    portfolio = Portfolio("all", log.manifest.arms)
    board = board_of(cases, portfolio, seed=3, n_draws=2)
    rng = np.random.default_rng(3)
    orders = [[case.order(rng) for _ in range(2)] for case in cases]
    for a, arm in enumerate(portfolio.arms):
        expected = [
            [case.outcome(arm, order) for order in drawn] for case, drawn in zip(cases, orders, strict=True)
        ]
        assert board.correct[a].tolist() == [[o.correct for o in drawn] for drawn in expected]
        assert board.flops[a].tolist() == [[o.flops for o in drawn] for drawn in expected]


def test_the_best_of_some_samples_is_known_without_drawing_any() -> None:
    log = runpy.run_path(str(SYNTHETIC))["synthetic_log"](4)
    cases = cases_of(log)
    best, vote = (
        Arm("world:small", "world:prm", "best_of_n", 4, Settings(selection=s)) for s in ("max", "vote")
    )
    board = board_of(cases, Portfolio("some", (best, vote)), seed=0, n_draws=64)
    for c, case in enumerate(cases):
        assert set(board.correct[0, c].tolist()) == {case.best_of(best)}
        rng = np.random.default_rng(1)
        drawn = [case.outcome(best, case.order(rng)).correct for _ in range(400)]
        assert case.best_of(best) == pytest.approx(np.mean(drawn), abs=0.08)
        assert set(board.correct[1, c].tolist()) <= {0.0, 1.0}


def without_luck(board: Board) -> Board:
    """Every draw as the first one."""
    return Board(board.arms, *(np.repeat(x[..., :1], 4, axis=-1) for x in (board.correct, board.flops)))


@given(boards, st.integers(0, 8).map(lambda k: k / 256))
def test_the_oracle_has_the_best_value_of_each_problem_and_then_the_least_cost(
    board: Board, price: float
) -> None:
    board = without_luck(board)
    best = oracle(board, price)
    for place in range(board.correct.shape[1]):
        found = [
            (float(s.correct[place] - price * s.flops[place]), float(s.flops[place]))
            for s in board.scores().values()
        ]
        top = max(value for value, _ in found)
        assert best.correct[place] - price * best.flops[place] == pytest.approx(top)
        assert best.flops[place] == min(flops for value, flops in found if value >= top - 1e-12)


def test_an_oracle_cannot_pick_luck() -> None:
    rng = np.random.default_rng(0)
    luck = board_from(rng.integers(0, 2, (20, 500, 8)), np.ones((20, 500, 8)))
    assert luck.correct.mean(axis=-1).max(axis=0).mean() > 0.75
    assert oracle(luck).accuracy == pytest.approx(0.5, abs=0.05)


def test_the_cheapest_of_the_arms_that_are_accurate_enough() -> None:
    scores = {"a": point(0.9, 9), "b": point(0.8, 5), "c": point(0.8, 4), "d": point(0.1, 1)}
    assert cheapest_as_accurate(scores, 0.8) is scores["c"]
    assert cheapest_as_accurate(scores, 0.0) is scores["d"]
    assert cheapest_as_accurate(scores, 0.95) is scores["a"]


@pytest.mark.parametrize("pass_at_1", [0.0, 0.05, 0.1, 0.3, 0.5, 1.0])
def test_bins_are_those_of_the_selector(pass_at_1: float) -> None:
    from tts_select.selector.difficulty import bin_of

    (found,) = bins_of(np.array([pass_at_1]))
    assert ["hard", "medium", "easy"][found] == bin_of(pass_at_1)


TRAINING = board_from(
    # easy, easy, hard, hard
    [[1, 1, 0, 0], [1, 1, 1, 0], [1, 0, 1, 1]],
    [[1, 1, 1, 1], [10, 10, 10, 10], [100, 100, 100, 100]],
)
BINS = np.array([2, 2, 0, 0])


def test_a_table_has_the_means_of_each_bin_and_of_all_for_a_bin_without_problems() -> None:
    table = bin_table(TRAINING, BINS)
    assert table.success.tolist() == [[0.0, 0.5, 1.0], [0.5, 0.75, 0.75], [1.0, 1.0, 0.5]]
    assert table.flops.tolist() == [[1, 10, 100]] * 3
    again = BinTable.from_dict(table.as_dict())
    assert again.success.tolist() == table.success.tolist()
    assert again.flops.tolist() == table.flops.tolist()


def test_each_bin_gets_its_best_arm_within_the_budget() -> None:
    test = board_from([[1, 0], [0, 1], [1, 1]], [[2, 2], [20, 20], [200, 200]])
    points = by_bins(bin_table(TRAINING, BINS), test, np.array([0, 2]), [0.5, 1, 10, 99, 100])
    assert [p.flops.tolist() for p in points] == [[2, 2], [2, 2], [20, 2], [20, 2], [200, 2]]
    assert [p.correct.tolist() for p in points] == [[1, 0], [1, 0], [0, 0], [0, 0], [1, 0]]


@given(boards, st.lists(st.floats(0.5, 200), min_size=1, max_size=4), st.data())
def test_no_arm_within_the_budget_is_better_on_a_bin_of_the_training_problems(
    board: Board, budgets: list[float], data: st.DataObject
) -> None:
    n = board.correct.shape[1]
    bins = np.array(data.draw(st.lists(st.integers(0, 2), min_size=n, max_size=n)))
    for budget, found in zip(budgets, by_bins(bin_table(board, bins), board, bins, budgets), strict=True):
        for k in set(bins.tolist()):
            here = bins == k
            within = [s for s in board.scores().values() if s.flops[here].mean() <= budget]
            best = max((s.correct[here].mean() for s in within), default=0.0)
            assert found.correct[here].mean() >= best - 1e-9
            if within:
                assert found.flops[here].mean() <= budget + 1e-9
