"""The figures of a staged router's report: its frontier, fixed arms, bins, baselines, calibration."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tts_select.core.arm import Arm
from tts_select.selector.difficulty import bin_of
from tts_select.training.evaluation.comparing import frontier_gaps, gap_to, headline
from tts_select.training.evaluation.difficulty import estimated, looked_at_cost
from tts_select.training.evaluation.frontier import Frontier
from tts_select.training.log.records import SweepLog
from tts_select.training.replay.fixed import (
    Board,
    Envelope,
    Score,
    bin_table,
    bins_of,
    by_bins,
    oracle,
)
from tts_select.training.replay.metrics import Interval, bootstraps, reliability
from tts_select.training.replay.orders import Replay
from tts_select.training.replay.strategies import Outcome, adaptive_consistency, early_stopping, fixed_arms
from tts_select.training.report.targets import staged_targets

SCHEMA = "tts-select/report@1"
N_BUDGETS = 12
NEAR = 0.005
"""An arm is as good as the best if it is at most so much less accurate."""


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


def report_of(
    replay: Replay, log: SweepLog, walked: Walked, *, prices: np.ndarray, fold: np.ndarray
) -> dict[str, Any]:
    """All that does not depend on how the router was trained; `fold` is of the bins' tables."""
    arms = fixed_arms(replay)
    scores = {arm.name: score_of(replay, found) for arm, found in arms.items()}
    best_name = min(scores, key=lambda name: (-scores[name].accuracy, scores[name].cost))
    best = scores[best_name]
    points = [score_of(replay, (c, f)) for c, f in zip(walked.correct, walked.cost, strict=True)]
    frontier = Frontier([float(p) for p in prices], [], points)
    board = _board(replay, arms)
    policy = next(arm.policy for arm in arms if arm.name == best_name)
    bins, difficulty = _paper_bins(replay, log, board, scores, policy=policy, fold=fold)
    middle = _middle(points)
    ratios, near_ratios = cost_ratios(points, scores, less=(0.0, NEAR))
    report: dict[str, Any] = {
        "schema": SCHEMA,
        "kind": "staged",
        "unit": replay.unit,
        "policies": list(replay.draws),
        "n_problems": len(replay.ids),
        "n_left_out": len(log.problems) - len(replay.ids),
        "n_draws": len(replay) // len(replay.ids),
        "router": {
            "frontier": [
                {"price": float(p), **_point(s, replay)} for p, s in zip(prices, points, strict=True)
            ]
        },
        "arms": [
            {
                "name": name,
                **_point(s, replay),
                "cost_ratio": ratios[name].as_dict(),
                "cost_ratio_near": near_ratios[name].as_dict(),
            }
            for name, s in scores.items()
        ],
        "best_fixed": {"name": best_name, **_point(best, replay)},
        "near_best": _near_best(scores, best, replay, ratios),
        "oracle": _point(oracle(board), replay),
        "paper_bins": {k: [_point(p, replay) for p in found] for k, found in bins.items()},
        "baselines": _baselines(replay, board),
        **headline(frontier, scores, best, oracle(board)),
        "frontier_gaps": frontier_gaps(frontier, scores),
        "bins_gaps": {k: gap_to(frontier, found) for k, found in bins.items()},
        "calibration": {
            "difficulty": difficulty,
            "confidence": reliability(walked.confidence[middle], walked.correct[middle]),
        },
        "choices": _choices(replay, walked.last[middle], policy),
    }
    return {**report, "targets": staged_targets(report)}


def score_of(replay: Replay, found: Outcome) -> Score:
    """Means over the orders of each problem."""
    shape = (len(replay.ids), -1)
    return Score(found[0].reshape(shape).mean(axis=1), found[1].reshape(shape).mean(axis=1))


def _point(score: Score, replay: Replay) -> dict[str, Any]:
    return {**score.as_dict(), **({} if replay.unit == "FLOPs" else {"unit": replay.unit})}


def _board(replay: Replay, arms: Mapping[Arm, Outcome]) -> Board:
    shape = (len(replay.ids), -1)
    correct = np.stack([c.reshape(shape) for c, _ in arms.values()])
    return Board(tuple(arms), correct, np.stack([f.reshape(shape) for _, f in arms.values()]))


def cost_ratios(
    points: Sequence[Score], arms: Mapping[str, Score], *, less: Sequence[float]
) -> list[dict[str, Interval]]:
    """For each of `less`, the router's cost at so much less than each arm's accuracy over the arm's cost;
    infinite where it never is as accurate."""
    accuracies = np.stack([p.correct for p in points]), np.stack([a.correct for a in arms.values()])
    costs = np.stack([p.flops for p in points]), np.stack([a.flops for a in arms.values()])

    def ratios(places: np.ndarray) -> np.ndarray:
        (reached, wanted), (cost, paid) = (
            [values[:, places].mean(axis=1) for values in both] for both in (accuracies, costs)
        )
        envelope = Envelope.of(cost, reached)
        return np.concatenate([envelope.costs_at(wanted - by) / paid for by in less])

    found = bootstraps(ratios, accuracies[0].shape[1])
    return [
        dict(zip(arms, found[k * len(arms) : (k + 1) * len(arms)], strict=True)) for k in range(len(less))
    ]


def _near_best(
    scores: Mapping[str, Score], best: Score, replay: Replay, ratios: Mapping[str, Interval]
) -> dict[str, Any]:
    """The cheapest arm that is as good as the best, and the router's cost at its accuracy over its own."""
    enough = {name: s for name, s in scores.items() if s.accuracy >= best.accuracy - NEAR}
    name = min(enough, key=lambda name: enough[name].cost)
    return {"name": name, **_point(enough[name], replay), "cost_ratio": ratios[name].as_dict()}


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
                point = _point(score_of(replay, of(replay, policy)), replay)
                found[f"{name} {policy}"] = {"strategy": name, **point}
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
