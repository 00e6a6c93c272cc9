"""Held-out shift: a router that was trained on the lower levels alone, on problems of the higher ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from tts_select.core.errors import InputError
from tts_select.selector.portfolio import Portfolio
from tts_select.selector.routers.lookahead import Probe
from tts_select.training.evaluation.budgets import difference
from tts_select.training.evaluation.frontier import Part, Subject, Walked
from tts_select.training.evaluation.measuring import N_ORDERS
from tts_select.training.evaluation.records import NotFlagged, Shift, point_of
from tts_select.training.log.records import SweepLog
from tts_select.training.replay.cases import cases_of
from tts_select.training.replay.fixed import Score, best_of, board_of
from tts_select.training.routers.lookahead.checks import FEWEST_PROBLEMS
from tts_select.training.routers.lookahead.fit import fit_router

HIGHEST_TRAINED = 5
EFFORT = "high"
MOST_FLAGGED = 0.5
"""A problem counts as flagged if it is in more than this share of the draws."""


def sides_of(trained: SweepLog, tested: SweepLog) -> tuple[SweepLog, SweepLog]:
    """The lower levels of one log and the higher ones of the other.

    Raises:
        InputError: the logs have too few problems of known levels on either side.
    """
    return _levels(trained, upper=False), _levels(tested, upper=True)


def shift_of(
    low: SweepLog, high: SweepLog, probe: Probe, *, seed: int = 1, note: Callable[[str], None]
) -> Shift:
    """Router minus the best fixed arm (the most accurate one on the tested problems), at high effort."""
    note(f"training on levels 1-{HIGHEST_TRAINED}")
    router = fit_router(low, probe, seed=seed).router
    note("replaying the levels above")
    cases = cases_of(high)
    board = board_of(cases, Portfolio(high.manifest.portfolio, high.manifest.arms), seed, N_ORDERS)
    scores = board.scores()
    best = best_of(scores)
    parts = [Part(router, {}, np.arange(len(cases)))]
    subject = Subject.of(parts, cases, high.manifest, seed=seed, draws=range(N_ORDERS))
    walked = subject.at([router.prices[EFFORT]])
    return {
        "not_flagged": not_flagged(walked, best, scores[best], router.unit),
        "trained_on": f"{len(low.problems)} problems of levels 1-{HIGHEST_TRAINED}",
        "tested_on": f"{len(high.problems)} problems of the levels above",
        "unfamiliar_share": float(walked.is_unfamiliar.mean()),
        "router": point_of(walked.score, router.unit),
        "best_fixed": {"name": best, **point_of(scores[best], router.unit)},
        "difference": difference(walked.score, scores[best]),
    }


def not_flagged(walked: Walked, best: str, score: Score, unit: str) -> NotFlagged | None:
    """What is flagged gets an arm of the training, so that on all problems the two are nearly the same."""
    kept = walked.is_unfamiliar.mean(axis=0) <= MOST_FLAGGED
    if not kept.any():
        return None
    router, fixed = (Score(s.correct[kept], s.flops[kept]) for s in (walked.score, score))
    return {
        "n": int(kept.sum()),
        "router": point_of(router, unit),
        "best_fixed": {"name": best, **point_of(fixed, unit)},
        "difference": difference(router, fixed),
    }


def _levels(log: SweepLog, *, upper: bool) -> SweepLog:
    some = {
        name: problem
        for name, problem in log.problems.items()
        if problem.level is not None and (problem.level > HIGHEST_TRAINED) == upper
    }
    if len(some) < FEWEST_PROBLEMS:
        side = "above" if upper else "up to"
        raise InputError(
            f"a sweep has {len(some)} problems of levels {side} {HIGHEST_TRAINED}, and a shift takes "
            f"{FEWEST_PROBLEMS} at least: sweep more, with their levels, or leave --shift out"
        )
    return replace(log, problems=some)
