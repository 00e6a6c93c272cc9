"""Replays what the report is about: every fixed arm, and the router over prices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from tts_select.core.arm import Arm
from tts_select.training.evaluation.frontier import Part, Subject, frontier_of, middle_of
from tts_select.training.evaluation.kinds import kind_of
from tts_select.training.evaluation.measured import Measured
from tts_select.training.log.records import SweepLog
from tts_select.training.replay.cases import Case
from tts_select.training.replay.costs import own_costs_of
from tts_select.training.replay.fixed import N_DRAWS, Board, Orders, Score, best_of, board_in, orders_of
from tts_select.training.replay.orders import MOST_SAMPLES, Replay, as_arrays
from tts_select.training.replay.strategies import fixed_arms

N_FOLDS = 5
N_PRICES = 16
CHEAPEST, DEAREST = 1e-3, 100.0
"""Prices that a router is replayed at, in probability per cost of the best fixed arm."""

Note = Callable[[str], None]


def measure(
    parts: Sequence[Part],
    log: SweepLog,
    cases: Sequence[Case],
    *,
    seed: int,
    note: Note,
    most_samples: int = MOST_SAMPLES,
) -> Measured:
    """Replay everything; nothing is compared yet. What votes on samples takes at most so many of them."""
    kind, is_imported = kind_of(parts[0].router), log.manifest.imported is not None
    n_draws = kind.n_orders if is_imported else N_DRAWS
    note("replaying every arm")
    orders = orders_of(cases, seed, n_draws)
    replay = as_arrays(cases, orders, log.manifest, most_samples=most_samples)
    board = votes_of(replay) if is_imported else board_in(cases, _arms(parts, log), orders)
    scores = board.scores()
    best = best_of(scores)
    # single samples are alike in cost: the router takes them in the orders of the arms, so that noise cancels
    shared = orders if is_imported else None
    subject, once = (
        Subject.of(parts, cases, log.manifest, seed=seed, n_draws=n, orders=shared, by=kind.replayed_by)
        for n in (n_draws, n_draws if is_imported else 1)
    )
    cost = _own_cost(log, cases, orders, next(arm for arm in board.arms if arm.name == best), scores[best])
    frontier = frontier_of(subject, _prices(parts, cost), note=note)
    return Measured(
        parts=parts,
        cases=cases,
        replay=replay,
        board=board,
        scores=scores,
        best=best,
        frontier=frontier,
        efforts=once.at_efforts(),
        middle=middle_of(parts, frontier),
        policy=_policy(parts, board, best),
        fold=_fold(parts, len(cases), seed),
        unit=replay.unit,
        is_imported=is_imported,
        seed=seed,
    )


def votes_of(replay: Replay) -> Board:
    """The majority votes of 1, 2, 4, ... samples of every pool, which are the fixed arms of an imported
    log."""
    outcomes = fixed_arms(replay)
    shape = (len(replay.ids), -1)
    correct, cost = (np.stack([o[k].reshape(shape) for o in outcomes.values()]) for k in (0, 1))
    return Board(tuple(outcomes), correct, cost)


def _arms(parts: Sequence[Part], log: SweepLog) -> tuple[Arm, ...]:
    """Those of the routers first, then what else the log has."""
    arms = (*(arm for part in parts for arm in part.router.portfolio.arms), *log.manifest.arms)
    return tuple({arm.name: arm for arm in arms}.values())


def _own_cost(log: SweepLog, cases: Sequence[Case], orders: Orders, best: Arm, score: Score) -> float:
    """What the best fixed arm costs in the log's own unit, which is that of the prices of routers."""
    if log.manifest.unit is None:
        return score.cost
    costs = own_costs_of(log.manifest)
    return board_in([replace(case, costs=costs) for case in cases], (best,), orders).scores()[best.name].cost


def _prices(parts: Sequence[Part], best_cost: float) -> Sequence[float]:
    """Those of the kind, or the usual ones; a router without prices is replayed at one."""
    first = parts[0]
    if (own := kind_of(first.router).prices) is not None:
        return own(first)
    if not first.router.prices:
        return [0.0]
    return [float(p) for p in np.geomspace(CHEAPEST, DEAREST, N_PRICES) / best_cost]


def _policy(parts: Sequence[Part], board: Board, best: str) -> str:
    """That of the arm for unfamiliar problems; routers of folds may differ in it, so that of the best arm."""
    if len(parts) == 1:
        router = parts[0].router
        return router.portfolio[router.fallback].policy
    return next(arm.policy for arm in board.arms if arm.name == best)


def _fold(parts: Sequence[Part], n: int, seed: int) -> np.ndarray:
    """Those that the routers were trained in, or folds of their own for a single router."""
    if len(parts) == 1:
        return np.random.default_rng(seed).permutation(n) % N_FOLDS
    fold = np.zeros(n, int)
    for k, part in enumerate(parts):
        fold[part.places] = k
    return fold
