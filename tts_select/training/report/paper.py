"""Counterparts of the paper's tables (arXiv 2502.06703), from a sweep log, with intervals over problems."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tts_select.core.arm import Arm
from tts_select.core.cost import inference_flops, training_flops
from tts_select.core.errors import InputError
from tts_select.core.plan import Settings
from tts_select.selector.portfolio import Portfolio
from tts_select.training.evaluation.optimal import Point, efficiency, optimal
from tts_select.training.log.manifest import pool_size, pools_of
from tts_select.training.log.records import SweepLog
from tts_select.training.replay.cases import Case, cases_of
from tts_select.training.replay.fixed import Board, Score, bins_of, board_of
from tts_select.training.replay.metrics import bootstrap
from tts_select.training.report.published import RULE, TABLE_2, TABLE_3, TABLE_4, TABLE_5

BINS = ("hard", "medium", "easy")
"""By their numbers (`bins_of`)."""
RULES = tuple(
    f"{aggregation} {selection}" for aggregation in ("min", "last", "mean") for selection in ("max", "vote")
)

Note = Callable[[str], None]


def paper_tables(log: SweepLog, *, seed: int = 0, note: Note = lambda _: None) -> dict[str, Any]:
    """Every table as JSON: what was measured, and under `paper` what the paper has.

    Raises:
        InputError: the log has no policy with a greedy solution and votes.
    """
    policies = _policies(log)
    note("reading the log")
    cases = cases_of(log)
    note("replaying arms")
    board = board_of(cases, Portfolio(log.manifest.portfolio, log.manifest.arms), seed)
    found = [_Strategies(policy, board, cases, log, seed) for policy in policies]
    note("comparing strategies")
    table_5 = [strategies.as_dict() for strategies in found]
    table_3 = _against_larger(found)
    difficulty = [row for strategies in found for row in strategies.by_difficulty()]
    note("voting in every way")
    table_2 = _votes(cases, log, policies, seed)
    return {
        "sweep": {
            "portfolio": log.manifest.portfolio,
            "problems": len(cases),
            "n_samples": log.manifest.n_samples,
        },
        "strategies": {"measured": table_5, "paper": [row._asdict() for row in TABLE_5]},
        "small_against_large": {"measured": table_3, "paper": [row._asdict() for row in TABLE_3]},
        "difficulty": {"measured": difficulty, "paper": RULE},
        "votes": {"measured": table_2, "paper": [row._asdict() for row in TABLE_2]},
        "flops": flops_table(),
    }


def flops_table() -> list[dict[str, Any]]:
    """Table 4 by our own arithmetic: 6 N D for training; for inference, the tokens that it is at 2 N each."""
    return [
        {
            "model": row.model,
            "training": training_flops(row.n_parameters, row.n_training_tokens),
            "training_in_paper": row.training,
            "inference_in_paper": row.inference,
            "tokens_of_inference": row.inference / inference_flops(row.n_parameters, 1),
        }
        for row in TABLE_4
    ]


def _policies(log: SweepLog) -> list[str]:
    """From the smallest to the largest."""
    methods: dict[str, set[str]] = {}
    for arm in log.manifest.arms:
        methods.setdefault(arm.policy, set()).add(arm.method)
    found = [policy for policy, names in methods.items() if {"cot", "majority"} <= names]
    if not found or log.manifest.imported is not None:
        raise InputError(
            "the paper's tables need a sweep with cot and majority arms of a policy: "
            "sweep a portfolio that has them, or leave the log out for the embedded world"
        )
    return sorted(found, key=lambda policy: log.manifest.models[policy].n_parameters or math.inf)


class _Strategies:
    """Of one policy: its greedy solution, its votes, and its compute-optimal strategy at every budget."""

    def __init__(self, policy: str, board: Board, cases: Sequence[Case], log: SweepLog, seed: int) -> None:
        self.policy, self._board = policy, board
        self.n_parameters = log.manifest.models[policy].n_parameters
        self.pass_at_1 = np.array([case.pass_at_1(policy) for case in cases])
        self.bins = bins_of(self.pass_at_1)
        arms = [k for k, arm in enumerate(board.arms) if arm.policy == policy]
        self.budgets = sorted({board.arms[k].budget for k in arms})
        self.cot = self._points(arms, "cot")[0].score
        self.majority = self._points(arms, "majority")
        self.curve = [optimal(board, arms, self.bins, n, seed) for n in self.budgets]
        self.prms = {
            prm: optimal(
                board,
                [k for k in arms if board.arms[k].prm in (None, prm)],
                self.bins,
                max(self.budgets),
                seed,
            )
            for prm in dict.fromkeys(board.arms[k].prm for k in arms)
            if prm is not None
        }

    @property
    def best(self) -> Score:
        """The compute-optimal strategy at the largest budget."""
        return self.curve[-1].score

    def as_dict(self) -> dict[str, Any]:
        """A row of Table 5."""
        whole = np.arange(len(self.bins))
        votes = max(self.majority, key=lambda point: point.accuracy(whole))
        return {
            "policy": self.policy,
            "n_parameters": self.n_parameters,
            "pass_at_1": _interval(lambda some: float(self.pass_at_1[some].mean()), len(whole)),
            "cot": self.cot.as_dict(),
            "majority": {"n": votes.n, **votes.score.as_dict()},
            "optimal": {"n": self.budgets[-1], **self.best.as_dict()},
            "optimal_by_n": [{"n": point.n, **point.score.as_dict()} for point in self.curve],
            "optimal_by_prm": {prm: self._in_bins(point.score) for prm, point in self.prms.items()},
            "gain": _interval(
                lambda some: float(self.best.correct[some].mean() / self.cot.correct[some].mean() - 1),
                len(whole),
            ),
            "efficiency": self._efficiency(in_flops=False),
            "efficiency_in_flops": self._efficiency(in_flops=True),
        }

    def _in_bins(self, score: Score) -> dict[str, Any]:
        """On all problems, and on those of each bin that has some."""
        masks = {BINS[bin_]: self.bins == bin_ for bin_ in (2, 1, 0)}
        parts = {n: Score(score.correct[m], score.flops[m]).as_dict() for n, m in masks.items() if m.any()}
        return {**score.as_dict(), "by_bin": parts}

    def _efficiency(self, *, in_flops: bool) -> dict[str, Any]:
        """It is a bound where TTS at its least budget already is as good as all votes."""
        whole = np.arange(len(self.bins))
        best = max(point.accuracy(whole) for point in self.majority)
        found = _interval(
            lambda some: efficiency(self.majority, self.curve, some, in_flops=in_flops), len(whole)
        )
        return {**found, "is_bound": self.curve[0].accuracy(whole) >= best}

    def by_difficulty(self) -> list[dict[str, Any]]:
        """For each bin that has problems: every method at its best, and which of them is the best."""
        rows = []
        for bin_ in (2, 1, 0):
            here = self.bins == bin_
            if not here.any():
                continue
            methods = self._methods(here)
            best = max(methods, key=lambda name: methods[name]["value"])
            shared = {"policy": self.policy, "bin": BINS[bin_], "problems": int(here.sum())}
            rows.append({**shared, "methods": methods, "best": best})
        return rows

    def _methods(self, here: np.ndarray) -> dict[str, dict[str, Any]]:
        """By method, the accuracy in a bin of its most accurate arm there."""
        found: dict[str, dict[str, Any]] = {}
        for k, arm in enumerate(self._board.arms):
            if arm.policy != self.policy or (arm.temperature == 0 and arm.method != "cot"):
                continue
            correct = self._board.correct[k].mean(-1)[here]
            if arm.method not in found or correct.mean() > found[arm.method]["value"]:
                interval = _interval(lambda some, c=correct: float(c[some].mean()), len(correct))  # type: ignore[misc]
                found[arm.method] = {"arm": arm.name, **interval}
        return found

    def _points(self, arms: Sequence[int], method: str) -> list[Point]:
        chosen = sorted((self._board.arms[k].budget, k) for k in arms if self._board.arms[k].method == method)
        correct, flops = self._board.correct, self._board.flops
        return [Point(n, Score(correct[k].mean(-1), flops[k].mean(-1))) for n, k in chosen]


def _against_larger(found: Sequence[_Strategies]) -> list[dict[str, Any]]:
    """Each policy with TTS against the greedy solutions of each that is larger."""
    rows = []
    for small in found:
        for large in found:
            if (small.n_parameters or 0) >= (large.n_parameters or 0):
                continue
            everywhere = np.full(len(small.bins), True)
            bins = {BINS[bin_]: small.bins == bin_ for bin_ in (2, 1, 0)}
            rows.append(
                {
                    "small": small.policy,
                    "large": large.policy,
                    "parameters": (large.n_parameters or 0) / (small.n_parameters or 1),
                    **_side_by_side(small, large, everywhere),
                    "by_bin": {
                        name: {"problems": int(here.sum()), **_side_by_side(small, large, here)}
                        for name, here in bins.items()
                        if here.any()
                    },
                }
            )
    return rows


def _side_by_side(small: _Strategies, large: _Strategies, here: np.ndarray) -> dict[str, Any]:
    """The smaller one at its best beside the larger one's greedy solution, on some problems."""
    optimal, cot = (Score(s.correct[here], s.flops[here]) for s in (small.best, large.cot))
    gap = optimal.correct - cot.correct
    difference = _interval(lambda some: float(gap[some].mean()), len(gap))
    return {"optimal": optimal.as_dict(), "cot": cot.as_dict(), "difference": difference}


