"""A router against every fixed arm and strategy, on the problems of a sweep that it was not trained on."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tts_select.core.errors import InputError
from tts_select.selector.deciding import Caps, Decision, ranked
from tts_select.selector.difficulty import bin_of
from tts_select.selector.routers.lookahead import LookaheadRouter
from tts_select.selector.routers.protocol import fingerprint_mismatch
from tts_select.selector.routers.rule import DEFAULT_BUDGET
from tts_select.training.evaluation.comparing import frontier_gaps, gap_to, headline
from tts_select.training.evaluation.frontier import N_DRAWS, Frontier, frontier_of, score_of
from tts_select.training.evaluation.shift import shift_of, sides_of
from tts_select.training.log.records import SweepLog
from tts_select.training.replay.cases import Case, cases_of
from tts_select.training.replay.fixed import (
    BinTable,
    Board,
    Score,
    bins_of,
    board_of,
    by_bins,
    oracle,
)
from tts_select.training.replay.metrics import auc, reliability
from tts_select.training.replay.walks import Walk, after, judge, probed, walk
from tts_select.training.report.targets import targets_of
from tts_select.training.routers.lookahead.fit import SOLVABLE_FROM

SCHEMA = "tts-select/report@1"
N_PRICES = 16
N_BUDGETS = 12


def evaluate(
    router: LookaheadRouter,
    log: SweepLog,
    trained_on: Mapping[str, Any],
    *,
    trained: SweepLog | None = None,
    seed: int = 1,
    note: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """The report, as `report.json` holds it; `trained` is the router's own sweep, for the held-out shift.

    Raises:
        InputError: the log is of other models than the router was trained for, or of its training problems,
            or the logs have too few problems of known levels for a shift.
    """
    _check(router, log, trained_on)
    sides = sides_of(trained, log) if trained else None
    cases = cases_of(log)
    note("replaying every arm")
    board = board_of(cases, router.portfolio, seed)
    scores = board.scores()
    best_name = max(scores, key=lambda name: (scores[name].accuracy, -scores[name].cost))
    best = scores[best_name]
    frontier = frontier_of(router, cases, np.geomspace(1e-3, 100.0, N_PRICES) / best.cost, seed, note)
    note("comparing")
    bins = _paper_bins(router, cases, board, scores, trained_on)
    report: dict[str, Any] = {
        "schema": SCHEMA,
        "router": {
            "frontier": [_point(frontier, k) for k in range(len(frontier.prices))],
            "efforts": _efforts(router, cases, seed),
        },
        "n_problems": len(cases),
        "n_trained": trained_on.get("n_problems"),
        "n_draws": N_DRAWS,
        "split": "test",
        "arms": [{"name": name, **score.as_dict()} for name, score in scores.items()],
        "best_fixed": {"name": best_name, **best.as_dict()},
        "oracle": oracle(board).as_dict(),
        "paper_bins": {k: [p.as_dict() for p in points] for k, points in bins.items()},
        "baselines": _baselines(router, board, scores),
        **headline(frontier, scores, best, oracle(board)),
        "frontier_gaps": frontier_gaps(frontier, scores),
        "bins_gaps": {k: gap_to(frontier, points) for k, points in bins.items()},
        "calibration": _calibration(router, cases, frontier, seed),
        "difficulty": trained_on.get("ablation", {}),
        "solvable_auc": _solvable_auc(router, cases, board, seed),
        "choices": _choices(router, cases, frontier),
        "decide_once": _once(router, cases, seed),
        "decision_ms": decision_ms(router, cases[:60]),
        "shift": shift_of(*sides, router.probe, seed=seed, note=note) if sides else None,
        "probe_share": _point(frontier, _middle(router, frontier))["probe_share"],
    }
    return {**report, "targets": targets_of(report)}


def _check(router: LookaheadRouter, log: SweepLog, trained_on: Mapping[str, Any]) -> None:
    found = {**{n: c.fingerprint for n, c in log.manifest.models.items()}, "grader": log.manifest.grader}
    if mismatch := fingerprint_mismatch(router.fingerprints, found):
        raise InputError(f"{mismatch}: evaluate it on a sweep of its own models")
    missing = {a.name for a in router.portfolio.arms} - {a.name for a in log.manifest.arms}
    if missing:
        raise InputError(f"the sweep lacks the router's arm '{min(missing)}': sweep the router's portfolio")
    known = set(log.problems) & set(trained_on.get("problem_ids", ()))
    if known:
        raise InputError(
            f"{len(known)} problems of the sweep trained the router, '{min(known)}' first: use others"
        )


def _point(frontier: Frontier, k: int) -> dict[str, float]:
    probes = np.mean([w.probe_flops for walks in frontier.walks[k] for w in walks])
    score = frontier.scores[k]
    return {"price": frontier.prices[k], **score.as_dict(), "probe_share": float(probes) / score.cost}


def _efforts(router: LookaheadRouter, cases: Sequence[Case], seed: int) -> dict[str, dict[str, float]]:
    return {
        effort: {"price": price, **score_of([walk(router, cases, price, seed=seed)]).as_dict()}
        for effort, price in router.prices.items()
    }


def _paper_bins(
    router: LookaheadRouter,
    cases: Sequence[Case],
    board: Board,
    scores: Mapping[str, Score],
    trained_on: Mapping[str, Any],
) -> dict[str, list[Score]]:
    if "bins" not in trained_on:
        return {}
    table = BinTable.from_dict(trained_on["bins"])
    policy = router.portfolio[router.fallback].policy
    costs = [s.cost for s in scores.values()]
    budgets = [float(b) for b in np.geomspace(min(costs), max(costs), N_BUDGETS)]
    known = np.array([case.pass_at_1(policy) for case in cases])
    states, probes = _probed_states(router, cases)
    estimated = np.array([d.pass_at_1 for d in router.difficulty[policy](states)])
    with_probes = [
        Score(p.correct, p.flops + probes) for p in by_bins(table, board, bins_of(estimated), budgets)
    ]
    return {"oracle": by_bins(table, board, bins_of(known), budgets), "estimated": with_probes}


def _probed_states(
    router: LookaheadRouter, cases: Sequence[Case], seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """The features after the probes, shape (problems, features), and the probes' FLOPs."""
    rng = np.random.default_rng(seed)
    states, costs = [], []
    for case in cases:
        first = probed(router.first_look, case, case.order(rng))
        states.append(router.layout.state(first.evidence))
        costs.append(first.flops)
    return np.stack(states), np.array(costs)


