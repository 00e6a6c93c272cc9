"""From a sweep log to a router: rows, models in folds by problem, calibrations, prices."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tts_select.core.errors import InputError
from tts_select.data.grading import GRADER
from tts_select.selector.features import Layout, text_features
from tts_select.selector.portfolio import Portfolio
from tts_select.selector.router import Calibrated, DifficultyModel, Probe, Router, layout_of, words_of
from tts_select.training.evaluation.fixed import Board, Score, bin_table, bins_of, board_of
from tts_select.training.routing.ablation import ablation
from tts_select.training.routing.boosting import N_FOLDS, boost, calibrate, folds_of, out_of_fold
from tts_select.training.routing.cases import Case, cases_of
from tts_select.training.routing.rows import (
    State,
    Table,
    answers_table,
    joined,
    options_tables,
    random_states,
)
from tts_select.training.routing.walks import walk
from tts_select.training.sweep.records import SweepLog

if TYPE_CHECKING:
    from lightgbm import Booster

FEWEST_PROBLEMS = 30
MOST_WORDS = 2000
PRICES = tuple(float(p) for p in np.geomspace(3e-3, 30.0, 11))
"""Tried for the efforts, in probability per cost of the best fixed arm."""
EFFORTS = {"low": 0.90, "medium": 0.97, "high": 0.995}
"""Each effort is the highest price that keeps this share of the best accuracy of the frontier in training."""
SOLVABLE_FROM = 0.5
"""A problem is solvable within the portfolio if its best arm solves it at least so often."""
INTERVAL = (0.05, 0.95)
_GROW_WITH_N = ("arm/log2_n", "arm/more_samples")


@dataclass(frozen=True, slots=True)
class Fitted:
    """A router, with models for each fold of the training problems that have not seen them."""

    router: Router
    by_fold: tuple[Router, ...]
    fold_of: np.ndarray
    """Of each case."""
    facts: Mapping[str, Any]
    """What was learned, for people and for the manifest."""


def fit_router(
    log: SweepLog, probe: Probe, *, seed: int = 0, note: Callable[[str], None] = lambda _: None
) -> Fitted:
    """Train on every problem of the log.

    Raises:
        InputError: it has too few problems, or the arms' outcomes are all alike; the message says which.
    """
    cases = cases_of(log)
    portfolio = Portfolio(log.manifest.portfolio, log.manifest.arms)
    _check(cases, portfolio, probe)
    note("replaying arms")
    board = board_of(cases, portfolio, seed)
    note("walking at random")
    states = random_states(cases, portfolio, probe, seed)
    note("fitting")
    router, folded, fold_of = _models(log, cases, states, board, probe, seed=seed)
    note("choosing prices")
    unit = board.score(router.fallback).cost
    prices, frontier = _prices(folded, cases, fold_of, unit, seed)
    router = replace(router, prices=prices)
    folded = tuple(replace(r, prices=prices) for r in folded)
    note("measuring the difficulty estimate")
    facts = {
        "n_problems": len(cases),
        "n_states": len(states),
        "frontier": frontier,
        "problem_ids": sorted(log.problems),
        **_references(cases, board, probe, router, fold_of),
    }
    return Fitted(router, folded, fold_of, facts)


def _check(cases: Sequence[Case], portfolio: Portfolio, probe: Probe) -> None:
    if len(cases) < FEWEST_PROBLEMS:
        raise InputError(
            f"the sweep has {len(cases)} problems: a router needs at least {FEWEST_PROBLEMS}; sweep more"
        )
    if probe.policy not in portfolio.policies or probe.prm not in (None, *portfolio.prms):
        raise InputError(f"the probes are of {probe.policy} with {probe.prm}, which the sweep does not have")
    shares = {float(right) for case in cases for all_ in case.correct.values() for right in all_}
    if len(shares) < 2:
        what = "right" if shares == {1.0} else "wrong"
        raise InputError(
            f"every sample of the sweep is {what}: there is nothing to choose; sweep other problems"
        )


def _models(
    log: SweepLog, cases: Sequence[Case], states: Sequence[State], board: Board, probe: Probe, *, seed: int
) -> tuple[Router, tuple[Router, ...], np.ndarray]:
    portfolio = Portfolio(log.manifest.portfolio, log.manifest.arms)
    scores = board.scores()
    strengths = {name: score.accuracy for name, score in scores.items()}
    layout = layout_of(portfolio, strengths)
    fold_of = folds_of(np.arange(len(cases)), seed)
    confidence = _calibrated(answers_table(states, layout), fold_of)
    folds = [[s for s in states if fold_of[s.number] == k] for k in range(N_FOLDS)]
    tables = [
        options_tables(some, portfolio, layout, model, seed + k)
        for k, (some, model) in enumerate(zip(folds, confidence[1], strict=True))
    ]
    success = _calibrated(joined([t[0] for t in tables]), fold_of)
    rows, costs, at = joined([t[1] for t in tables]).arrays()
    rising = [layout.option_names.index(name) for name in _GROW_WITH_N]

    def cost_fit(x: np.ndarray, y: np.ndarray) -> Booster:
        return boost(x, y, probability=False, rising=rising)

    cost_folds = out_of_fold(rows, costs, fold_of[at], cost_fit)[1]
    looks = _looks(states, layout)
    difficulty = {p: _difficulty(looks, cases, p, fold_of) for p in portfolio.policies}
    whole = Router(
        portfolio=portfolio,
        probe=probe,
        success=success[0],
        confidence=confidence[0],
        cost=cost_fit(rows, costs),
        difficulty={p: d[0] for p, d in difficulty.items()},
        prices={},
        fallback=best_fixed(scores),
        text_ranges=_ranges(cases),
        words=_words(cases),
        mean_tokens=_mean_tokens(cases, portfolio),
        strengths=strengths,
        fingerprints={**{n: c.fingerprint for n, c in log.manifest.models.items()}, "grader": GRADER},
    )
    folded = tuple(
        replace(
            whole,
            success=success[1][k],
            confidence=confidence[1][k],
            cost=cost_folds[k],
            difficulty={p: d[1][k] for p, d in difficulty.items()},
        )
        for k in range(N_FOLDS)
    )
    return whole, folded, fold_of


def _looks(states: Sequence[State], layout: Layout) -> Table:
    """Without a label: the difficulty of every policy is looked up by problem."""
    table = Table()
    for state in states:
        table.add(layout.state(state.walk.evidence), math.nan, state.number)
    return table


def _calibrated(table: Table, fold_of: np.ndarray) -> tuple[Calibrated, list[Calibrated]]:
    rows, labels, problems = table.arrays()
    return _fit_calibrated(rows, labels, fold_of[problems])[:2]


def _fit_calibrated(
    rows: np.ndarray, labels: np.ndarray, folds: np.ndarray
) -> tuple[Calibrated, list[Calibrated], np.ndarray]:
    def fit(x: np.ndarray, y: np.ndarray) -> Booster:
        return boost(x, y, probability=True)

    said, models = out_of_fold(rows, labels, folds, fit)
    calibration = calibrate(said, labels)
    return Calibrated(fit(rows, labels), calibration), [Calibrated(m, calibration) for m in models], said


def _difficulty(
    states: Table, cases: Sequence[Case], policy: str, fold_of: np.ndarray
) -> tuple[DifficultyModel, list[DifficultyModel]]:
    rows, _, problems = states.arrays()
    labels = np.array([case.pass_at_1(policy) for case in cases])[problems]
    whole, folded, said = _fit_calibrated(rows, labels, fold_of[problems])
    errors = error_bands(whole.calibration(said), labels)
    return DifficultyModel(whole, errors), [DifficultyModel(m, errors) for m in folded]


def error_bands(
    said: np.ndarray, labels: np.ndarray, n_bands: int = 8
) -> tuple[tuple[float, float, float], ...]:
    """(prediction from, low, high): the 5 % and 95 % quantiles of label - prediction on unseen problems."""
    # edges are predictions that were made ("lower"), so that no band is empty
    edges = np.unique(np.quantile(said, np.linspace(0, 1, n_bands + 1)[:-1], method="lower"))
    band = np.searchsorted(edges, said, side="right") - 1
    bands = []
    for k, edge in enumerate(edges):
        low, high = np.quantile((labels - said)[band == k], INTERVAL)
        bands.append((float(edge) if k else -1.0, float(low), float(high)))
    return tuple(bands)


def best_fixed(scores: Mapping[str, Score]) -> str:
    """The name of the most accurate arm; of equals the cheaper one."""
    return min(scores, key=lambda name: (-scores[name].accuracy, scores[name].cost))


def _references(
    cases: Sequence[Case], board: Board, probe: Probe, router: Router, fold_of: np.ndarray
) -> dict[str, Any]:
    """For the evaluation: the best arms by difficulty bin, and the ablation of the features."""
    policy = router.portfolio[router.fallback].policy
    bins = bins_of(np.array([case.pass_at_1(policy) for case in cases]))
    solvable = board.correct.mean(axis=-1).max(axis=0) >= SOLVABLE_FROM
    return {
        "bins": bin_table(board, bins).as_dict(),
        "ablation": ablation(cases, router.layout, probe, policy, solvable=solvable, fold_of=fold_of),
    }


def _prices(
    folded: Sequence[Router], cases: Sequence[Case], fold_of: np.ndarray, unit: float, seed: int
) -> tuple[dict[str, float], list[dict[str, float]]]:
    """By effort, and the frontier that they come from; `unit` is the best fixed arm's cost in FLOPs."""
    frontier = []
    for price in PRICES:
        walks = []
        for k, router in enumerate(folded):
            walks += walk(
                router, [c for c, f in zip(cases, fold_of, strict=True) if f == k], price / unit, seed=seed
            )
        frontier.append(
            {
                "price": price / unit,
                "accuracy": float(np.mean([w.correct for w in walks])),
                "flops": float(np.mean([w.flops for w in walks])),
            }
        )
    best = max(point["accuracy"] for point in frontier)
    prices = {
        effort: max(p["price"] for p in frontier if p["accuracy"] >= share * best)
        for effort, share in EFFORTS.items()
    }
    return prices, frontier


def _ranges(cases: Sequence[Case]) -> tuple[tuple[float, float], ...]:
    text = np.array([text_features(case.problem.problem) for case in cases])
    return tuple(
        (float(low), float(high)) for low, high in zip(text.min(axis=0), text.max(axis=0), strict=True)
    )


def _words(cases: Sequence[Case]) -> frozenset[str]:
    found = frozenset[str]().union(*(words_of(case.problem.problem) for case in cases))
    return found if len(found) <= MOST_WORDS else frozenset()


def _mean_tokens(cases: Sequence[Case], portfolio: Portfolio) -> dict[str, float]:
    return {
        policy: float(
            np.mean(
                [
                    s.n_tokens
                    for case in cases
                    for name, pool in case.pools.items()
                    if pool.policy == policy
                    for s in case.observed[name]
                ]
            )
        )
        for policy in portfolio.policies
    }