def _votes(cases: Sequence[Case], log: SweepLog, policies: Sequence[str], seed: int) -> list[dict[str, Any]]:
    """Table 2: each way to score with a PRM and to choose, among all samples that it has scored."""
    rows = []
    for plan in pools_of(log.manifest.arms).values():
        if plan.arm.temperature == 0 or plan.arm.policy not in policies:
            continue
        n = pool_size(log.manifest, plan)
        majority = Arm(plan.arm.policy, None, "majority", n, plan.arm.settings)
        for prm in plan.prms:
            arms = {rule: _arm(majority, prm, rule) for rule in RULES}
            board = board_of(cases, Portfolio("votes", (majority, *arms.values())), seed, n_draws=1)
            shares = {rule: board.score(arm.name).as_dict() for rule, arm in arms.items()}
            votes = board.score(majority.name).as_dict()
            rows.append({"policy": plan.arm.policy, "prm": prm, "n": n, "majority": votes, "by_rule": shares})
    return rows


def _arm(majority: Arm, prm: str, rule: str) -> Arm:
    aggregation, selection = rule.split()
    settings: Settings = replace(majority.settings, aggregation=aggregation, selection=selection)  # type: ignore[arg-type]
    return replace(majority, prm=prm, method="best_of_n", settings=settings)


def _interval(statistic: Callable[[np.ndarray], float], n: int) -> Mapping[str, float | None]:
    """For JSON, which has no NaN."""
    found = bootstrap(statistic, n)
    ends = {"value": found.value, "low": found.low, "high": found.high}
    return {name: None if math.isnan(value) else value for name, value in ends.items()}
