"""The text-only router: for each price the arm that the text alone calls for, run to its end, and nothing is
looked at first. What a router is worth beside it is what looking is worth.

Where the router keeps what texts say (`selector/by_text.py`) it is of the same training problems; else it is
fitted in the folds of the measured problems, each told by the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tts_select.selector.by_text import Expected, best_at
from tts_select.selector.routers.lookahead import LookaheadRouter
from tts_select.training.evaluation.comparing import accuracies_at, gap_to
from tts_select.training.evaluation.measured import Measured
from tts_select.training.evaluation.records import AtCost, TextOnly, point_of
from tts_select.training.replay.curves import Curve
from tts_select.training.replay.fixed import Board, Score
from tts_select.training.replay.resampling import intervals
from tts_select.training.routers.text.fit import fit_model, outcomes_of

N_PRICES, N_COSTS = 40, 8
LEAST, MOST = 1e-5, 2.0
"""Prices in probability, per cost of the dearest arm and of the cheapest: from where cost does not matter to
where nothing but cost does."""


@dataclass(frozen=True, slots=True)
class Frontier:
    """The text-only router at each price, the lowest first."""

    prices: list[float]
    scores: list[Score]

    @property
    def undominated(self) -> list[Score]:
        """From cheap to dear, those that are more accurate than all that are cheaper."""
        found: list[Score] = []
        for score in sorted(self.scores, key=lambda s: (s.cost, -s.accuracy)):
            if not found or score.accuracy > found[-1].accuracy:
                found.append(score)
        return found


def text_only(measured: Measured) -> TextOnly:
    """The text-only router at every price, and the router beside it at equal cost."""
    found = frontier_of(measured)
    points, others = measured.frontier.scores, found.undominated
    curve, other = Curve.of(points), Curve.of(others)
    rows = _at_costs(curve, other)
    return {
        "frontier": [
            {"price": price, **point_of(score, measured.unit)}
            for price, score in zip(found.prices, found.scores, strict=True)
        ],
        "router_minus": gap_to(curve, other),
        "at_costs": rows,
        "worst": min(rows, key=lambda row: row["difference"]["value"]) if rows else None,
    }


def frontier_of(measured: Measured) -> Frontier:
    """The text-only router at every price."""
    expected, board = _expected(measured), measured.board
    success, cost = board.correct.mean(axis=-1), board.flops.mean(axis=-1)
    means = np.mean([e.cost for e in expected], axis=0)
    prices = [float(p) for p in np.geomspace(LEAST / means.max(), MOST / means.min(), N_PRICES)]
    places = np.arange(len(expected))
    scores = []
    for price in prices:
        picked = np.array([best_at(e, price) for e in expected])
        scores.append(Score(success[picked, places], cost[picked, places]))
    return Frontier(prices, scores)


def _expected(measured: Measured) -> list[Expected]:
    """Of each problem what its text says of the arms of the board; in folds it says what they cost in the
    unit of the report."""
    names = [arm.name for arm in measured.board.arms]
    texts = [problem.problem for problem in measured.problems]
    routers = [part.router for part in measured.parts]
    if all(isinstance(r, LookaheadRouter) and r.by_text and {*r.by_text.arms} == {*names} for r in routers):
        return _by_routers(measured, names, texts)
    return _in_folds(measured.board, texts, measured.fold)


def _by_routers(measured: Measured, names: Sequence[str], texts: Sequence[str]) -> list[Expected]:
    found: dict[int, Expected] = {}
    for part in measured.parts:
        assert isinstance(part.router, LookaheadRouter)
        assert part.router.by_text is not None
        order = [part.router.by_text.arms.index(name) for name in names]
        for place in part.places.tolist():
            said = part.router.by_text.of_arms(texts[place])
            found[place] = Expected(said.p_correct[order], said.cost[order])
    return [found[place] for place in range(len(texts))]


def _in_folds(board: Board, texts: Sequence[str], fold: np.ndarray) -> list[Expected]:
    found: dict[int, Expected] = {}
    for k in np.unique(fold):
        others = np.flatnonzero(fold != k).tolist()
        model = fit_model([texts[n] for n in others], outcomes_of(board.of(fold != k)))
        found |= {n: model.of_arms(texts[n]) for n in np.flatnonzero(fold == k).tolist()}
    return [found[place] for place in range(len(texts))]


def _at_costs(router: Curve, alone: Curve) -> list[AtCost]:
    """Both frontiers at equal costs, from where both begin to the dearest point of either."""
    least = max(float(curve.costs[0].min()) for curve in (router, alone))
    most = max(float(curve.costs[0].max()) for curve in (router, alone))
    costs = np.geomspace(least, most, N_COSTS) if most > least else np.array([least])
    asked = np.tile(costs, (len(router.costs), 1))
    one, other = (accuracies_at(curve, asked) for curve in (router, alone))
    return [
        {
            "cost": float(cost),
            "router": float(one[0, k]),
            "text_only": float(other[0, k]),
            "difference": difference.as_dict(),
        }
        for k, (cost, difference) in enumerate(zip(costs, intervals(one - other), strict=True))
        if not np.isnan(difference.value)
    ]
