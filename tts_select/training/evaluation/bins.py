"""The paper's compute-optimal strategy beside the router: the best arm of each difficulty bin and budget
(arXiv 2502.06703, section 3.2), with known and with estimated difficulty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tts_select.training.evaluation.difficulty import Estimate
from tts_select.training.replay.fixed import BinTable, Board, Score, bin_table, bins_of, by_bins

N_BUDGETS = 12

Strategies = dict[str, list[Score]]
"""By how difficulty is known, the strategy at every budget."""


def budgets_of(scores: Mapping[str, Score]) -> list[float]:
    """From what the cheapest arm costs to what the dearest does."""
    costs = [s.cost for s in scores.values()]
    return [float(b) for b in np.geomspace(min(costs), max(costs), N_BUDGETS)]


def by_trained_table(
    table: BinTable, board: Board, budgets: Sequence[float], known: np.ndarray, estimate: Estimate
) -> Strategies:
    """By a table of the training problems; what an estimate has cost is added."""
    guessed = by_bins(table, board, bins_of(estimate.pass_at_1), budgets)
    return {
        "oracle": by_bins(table, board, bins_of(known), budgets),
        "estimated": [Score(p.correct, p.flops + estimate.cost) for p in guessed],
    }


def in_folds(
    board: Board, budgets: Sequence[float], known: np.ndarray, estimate: Estimate, fold: np.ndarray
) -> Strategies:
    """By tables of the measured problems themselves: for each fold that of the others."""
    guessed = _in_folds(board, budgets, known, bins_of(estimate.pass_at_1), fold)
    return {
        "oracle": _in_folds(board, budgets, known, bins_of(known), fold),
        "estimated": [Score(p.correct, p.flops + estimate.cost) for p in guessed],
    }


def _in_folds(
    board: Board, budgets: Sequence[float], known: np.ndarray, bins: np.ndarray, fold: np.ndarray
) -> list[Score]:
    correct = np.zeros((len(budgets), len(known)))
    flops = np.zeros_like(correct)
    for k in np.unique(fold):
        here = fold == k
        table = bin_table(board.of(~here), bins_of(known[~here]))
        for b, point in enumerate(by_bins(table, board.of(here), bins[here], budgets)):
            correct[b, here], flops[b, here] = point.correct, point.flops
    return [Score(c, f) for c, f in zip(correct, flops, strict=True)]
