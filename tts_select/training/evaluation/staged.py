"""A staged router against every fixed arm and strategy, on replayed orders of problems that it has not seen.

`evaluate_staged` measures a router on another log; `cross_evaluate` trains one for each fold of a log's
problems and measures it on the fold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tts_select.core.arm import Arm
from tts_select.core.errors import InputError
from tts_select.selector.difficulty import bin_of
from tts_select.selector.router import fingerprint_mismatch
from tts_select.selector.staged import Ladder, Look, Stage, StagedRouter
from tts_select.training.evaluation.comparing import frontier_gaps, gap_to, headline
from tts_select.training.evaluation.fixed import (
    Board,
    Score,
    bin_table,
    bins_of,
    by_bins,
    cost_at,
    split_oracle,
)
from tts_select.training.evaluation.frontier import Frontier
from tts_select.training.evaluation.metrics import bootstrap, reliability
from tts_select.training.evaluation.targets import staged_targets
from tts_select.training.staged.climbing import Climb, climb
from tts_select.training.staged.difficulty import estimated, looked_at_cost
from tts_select.training.staged.fit import (
    check_learnable,
    fingerprints_of,
    fit_replay,
    orders_for,
    prices_for,
)
from tts_select.training.staged.grouping import RIGHT
from tts_select.training.staged.replay import Replay, replay_of
from tts_select.training.staged.searching import fold_of
from tts_select.training.staged.stopping import outcome
from tts_select.training.staged.strategies import Outcome, adaptive_consistency, early_stopping, fixed_arms
from tts_select.training.sweep.records import SweepLog

SCHEMA = "tts-select/report@1"
N_ORDERS = 50
"""Of each problem's samples that are replayed."""
N_BUDGETS = 12
NEAR = 0.005
"""An arm is as good as the best if it is at most so much less accurate."""
Note = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Walked:
    """A router at every price, shape (prices, rows) each."""

    correct: np.ndarray
    cost: np.ndarray
    confidence: np.ndarray
    last: np.ndarray
    """The place of the policy that drew last, in the order of the replay's policies."""

    @classmethod
    def empty(cls, n_prices: int, rows: int) -> Walked:
        """To be filled."""
        shape = (n_prices, rows)
        return cls(np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros(shape, int))


