"""A staged router against every fixed arm and strategy, on replayed orders of problems that it has not seen.

`evaluate_staged` measures a router on another log; `cross_evaluate` trains one for each fold of a log's
problems and measures it on the fold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tts_select.core.errors import InputError
from tts_select.selector.routers.ladder import Ladder, LadderRouter, Look, Stage
from tts_select.selector.routers.protocol import fingerprint_mismatch
from tts_select.training.evaluation.ladder_report import Walked, report_of
from tts_select.training.log.records import SweepLog
from tts_select.training.replay.climbing import Climb, climb
from tts_select.training.replay.grouping import RIGHT
from tts_select.training.replay.orders import Replay, replay_of
from tts_select.training.routers.ladder.fit import (
    check_learnable,
    fingerprints_of,
    fit_replay,
    orders_for,
    prices_for,
)
from tts_select.training.routers.ladder.searching import fold_of
from tts_select.training.routers.ladder.stopping import outcome

N_ORDERS = 50
"""Of each problem's samples that are replayed."""
Note = Callable[[str], None]


def evaluate_staged(
    router: LadderRouter,
    log: SweepLog,
    trained_on: Mapping[str, Any],
    *,
    seed: int = 1,
    note: Note = lambda _: None,
) -> dict[str, Any]:
    """The report, as `report.json` holds it.

    Raises:
        InputError: the log is of other policies or counts other costs than the router was trained for, or of
            its training problems.
    """
    if mismatch := fingerprint_mismatch(router.fingerprints, fingerprints_of(log)):
        raise InputError(f"{mismatch}: evaluate it on a log of its own policies")
    if known := set(log.problems) & set(trained_on.get("problem_ids", ())):
        raise InputError(
            f"{len(known)} problems of the log trained the router, '{min(known)}' first: use others, "
            "or measure it in folds: evaluate LOG --folds 5"
        )
    replay = replay_of(log, n_orders=N_ORDERS, seed=seed)
    if replay.unit != router.unit:
        raise InputError(
            f"the router's costs are in {router.unit}, the log's in {replay.unit}: train it again"
        )
    note("replaying the router")
    walked = replayed(router, replay)
    prices = np.array([ladder.price for ladder in router.ladders])
    fold = fold_of(len(replay.ids), 5, seed)  # for the bins, whose tables are learned on the other folds
    note("comparing")
    report = report_of(replay, log, walked, prices=prices, fold=fold)
    return {**report, "n_trained": trained_on.get("n_problems"), "split": "test", "ladders": [shown(router)]}


def cross_evaluate(
    log: SweepLog, *, folds: int = 5, seed: int = 1, note: Note = lambda _: None
) -> dict[str, Any]:
    """The same report of routers that were each trained on the other folds of the problems.

    Raises:
        InputError: there are too few problems, or all samples are right, or all wrong.
    """
    replay = replay_of(log, n_orders=N_ORDERS, seed=seed)
    check_learnable(replay)
    learning = replay_of(log, n_orders=orders_for(len(replay.ids)), seed=seed + 1)
    prices = prices_for(learning)
    fold = fold_of(len(replay.ids), folds, seed)
    walked, ladders = Walked.empty(len(prices), len(replay)), []
    for k in range(folds):

        def note_fold(text: str, k: int = k) -> None:
            note(f"fold {k + 1} of {folds}: {text}")

        router = fit_replay(
            learning.of(fold != k), prices, fingerprints_of(log), seed=seed + k, note=note_fold
        )
        _walk(router, replay, fold[replay.problem] == k, walked)
        ladders.append(shown(router))
    note("comparing")
    report = report_of(replay, log, walked, prices=prices, fold=fold)
    n = round(len(replay.ids) * (1 - 1 / folds))
    return {**report, "n_trained": n, "split": f"{folds} folds over problems", "ladders": ladders}


def shown(router: LadderRouter) -> list[dict[str, Any]]:
    """Each ladder in words."""
    return [
        {
            "price": ladder.price,
            "stages": [_stage(stage) for stage in ladder.stages],
            "accuracy": ladder.accuracy,
            "cost": ladder.cost,
        }
        for ladder in router.ladders
    ]


def _stage(stage: Stage) -> str:
    ends = [
        f"{what} {n} checkpoints"
        for what, n in (("patience", stage.ending.patience), ("confirming", stage.ending.confirming))
        if n is not None
    ]
    return f"{stage.policy} x {stage.n}" + (f" ({', '.join(ends)})" if ends else "")


def replayed(router: LadderRouter, replay: Replay) -> Walked:
    """A router at each of its prices, on every row."""
    walked = Walked.empty(len(router.ladders), len(replay))
    _walk(router, replay, np.ones(len(replay), bool), walked)
    return walked


def _walk(router: LadderRouter, replay: Replay, rows: np.ndarray, walked: Walked) -> None:
    """Fill in these rows (a mask)."""
    problems = np.bincount(replay.problem[rows], minlength=len(replay.ids)) > 0
    here = replay.of(problems)
    climbs: dict[tuple[Stage, ...], Climb] = {}
    for k, ladder in enumerate(router.ladders):
        if ladder.stages not in climbs:
            climbs[ladder.stages] = climb(ladder.stages, here, router.usual)
        group, p, cost, n = followed(ladder, climbs[ladder.stages])
        drawn_from = np.array([list(replay.draws).index(policy) for policy, _ in ladder.draws])
        walked.correct[k, rows], walked.cost[k, rows] = group == RIGHT, cost
        walked.confidence[k, rows], walked.last[k, rows] = p, drawn_from[n - 1]


def followed(ladder: Ladder, walked: Climb) -> tuple[np.ndarray, ...]:
    """Where each row stops: the answer's group, P(correct), cost and number of draws."""
    looks = [Look.at(tally, ladder.answers) for tally in walked.tallies]
    return outcome(ladder.stops, looks, [tally.cost for tally in walked.tallies])
