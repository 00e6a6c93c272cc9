"""Fits a router to a sweep log: rows, models in folds by problem, calibrations, prices."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np

from tts_select.data.grading import GRADER
from tts_select.selector.familiarity import Familiarity
from tts_select.selector.features import Layout
from tts_select.selector.portfolio import Portfolio
from tts_select.selector.routers.first_steps import FirstStep, FirstSteps
from tts_select.selector.routers.lookahead import LookaheadRouter, Probe, layout_of
from tts_select.training.log.records import SweepLog
from tts_select.training.replay.cases import Case, cases_of
from tts_select.training.replay.fixed import Board, Score, best_of, bin_table, bins_of, board_of
from tts_select.training.replay.walks import Walk, draw_of, walk_in
from tts_select.training.routers.lookahead.ablation import ablation
from tts_select.training.routers.lookahead.boosting import folds_of
from tts_select.training.routers.lookahead.checks import check_trainable
from tts_select.training.routers.lookahead.familiarity import fit_familiarity
from tts_select.training.routers.lookahead.first_steps import begin, first_steps_of, play_out
from tts_select.training.routers.lookahead.learned import skills, warning_of
from tts_select.training.routers.lookahead.learning import LearnedModels, learn, learn_difficulty
from tts_select.training.routers.lookahead.pricing import expected_at, priced
from tts_select.training.routers.lookahead.probes import scored_probe
from tts_select.training.routers.lookahead.rows import State, random_states, some_of_each
from tts_select.training.routers.text.fit import FittedText, Outcomes, fit_text

N_ABLATED = 4
"""The number of samples that the ablation of the features looks at, where the probes are not enough."""
SOLVABLE_FROM = 0.5
"""A problem is solvable within the portfolio if its best arm solves it at least so often."""
DRAFT_PRICES = (0.01, 0.1, 1.0)
"""The prices at which the draft walks."""
DECIDED_STATES = 6
"""The most states of each of its walks that are learned from (docs/lab/log.md)."""


@dataclass(frozen=True, slots=True)
class FittedRouter:
    """A router, with models for each fold of the training problems that have not seen them."""

    router: LookaheadRouter
    by_fold: tuple[LookaheadRouter, ...]
    fold_of: np.ndarray
    """The fold of each case."""
    facts: Mapping[str, Any]
    """The facts that were learned, for people and for the manifest."""


@dataclass(frozen=True, slots=True)
class _Ground:
    """What every stage of a training stands on."""

    log: SweepLog
    cases: list[Case]
    portfolio: Portfolio
    probe: Probe
    board: Board
    scores: Mapping[str, Score]
    """Of the fixed arms."""
    fold_of: np.ndarray
    texts: list[str]
    text: FittedText
    """What they say of arms and policies."""
    layout: Layout
    steps: tuple[FirstStep, ...]
    seed: int

    @classmethod
    def of(cls, log: SweepLog, probe: Probe, seed: int) -> _Ground:
        """Raises:
        InputError: the log has too few problems, or the arms' outcomes are all alike.
        """
        cases = cases_of(log)
        portfolio = Portfolio(log.manifest.portfolio, log.manifest.arms)
        check_trainable(cases, portfolio, probe)
        probe = probe.as_in(portfolio)
        board = board_of(cases, portfolio, seed)
        scores = board.scores()
        fold_of = folds_of(np.arange(len(cases)), seed)
        texts = [case.problem.problem for case in cases]
        text = fit_text(texts, _outcomes(cases, board), fold_of)
        layout = layout_of(portfolio, {name: score.accuracy for name, score in scores.items()}, text.apart)
        steps = first_steps_of(portfolio, probe)
        return cls(log, cases, portfolio, probe, board, scores, fold_of, texts, text, layout, steps, seed)

    @property
    def best(self) -> str:
        """The most accurate fixed arm."""
        return best_of(self.scores)

    @property
    def unit(self) -> float:
        """Its cost in FLOPs."""
        return self.scores[self.best].cost

    def learn(self, states: Sequence[State]) -> tuple[LearnedModels, list[LearnedModels], Any]:
        """The models of all problems, those of each fold, which have not seen it, and what they explain."""
        return learn(states, self.portfolio, self.layout, self.fold_of, self.seed)


def fit_router(
    log: SweepLog, probe: Probe, *, seed: int = 0, note: Callable[[str], None] = lambda _: None
) -> FittedRouter:
    """Train on every problem of the log.

    Raises:
        InputError: it has too few problems, or the arms' outcomes are all alike; the message says which.
    """
    note("replaying arms")
    on = _Ground.of(log, probe, seed)
    familiarity, refused = fit_familiarity(on.cases, on.layout, on.probe, seed)
    note("walking at random")
    states = random_states(on.cases, on.portfolio, on.steps, seed)
    note("fitting a draft")
    models, folds, _ = on.learn(states)
    draft = _draft(on, models, familiarity)
    note("walking as the draft decides")
    states += _decided_states(on, [_with(draft, some) for some in folds])
    note("fitting")
    router, folded, told = _fitted(on, draft, states)
    note("trying every first step")
    router, folded = _with_first_steps(on, router, folded)
    note("choosing prices")
    prices, frontier = priced(folded, on.cases, on.fold_of, on.unit, seed)
    note("measuring the difficulty estimate")
    facts = {
        "n_problems": len(on.cases),
        "n_states": len(states),
        "frontier": frontier,
        "efforts": expected_at(prices, frontier),
        "unfamiliar": refused,
        "skill": skills(told, len(on.cases)),
        "warning": warning_of(len(on.cases)),
        "problem_ids": sorted(log.problems),
        **_references(on, router),
    }
    by_fold = tuple(replace(r, prices=prices) for r in folded)
    return FittedRouter(replace(router, prices=prices), by_fold, on.fold_of, facts)


def _draft(on: _Ground, models: LearnedModels, familiarity: Familiarity) -> LookaheadRouter:
    """Return a router without difficulty and prices."""
    cards = on.log.manifest.models
    return LookaheadRouter(
        portfolio=on.portfolio,
        probe=on.probe,
        mend=models.mend,
        spoil=models.spoil,
        confidence=models.confidence,
        cost=models.cost,
        difficulty={},
        prices={},
        fallback=on.best,
        familiarity=familiarity,
        mean_tokens=_mean_tokens(on.cases, on.portfolio),
        strengths={name: score.accuracy for name, score in on.scores.items()},
        mean_costs={name: score.cost for name, score in on.scores.items()},
        fingerprints={**{name: card.fingerprint for name, card in cards.items()}, "grader": GRADER},
        by_text=on.text.apart,
    )


def _fitted(
    on: _Ground, draft: LookaheadRouter, states: Sequence[State]
) -> tuple[LookaheadRouter, list[LookaheadRouter], Any]:
    """The router of all problems, those of the folds, and what their models explain."""
    models, folds, told = on.learn(states)
    difficulty, difficulties = learn_difficulty(states, on.layout, on.cases, on.fold_of)
    folded = [replace(_with(draft, m), difficulty=d) for m, d in zip(folds, difficulties, strict=True)]
    router = replace(_with(draft, models), difficulty=difficulty, by_text=on.text.whole)
    return router, folded, told


def _with_first_steps(
    on: _Ground, router: LookaheadRouter, folded: Sequence[LookaheadRouter]
) -> tuple[LookaheadRouter, list[LookaheadRouter]]:
    """The routers with what each first step is worth by the text."""
    played = play_out(folded, on.cases, on.fold_of, on.steps, unit=on.unit, seed=on.seed)

    def fitted(some: np.ndarray) -> FirstSteps:
        return played.fitted(on.text.whole.description, on.texts, some)

    whole = replace(router, first_steps=fitted(on.fold_of >= 0))
    return whole, [replace(r, first_steps=fitted(on.fold_of != k)) for k, r in enumerate(folded)]


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


def _decided_states(on: _Ground, folded: Sequence[LookaheadRouter]) -> list[State]:
    """Return the states where routers come to by their own decisions: random walks seldom go there, and
    there it matters."""
    from joblib import Parallel, delayed

    def states(k: int, draw: int) -> list[State]:
        numbers = np.flatnonzero(on.fold_of == k).tolist()
        trail: list[tuple[int, Walk]] = []
        price, some = DRAFT_PRICES[draw] / on.unit, [on.cases[n] for n in numbers]
        orders, rng = draw_of(some, on.seed + draw), np.random.default_rng((on.seed, k, draw))
        begun = [
            begin(on.portfolio, on.steps[int(rng.integers(len(on.steps)))], Walk(case, order))
            for case, order in zip(some, orders, strict=True)
        ]
        walk_in(folded[k], some, orders, price, trail=trail, begun=begun)
        return [State(numbers[place], w) for place, w in some_of_each(trail, DECIDED_STATES, rng)]

    tasks = [(k, draw) for k in range(len(folded)) for draw in range(len(DRAFT_PRICES))]
    found = Parallel(n_jobs=-1, prefer="threads")(delayed(states)(*task) for task in tasks)
    return [state for some in found for state in some]


def _references(on: _Ground, router: LookaheadRouter) -> dict[str, Any]:
    """Return references for the evaluation: the best arms by difficulty bin, and the ablation of the
    features."""
    policy = router.portfolio[router.fallback].policy
    bins = bins_of(np.array([case.pass_at_1(policy) for case in on.cases]))
    solvable = on.board.correct.mean(axis=-1).max(axis=0) >= SOLVABLE_FROM
    scored = scored_probe(on.probe, router.portfolio, N_ABLATED)
    return {
        "bins": bin_table(on.board, bins).as_dict(),
        "ablation": {
            "probes": asdict(scored),
            **ablation(on.cases, router.layout, scored, policy, solvable=solvable, fold_of=on.fold_of),
        },
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