def evaluate_staged(
    router: StagedRouter,
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
    walked = Walked.empty(len(router.ladders), len(replay))
    _walk(router, replay, np.ones(len(replay), bool), walked)
    prices = np.array([ladder.price for ladder in router.ladders])
    fold = fold_of(len(replay.ids), 5, seed)  # for the bins, whose tables are learned on the other folds
    report = _report(replay, log, walked, prices=prices, fold=fold, note=note)
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
    report = _report(replay, log, walked, prices=prices, fold=fold, note=note)
    n = round(len(replay.ids) * (1 - 1 / folds))
    return {**report, "n_trained": n, "split": f"{folds} folds over problems", "ladders": ladders}


def shown(router: StagedRouter) -> list[dict[str, Any]]:
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


def _walk(router: StagedRouter, replay: Replay, rows: np.ndarray, walked: Walked) -> None:
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


def _report(
    replay: Replay, log: SweepLog, walked: Walked, *, prices: np.ndarray, fold: np.ndarray, note: Note
) -> dict[str, Any]:
    note("replaying fixed arms")
    arms = fixed_arms(replay)
    scores = {arm.name: _score(replay, found) for arm, found in arms.items()}
    best_name = min(scores, key=lambda name: (-scores[name].accuracy, scores[name].cost))
    best = scores[best_name]
    points = [_score(replay, (c, f)) for c, f in zip(walked.correct, walked.cost, strict=True)]
    frontier = Frontier([float(p) for p in prices], [], points)
    board = _board(replay, arms)
    policy = next(arm.policy for arm in arms if arm.name == best_name)
    note("comparing")
    bins, difficulty = _paper_bins(replay, log, board, scores, policy=policy, fold=fold)
    middle = _middle(points)
    report: dict[str, Any] = {
        "schema": SCHEMA,
        "kind": "staged",
        "unit": replay.unit,
        "policies": list(replay.draws),
        "n_problems": len(replay.ids),
        "n_left_out": len(log.problems) - len(replay.ids),
        "n_draws": N_ORDERS,
        "router": {
            "frontier": [
                {"price": float(p), **_point(s, replay)} for p, s in zip(prices, points, strict=True)
            ]
        },
        "arms": [
            {"name": name, **_point(s, replay), "cost_ratio": _ratio(points, s)} for name, s in scores.items()
        ],
        "best_fixed": {"name": best_name, **_point(best, replay)},
        "near_best": _near_best(points, scores, best, replay),
        "oracle": _point(split_oracle(board), replay),
        "paper_bins": {k: [_point(p, replay) for p in found] for k, found in bins.items()},
        "baselines": _baselines(replay, board),
        **headline(frontier, scores, best, split_oracle(board)),
        "frontier_gaps": frontier_gaps(frontier, scores),
        "bins_gaps": {k: gap_to(frontier, found) for k, found in bins.items()},
        "calibration": {
            "difficulty": difficulty,
            "confidence": reliability(walked.confidence[middle], walked.correct[middle]),
        },
        "choices": _choices(replay, walked.last[middle], policy),
    }
    return {**report, "targets": staged_targets(report)}


def _score(replay: Replay, found: Outcome) -> Score:
    """Means over the orders of each problem."""
    shape = (len(replay.ids), -1)
    return Score(found[0].reshape(shape).mean(axis=1), found[1].reshape(shape).mean(axis=1))


def _point(score: Score, replay: Replay) -> dict[str, Any]:
    return {**score.as_dict(), **({} if replay.unit == "FLOPs" else {"unit": replay.unit})}


def _board(replay: Replay, arms: Mapping[Arm, Outcome]) -> Board:
    shape = (len(replay.ids), -1)
    correct = np.stack([c.reshape(shape) for c, _ in arms.values()])
    return Board(tuple(arms), correct, np.stack([f.reshape(shape) for _, f in arms.values()]))


def _ratio(points: Sequence[Score], arm: Score) -> float:
    """The router's cost at an arm's accuracy, over the arm's."""
    return cost_at(points, arm.accuracy, np.arange(len(arm.correct))) / arm.cost


def _near_best(
    points: Sequence[Score], scores: Mapping[str, Score], best: Score, replay: Replay
) -> dict[str, Any]:
    """The cheapest arm that is as good as the best, and the router's cost at its accuracy over its own."""
    enough = {name: s for name, s in scores.items() if s.accuracy >= best.accuracy - NEAR}
    name = min(enough, key=lambda name: enough[name].cost)
    arm = enough[name]

    def ratio(places: np.ndarray) -> float:
        accuracy = float(arm.correct[places].mean())
        return cost_at(points, accuracy, places) / float(arm.flops[places].mean())

    return {"name": name, **_point(arm, replay), "cost_ratio": bootstrap(ratio, len(arm.correct)).as_dict()}


def _paper_bins(
    replay: Replay,
    log: SweepLog,
    board: Board,
    scores: Mapping[str, Score],
    *,
    policy: str,
    fold: np.ndarray,
) -> tuple[dict[str, list[Score]], dict[str, Any]]:
    """With known and with estimated difficulty, each fold by the table of the others; and how well it was
    estimated."""
    costs = [s.cost for s in scores.values()]
    budgets = [float(b) for b in np.geomspace(min(costs), max(costs), N_BUDGETS)]
    known = replay.pass_at_1(policy)
    guessed = estimated(replay, log, policy, fold)
    found = {"oracle": bins_of(known), "estimated": bins_of(guessed)}
    points = {}
    for name, bins in found.items():
        correct = np.zeros((N_BUDGETS, len(known)))
        flops = np.zeros_like(correct)
        for k in np.unique(fold):
            here = fold == k
            table = bin_table(_of_problems(board, ~here), bins_of(known[~here]))
            for b, point in enumerate(by_bins(table, _of_problems(board, here), bins[here], budgets)):
                correct[b, here], flops[b, here] = point.correct, point.flops
        looked = looked_at_cost(replay, policy) if name == "estimated" else 0.0
        points[name] = [Score(c, f + looked) for c, f in zip(correct, flops, strict=True)]
    return points, reliability(guessed, known)


def _of_problems(board: Board, places: np.ndarray) -> Board:
    return Board(board.arms, board.correct[:, places], board.flops[:, places])


def _baselines(replay: Replay, board: Board) -> dict[str, Any]:
    found = {"random": _point(Score(board.correct.mean(axis=(0, 2)), board.flops.mean(axis=(0, 2))), replay)}
    for policy, draws in replay.draws.items():
        if draws.group.shape[1] > 1:
            for name, of in (
                ("adaptive consistency", adaptive_consistency),
                ("early-stopping self-consistency", early_stopping),
            ):
                found[f"{name} {policy}"] = _point(_score(replay, of(replay, policy)), replay)
    return found


def _middle(points: Sequence[Score]) -> int:
    """The dearest price that keeps 99 % of the most that is reached."""
    best = max(p.accuracy for p in points)
    return max(k for k, p in enumerate(points) if p.accuracy >= 0.99 * best)


def _choices(replay: Replay, last: np.ndarray, policy: str) -> dict[str, dict[str, float]]:
    """By the difficulty for the best fixed arm's policy: which policy drew last, as shares."""
    names, known = list(replay.draws), replay.pass_at_1(policy)
    counts: dict[str, Counter[str]] = {"easy": Counter(), "medium": Counter(), "hard": Counter()}
    for problem, place in zip(replay.problem, last, strict=True):
        counts[bin_of(float(known[problem]))][names[place]] += 1
    return {k: {n: v / c.total() for n, v in c.most_common()} for k, c in counts.items() if c}