def _baselines(router: LookaheadRouter, board: Board, scores: Mapping[str, Score]) -> dict[str, Any]:
    by_rule = f"beam@{DEFAULT_BUDGET} {router.portfolio.policies[0]}"
    rule = next((name for name in scores if name.startswith(by_rule)), None)
    adaptive = [n for n in scores if n.startswith("adaptive@")]
    found: dict[str, Any] = {
        "random": Score(board.correct.mean(axis=(0, 2)), board.flops.mean(axis=(0, 2))).as_dict()
    }
    if rule:
        found["rule"] = {"name": rule, **scores[rule].as_dict()}
    if adaptive:
        name = max(adaptive, key=lambda n: scores[n].accuracy)
        found["adaptive_consistency"] = {"name": name, **scores[name].as_dict()}
    return found


def _calibration(
    router: LookaheadRouter, cases: Sequence[Case], frontier: Frontier, seed: int
) -> dict[str, Any]:
    states, _ = _probed_states(router, cases, seed)
    said, is_ = [], []
    for policy, model in router.difficulty.items():
        said += [d.pass_at_1 for d in model(states)]
        is_ += [case.pass_at_1(policy) for case in cases]
    middle = [w for walks in frontier.walks[_middle(router, frontier)] for w in walks]
    p, right = _predictions(router, cases, seed)
    return {
        "difficulty": reliability(np.array(said), np.array(is_)),
        "p_correct": reliability(p, right),
        "confidence": reliability(
            np.array([w.confidence for w in middle]), np.array([float(w.correct) for w in middle])
        ),
    }


def _predictions(router: LookaheadRouter, cases: Sequence[Case], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """P(correct) of every arm after the probes, and what the arm came to."""
    rng = np.random.default_rng(seed)
    walks = [probed(router.first_look, case, case.order(rng)) for case in cases]
    said, later = [], []
    for w, decision in zip(walks, _decided(router, walks, 0.0), strict=True):
        for option in decision.options:
            if option.arm is not None:
                said.append(option.p_correct)
                later.append(after(w, option.arm))
    judge(router.layout, router.confidence, later)
    return np.array(said), np.array([w.correct for w in later], dtype=float)


def _solvable_auc(router: LookaheadRouter, cases: Sequence[Case], board: Board, seed: int) -> float:
    rng = np.random.default_rng(seed)
    best = board.correct.mean(axis=-1).max(axis=0)
    said = [
        max(o.p_correct for o in router.options(probed(router.first_look, c, c.order(rng)).evidence))
        for c in cases
    ]
    return auc(np.array(said), best >= SOLVABLE_FROM)


def _choices(
    router: LookaheadRouter, cases: Sequence[Case], frontier: Frontier
) -> dict[str, dict[str, float]]:
    """By the bin of the fallback's policy: what the router ended with, as shares."""
    policy = router.portfolio[router.fallback].policy
    counts: dict[str, Counter[str]] = {"easy": Counter(), "medium": Counter(), "hard": Counter()}
    for walks in frontier.walks[_middle(router, frontier)]:
        for case, w in zip(cases, walks, strict=True):
            counts[bin_of(case.pass_at_1(policy))][w.chosen[-1] if w.chosen else "the probes"] += 1
    return {k: {n: v / c.total() for n, v in c.most_common()} for k, c in counts.items() if c}


def _middle(router: LookaheadRouter, frontier: Frontier) -> int:
    """The frontier's price that is closest to that of medium effort."""
    return int(np.abs(np.log(np.array(frontier.prices) / router.prices["medium"])).argmin())


def _once(router: LookaheadRouter, cases: Sequence[Case], seed: int) -> dict[str, Any]:
    """Deciding once, after the probes, at the price of medium effort."""
    price, rng = router.prices["medium"], np.random.default_rng(seed)
    walks = [probed(router.first_look, case, case.order(rng)) for case in cases]
    for w, decision in zip(walks, _decided(router, walks, price), strict=True):
        best = ranked(decision.options, price, Caps())[0]
        if best.arm is not None:
            w.run(best.arm)
    judge(router.layout, router.confidence, walks)
    return score_of([walks]).as_dict()


def _decided(router: LookaheadRouter, walks: Sequence[Walk], price: float) -> list[Decision]:
    return router.decide([w.evidence for w in walks], price, [Caps()] * len(walks))


def decision_ms(router: LookaheadRouter, cases: Sequence[Case]) -> dict[str, float]:
    """One decision, features included, after the probes."""
    rng = np.random.default_rng(0)
    looks = [probed(router.first_look, case, case.order(rng)).evidence for case in cases]
    router.options(looks[0])
    taken = []
    for evidence in looks:
        began = time.perf_counter()
        router.options(evidence)
        taken.append(1000 * (time.perf_counter() - began))
    return {"median": float(np.median(taken)), "p95": float(np.quantile(taken, 0.95))}
