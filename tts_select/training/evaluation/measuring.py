"""Replays what the report is about: every fixed arm, and the router over prices."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tts_select.selector.routers.protocol import Router
from tts_select.training.evaluation.checks import unit_of
from tts_select.training.evaluation.frontier import Part, frontier_of, middle_of
from tts_select.training.evaluation.kinds import kind_of
from tts_select.training.evaluation.measured import Measured
from tts_select.training.log.records import SweepLog
from tts_select.training.replay.cases import Case
from tts_select.training.replay.drawn import replay_from, sampled_pools
from tts_select.training.replay.fixed import N_DRAWS, Board, Score, best_of, board_in, orders_of
from tts_select.training.replay.orders import Replay
from tts_select.training.replay.strategies import fixed_arms

N_ORDERS = 50
"""Draws of a problem of an imported log: such logs have few problems, and samples alone are soon replayed."""
N_FOLDS = 5
N_PRICES = 16
CHEAPEST, DEAREST = 1e-3, 100.0
"""Prices that a router is replayed at, in probability per cost of the best fixed arm."""

Note = Callable[[str], None]


def measure(
    parts: Sequence[Part], log: SweepLog, cases: Sequence[Case], *, seed: int, note: Note
) -> Measured:
    """Replay everything; nothing is compared yet."""
    note("replaying every arm")
    replay, board = fixed(parts[0].router, log, cases, seed=seed)
    scores = board.scores()
    best = best_of(scores)
    prices = _prices(parts, scores[best])
    frontier = frontier_of(parts, cases, prices, seed=seed, n_draws=draws_of(log), note=note)
    return Measured(
        parts=parts,
        cases=cases,
        replay=replay,
        board=board,
        scores=scores,
        best=best,
        frontier=frontier,
        middle=middle_of(parts, frontier),
        policy=_policy(parts, board, best),
        fold=_fold(parts, len(cases), seed),
        unit=replay.unit,
        is_imported=log.manifest.imported is not None,
        n_effort_draws=1 if log.manifest.imported is None else N_ORDERS,
        seed=seed,
    )


def draws_of(log: SweepLog) -> int:
    """How often each problem is replayed."""
    return N_DRAWS if log.manifest.imported is None else N_ORDERS


def fixed(router: Router, log: SweepLog, cases: Sequence[Case], *, seed: int) -> tuple[Replay, Board]:
    """The samples as arrays, and every arm: the router's first, then what else the log has. In an imported
    log the arms are the majority votes of 1, 2, 4, ... samples."""
    orders = orders_of(cases, seed, draws_of(log))
    replay = replay_from(cases, orders, sampled_pools(log.manifest.arms), unit_of(log))
    if log.manifest.imported is None:
        arms = {arm.name: arm for arm in (*router.portfolio.arms, *log.manifest.arms)}
        return replay, board_in(cases, tuple(arms.values()), orders)
    outcomes = fixed_arms(replay)
    shape = (len(cases), -1)
    correct, cost = (np.stack([o[k].reshape(shape) for o in outcomes.values()]) for k in (0, 1))
    return replay, Board(tuple(outcomes), correct, cost)


def _prices(parts: Sequence[Part], best: Score) -> Sequence[float]:
    """Those of the kind, or the usual ones; a router without prices is replayed at one."""
    first = parts[0]
    if (own := kind_of(first.router).prices) is not None:
        return own(first)
    if not first.router.prices:
        return [0.0]
    return [float(p) for p in np.geomspace(CHEAPEST, DEAREST, N_PRICES) / best.cost]


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
