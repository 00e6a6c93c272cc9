"""Fits a router to a sweep log: rows, models in folds by problem, calibrations, prices."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np

from tts_select.core.errors import InputError
from tts_select.data.grading import GRADER
from tts_select.selector.familiarity import Familiarity
from tts_select.selector.portfolio import Portfolio
from tts_select.selector.routers.first_steps import FirstStep
from tts_select.selector.routers.lookahead import LookaheadRouter, Probe, layout_of
from tts_select.training.log.manifest import pools_of
from tts_select.training.log.records import SweepLog
from tts_select.training.replay.cases import Case, cases_of
from tts_select.training.replay.fixed import Board, Score, best_of, bin_table, bins_of, board_of
from tts_select.training.replay.walks import Walk, draw_of, walk_in
from tts_select.training.routers.efforts import at_price, efforts_of
from tts_select.training.routers.lookahead.ablation import ablation
from tts_select.training.routers.lookahead.boosting import folds_of
from tts_select.training.routers.lookahead.familiarity import fit_familiarity
from tts_select.training.routers.lookahead.first_steps import begin, first_steps_of, play_out
from tts_select.training.routers.lookahead.learned import skills, warning_of
from tts_select.training.routers.lookahead.learning import LearnedModels, learn, learn_difficulty
from tts_select.training.routers.lookahead.probes import scored_probe
from tts_select.training.routers.lookahead.rows import State, random_states
from tts_select.training.routers.text.fit import Outcomes, fit_text

FEWEST_PROBLEMS = 30
PRICES = tuple(float(p) for p in np.geomspace(3e-3, 30.0, 11))
"""The prices that are tried for the efforts, in probability per cost of the best fixed arm."""
N_PRICED = 4
"""The draws of each problem that the frontier is walked in."""
N_ABLATED = 4
"""The number of samples that the ablation of the features looks at, where the probes are not enough."""
SOLVABLE_FROM = 0.5
"""A problem is solvable within the portfolio if its best arm solves it at least so often."""
DRAFT_PRICES = (0.01, 0.1, 1.0)
"""The prices at which the draft walks."""


@dataclass(frozen=True, slots=True)
class FittedRouter:
    """A router, with models for each fold of the training problems that have not seen them."""

    router: LookaheadRouter
    by_fold: tuple[LookaheadRouter, ...]
    fold_of: np.ndarray
    """The fold of each case."""
    facts: Mapping[str, Any]
    """The facts that were learned, for people and for the manifest."""


def fit_router(
    log: SweepLog, probe: Probe, *, seed: int = 0, note: Callable[[str], None] = lambda _: None
) -> FittedRouter:
    """Train on every problem of the log.

    Raises:
        InputError: it has too few problems, or the arms' outcomes are all alike; the message says which.
    """
    cases = cases_of(log)
    portfolio = Portfolio(log.manifest.portfolio, log.manifest.arms)
    _check(cases, portfolio, probe)
    probe = probe.as_in(portfolio)
    note("replaying arms")
    board = board_of(cases, portfolio, seed)
    scores = board.scores()
    fold_of = folds_of(np.arange(len(cases)), seed)
    texts = [case.problem.problem for case in cases]
    text = fit_text(texts, _outcomes(cases, board), fold_of)
    layout = layout_of(portfolio, {name: score.accuracy for name, score in scores.items()}, text.apart)
    familiarity, refused = fit_familiarity(cases, layout, probe, seed)
    steps = first_steps_of(portfolio, probe)
    note("walking at random")
    states = random_states(cases, portfolio, steps, seed)
    note("fitting a draft")
    models, folds, _ = learn(states, portfolio, layout, fold_of, seed)
    draft = _draft(log, cases, portfolio, probe, models=models, familiarity=familiarity, scores=scores)
    draft = replace(draft, by_text=text.apart)
    unit = scores[draft.fallback].cost
    note("walking as the draft decides")
    states += _decided_states(
        [_with(draft, some) for some in folds], cases, fold_of, steps, unit=unit, seed=seed
    )
    note("fitting")
    models, folds, told = learn(states, portfolio, layout, fold_of, seed)
    difficulty, difficulties = learn_difficulty(states, layout, cases, fold_of)
    folded = [replace(_with(draft, m), difficulty=d) for m, d in zip(folds, difficulties, strict=True)]
    note("trying every first step")
    played = play_out(folded, cases, fold_of, steps, unit=unit, seed=seed)
    folded = [
        replace(r, first_steps=played.fitted(text.whole.description, texts, fold_of != k))
        for k, r in enumerate(folded)
    ]
    router = replace(
        _with(draft, models),
        difficulty=difficulty,
        by_text=text.whole,
        first_steps=played.fitted(text.whole.description, texts, fold_of >= 0),
    )
    note("choosing prices")
    prices, frontier = _prices(folded, cases, fold_of, unit, seed)
    note("measuring the difficulty estimate")
    facts = {
        "n_problems": len(cases),
        "n_states": len(states),
        "frontier": frontier,
        "efforts": _expected(prices, frontier),
        "unfamiliar": refused,
        "skill": skills(told, len(cases)),
        "warning": warning_of(len(cases)),
        "problem_ids": sorted(log.problems),
        **_references(cases, board, probe, router, fold_of),
    }
    return FittedRouter(
        replace(router, prices=prices), tuple(replace(r, prices=prices) for r in folded), fold_of, facts
    )


def _draft(
    log: SweepLog,
    cases: Sequence[Case],
    portfolio: Portfolio,
    probe: Probe,
    *,
    models: LearnedModels,
    familiarity: Familiarity,
    scores: Mapping[str, Score],
) -> LookaheadRouter:
    """Return a router without difficulty and prices."""
    cards = log.manifest.models
    return LookaheadRouter(
        portfolio=portfolio,
        probe=probe,
        mend=models.mend,
        spoil=models.spoil,
        confidence=models.confidence,
        cost=models.cost,
        difficulty={},
        prices={},
        fallback=best_of(scores),
        familiarity=familiarity,
        mean_tokens=_mean_tokens(cases, portfolio),
        strengths={name: score.accuracy for name, score in scores.items()},
        mean_costs={name: score.cost for name, score in scores.items()},
        fingerprints={**{name: card.fingerprint for name, card in cards.items()}, "grader": GRADER},
    )


def _with(router: LookaheadRouter, models: LearnedModels) -> LookaheadRouter:
    return replace(router, **{f.name: getattr(models, f.name) for f in fields(models)})


def _outcomes(cases: Sequence[Case], board: Board) -> Outcomes:
    """What arms and policies come to on each problem, for what texts say of them."""
    policies = tuple(dict.fromkeys(arm.policy for arm in board.arms))
    alone = np.array([[case.pass_at_1(policy) for case in cases] for policy in policies])
    cost = board.flops.mean(axis=-1)
    return Outcomes(
        tuple(arm.name for arm in board.arms),
        policies,
        np.concatenate([board.correct.mean(axis=-1), alone]),
        np.concatenate([cost, np.ones_like(alone)]),
    )


def _decided_states(
    folded: Sequence[LookaheadRouter],
    cases: Sequence[Case],
    fold_of: np.ndarray,
    steps: Sequence[FirstStep],
    *,
    unit: float,
    seed: int,
) -> list[State]:
    """Return the states where routers come to by their own decisions: random walks seldom go there, and
    there it matters."""
    from joblib import Parallel, delayed

    def states(k: int, draw: int) -> list[State]:
        numbers = np.flatnonzero(fold_of == k).tolist()
        trail: list[tuple[int, Walk]] = []
        price, some = DRAFT_PRICES[draw] / unit, [cases[n] for n in numbers]
        orders, rng = draw_of(some, seed + draw), np.random.default_rng((seed, k, draw))
        begun = [
            begin(folded[k].portfolio, steps[int(rng.integers(len(steps)))], Walk(case, order))
            for case, order in zip(some, orders, strict=True)
        ]
        walk_in(folded[k], some, orders, price, trail=trail, begun=begun)
        return [State(numbers[place], w) for place, w in trail]

    tasks = [(k, draw) for k in range(len(folded)) for draw in range(len(DRAFT_PRICES))]
    found = Parallel(n_jobs=-1, prefer="threads")(delayed(states)(*task) for task in tasks)
    return [state for some in found for state in some]


def _check(cases: Sequence[Case], portfolio: Portfolio, probe: Probe) -> None:
    if len(cases) < FEWEST_PROBLEMS:
        raise InputError(
            f"the sweep has {len(cases)} problems: a router needs at least {FEWEST_PROBLEMS}; sweep more"
        )
    if probe.n:
        _check_probes(cases, portfolio, probe)
    shares = {float(right) for case in cases for all_ in case.correct.values() for right in all_}
    shares |= {float(run.correct) for case in cases for runs in case.runs.values() for run, _ in runs}
    if len(shares) < 2:
        what = "right" if shares == {1.0} else "wrong"
        raise InputError(
            f"every sample of the sweep is {what}: there is nothing to choose; sweep other problems"
        )


def _check_probes(cases: Sequence[Case], portfolio: Portfolio, probe: Probe) -> None:
    pool = pools_of(portfolio.arms).get(probe.arm.pool)
    if pool is None or probe.prm not in (None, *pool.prms):
        scored = f", scored by {probe.prm}" if probe.prm else ""
        raise InputError(
            f"the probes are of {probe.arm.pool}{scored}, which the sweep does not have: "
            "choose probes that an arm of the sweep takes"
        )
    fewest = min(len(case.observed[probe.arm.pool]) for case in cases)
    if probe.n > fewest:
        raise InputError(
            f"the probes are {probe.n} samples of {probe.arm.pool}, of which the sweep has {fewest}: "
            "ask for fewer"
        )


def _references(
    cases: Sequence[Case], board: Board, probe: Probe, router: LookaheadRouter, fold_of: np.ndarray
) -> dict[str, Any]:
    """Return references for the evaluation: the best arms by difficulty bin, and the ablation of the
    features."""
    policy = router.portfolio[router.fallback].policy
    bins = bins_of(np.array([case.pass_at_1(policy) for case in cases]))
    solvable = board.correct.mean(axis=-1).max(axis=0) >= SOLVABLE_FROM
    scored = scored_probe(probe, router.portfolio, N_ABLATED)
    return {
        "bins": bin_table(board, bins).as_dict(),
        "ablation": {
            "probes": asdict(scored),
            **ablation(cases, router.layout, scored, policy, solvable=solvable, fold_of=fold_of),
        },
    }


def _prices(
    folded: Sequence[LookaheadRouter], cases: Sequence[Case], fold_of: np.ndarray, unit: float, seed: int
) -> tuple[dict[str, float], list[dict[str, float]]]:
    """Return the prices by effort, and their frontier; `unit` is the best fixed arm's cost in FLOPs."""
    from joblib import Parallel, delayed

    some = [[c for c, f in zip(cases, fold_of, strict=True) if f == k] for k in range(len(folded))]
    # in the same orders at every price, so what is seen in them is looked at once
    replays = [
        (r, c, draw_of(c, seed + k)) for r, c in zip(folded, some, strict=True) for k in range(N_PRICED)
    ]

    def point(price: float) -> dict[str, float]:
        walks = [w for replay in replays for w in walk_in(*replay, price / unit)]
        return {
            "price": price / unit,
            "accuracy": float(np.mean([w.correct for w in walks])),
            "flops": float(np.mean([w.flops for w in walks])),
        }

    frontier = Parallel(n_jobs=-1, prefer="threads")(delayed(point)(price) for price in PRICES)
    prices = efforts_of([p["price"] for p in frontier], [p["accuracy"] for p in frontier])
    return prices, frontier


def _expected(prices: Mapping[str, float], frontier: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """Return what the frontier has at the price of each effort."""
    tried = [p["price"] for p in frontier]
    return {
        effort: {key: at_price(price, tried, [p[key] for p in frontier]) for key in ("accuracy", "flops")}
        for effort, price in prices.items()
    }


def _mean_tokens(cases: Sequence[Case], portfolio: Portfolio) -> dict[str, float]:
    return {
        policy: float(np.mean([n for case in cases for n in _lengths(case, policy)]))
        for policy in portfolio.policies
    }


def _lengths(case: Case, policy: str) -> list[int]:
    """Return the lengths of the policy's samples, or of what its searches found if it is sampled by them
    alone."""
    pools = [case.observed[name] for name, pool in case.pools.items() if pool.policy == policy]
    sampled = [s.n_tokens for samples in pools for s in samples]
    return sampled or [s.n_tokens for _, s in case.found_by(policy)]
