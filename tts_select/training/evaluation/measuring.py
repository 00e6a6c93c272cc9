"""Replays what the report is about: every fixed arm, and the router over prices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tts_select.core.arm import Arm
from tts_select.training.evaluation.frontier import Frontier, Part, middle_by_name, middle_of
from tts_select.training.evaluation.kinds import kind_of
from tts_select.training.evaluation.measured import Measured
from tts_select.training.evaluation.replays import Replays, Trainings
from tts_select.training.evaluation.spread import HERE, Note, Spread
from tts_select.training.evaluation.trainings import replayed
from tts_select.training.log.records import SweepLog
from tts_select.training.replay.cases import Case
from tts_select.training.replay.costs import own_costs_of
from tts_select.training.replay.fixed import Board, Orders, Score, best_of, board_in
from tts_select.training.replay.many import RandomOrders, in_chunks
from tts_select.training.replay.orders import MOST_SAMPLES, Replay, ReplayInParts
from tts_select.training.replay.strategies import fixed_arms

N_FOLDS = 5
N_ORDERS = 16
"""Draws of each problem of a sweep."""
N_PRICES = 16
CHEAPEST, DEAREST = 1e-3, 100.0
"""Prices that a router is replayed at, in probability per cost of the best fixed arm."""


def measure(
    trainings: Trainings,
    log: SweepLog,
    cases: Sequence[Case],
    *,
    seed: int,
    note: Note,
    most_samples: int = MOST_SAMPLES,
    n_orders: int | None = None,
    spread: Spread = HERE,
) -> Measured:
    """Replay everything; nothing is compared yet. What votes on samples takes at most so many of them, and
    each problem is replayed in so many orders (None: as many as its kind takes)."""
    parts = trainings[0]
    kind, is_imported = kind_of(parts[0].router), log.manifest.imported is not None
    n_draws = n_orders or (kind.n_orders if is_imported else N_ORDERS)
    note("replaying every arm")
    orders = RandomOrders(cases, seed, n_draws)
    replay = ReplayInParts.of(cases, orders, log.manifest, most_samples=most_samples)
    board = votes_of(replay) if is_imported else _board_of(cases, _arms(trainings, log), orders)
    scores = board.scores()
    best = best_of(scores)
    # single samples are alike in cost: the router takes them in the orders of the arms, so that noise cancels
    shared = orders if is_imported else None
    replays = Replays(cases, log.manifest, seed, n_draws, shared, kind.replayed_by, spread)
    cost = _own_cost(log, cases, orders, next(arm for arm in board.arms if arm.name == best), scores[best])
    prices = _prices(parts, cost)
    looked_at = [k for k in [middle_by_name(parts, prices)] if k is not None]
    whole = range(len(prices)) if replays.in_one_go else looked_at
    frontier, efforts = replayed(trainings, prices, replays, whole=whole, note=note)
    middle = middle_of(parts, frontier)
    if middle not in whole:
        frontier = _looked_at(frontier, middle, parts, replays, note)
    return Measured(
        trainings=trainings,
        cases=cases,
        replay=replay,
        board=board,
        scores=scores,
        best=best,
        frontier=frontier,
        efforts=efforts,
        middle=middle,
        policy=_policy(parts, board, best),
        fold=_fold(parts, len(cases), seed),
        unit=replay.unit,
        is_imported=is_imported,
        seed=seed,
    )


def votes_of(replay: Replay | ReplayInParts) -> Board:
    """The majority votes of 1, 2, 4, ... samples of every pool, which are the fixed arms of an imported
    log."""
    return Board.joined(map(_votes_of, replay.parts()))


def _votes_of(replay: Replay) -> Board:
    outcomes = fixed_arms(replay)
    shape = (len(replay.ids), -1)
    correct, cost = (np.stack([o[k].reshape(shape) for o in outcomes.values()]) for k in (0, 1))
    return Board(tuple(outcomes), correct, cost)


def _board_of(cases: Sequence[Case], arms: Sequence[Arm], orders: Orders) -> Board:
    """`board_in`, some cases at a time."""
    some = in_chunks(range(len(cases)))
    return Board.joined(
        board_in([cases[k] for k in places], arms, [orders[k] for k in places]) for places in some
    )


def _looked_at(
    frontier: Frontier, middle: int, parts: Sequence[Part], replays: Replays, note: Note
) -> Frontier:
    """The frontier with all draws at one price, replayed again: those of all prices would be too much."""
    walked = list(frontier.walked)
    price = frontier.prices[middle]
    ((walked[middle],),) = replays.of([parts], [[[price] * len(parts)]], whole=(0,), note=note)
    return replace(frontier, walked=walked)


def _arms(trainings: Trainings, log: SweepLog) -> tuple[Arm, ...]:
    """Those of the routers first, then what else the log has."""
    own = (arm for parts in trainings for part in parts for arm in part.router.portfolio.arms)
    arms = (*own, *log.manifest.arms)
    return tuple({arm.name: arm for arm in arms}.values())


def _own_cost(log: SweepLog, cases: Sequence[Case], orders: Orders, best: Arm, score: Score) -> float:
    """What the best fixed arm costs in the log's own unit, which is that of the prices of routers."""
    if log.manifest.unit is None:
        return score.cost
    costs = own_costs_of(log.manifest)
    own = [
        board_in([replace(cases[k], costs=costs) for k in places], (best,), [orders[k] for k in places])
        for places in in_chunks(range(len(cases)))
    ]
    return Board.joined(own).scores()[best.name].cost


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
