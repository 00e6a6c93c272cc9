"""Learns the first step: every one of them is taken on every training problem, the router goes on as it does,
and what came of it is fitted to the texts.

The routers that go on have not seen the problems. What a first step is worth depends on what it is followed
by, so that is played out, not guessed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tts_select.core.arm import Arm
from tts_select.selector.by_text import Description
from tts_select.selector.portfolio import Portfolio
from tts_select.selector.routers.first_steps import FirstStep, FirstSteps
from tts_select.selector.routers.lookahead import LookaheadRouter, Probe
from tts_select.training.replay.cases import Case
from tts_select.training.replay.walks import Walk, draw_of, walk_in
from tts_select.training.routers.text.fit import best_penalty, fit_heads

PRICES = tuple(float(p) for p in np.geomspace(3e-3, 30.0, 6))
"""The prices at which the courses are played out, in probability per cost of the best fixed arm."""


def first_steps_of(portfolio: Portfolio, probe: Probe) -> tuple[FirstStep, ...]:
    """Return the first steps of a portfolio: one solution of each policy, greedy if there is one; every
    search of a policy that is not sampled; the probe that was asked for."""
    found = [step for policy in portfolio.policies for step in _steps(portfolio, policy)]
    asked = [arm for arm in portfolio.arms if arm.is_sampling and _takes(arm, probe)]
    if probe.n and asked:
        found.append(FirstStep(min(asked, key=lambda arm: arm.budget).name, probe.n))
    return tuple(dict.fromkeys(found))


def _takes(arm: Arm, probe: Probe) -> bool:
    return (arm.pool, arm.prm) == (probe.arm.pool, probe.prm) and arm.budget >= probe.n


def _steps(portfolio: Portfolio, policy: str) -> list[FirstStep]:
    """A PRM may read the solution later, if that is worth it."""
    own = [arm for arm in portfolio.arms if arm.policy == policy]
    sampling = [arm for arm in own if arm.is_sampling]
    if not sampling:
        return [FirstStep(arm.name, arm.budget) for arm in own]
    arm = min(sampling, key=lambda arm: (arm.temperature, arm.prm is not None, arm.budget))
    return [FirstStep(arm.name, 1)]


@dataclass(frozen=True, slots=True)
class PlayedOut:
    """What came of each step at each price, shape (prices, steps, problems)."""

    steps: tuple[FirstStep, ...]
    prices: np.ndarray
    correct: np.ndarray
    cost: np.ndarray

    def fitted(self, description: Description, texts: Sequence[str], some: np.ndarray) -> FirstSteps:
        """Fit to some of the problems (a mask)."""
        rows = np.stack([description.of(text) for text in texts])[some]
        correct, cost = (v.reshape(-1, v.shape[-1])[:, some] for v in (self.correct, self.cost))
        penalties = best_penalty(rows, correct), best_penalty(rows, np.log(np.maximum(cost, 1.0)))
        return FirstSteps(self.steps, self.prices, fit_heads(rows, correct, cost, penalties=penalties))


def play_out(
    folded: Sequence[LookaheadRouter],
    cases: Sequence[Case],
    fold_of: np.ndarray,
    steps: Sequence[FirstStep],
    *,
    unit: float,
    seed: int,
) -> PlayedOut:
    """Take every step on every problem, and go on as the router that has not seen it; `unit` is what the best
    fixed arm costs."""
    from joblib import Parallel, delayed

    prices = np.array(PRICES) / unit
    shape = len(prices), len(steps), len(cases)
    correct, cost = np.zeros(shape), np.zeros(shape)

    def play(k: int, place: int) -> None:
        numbers = np.flatnonzero(fold_of == k).tolist()
        some = [cases[n] for n in numbers]
        router, orders = replace(folded[k], first_steps=None), draw_of(some, seed)
        for at, price in enumerate(prices):
            begun = [
                begin(router.portfolio, steps[place], Walk(c, o)) for c, o in zip(some, orders, strict=True)
            ]
            walks = walk_in(router, some, orders, float(price), begun=begun)
            correct[at, place, numbers] = [w.correct for w in walks]
            cost[at, place, numbers] = [w.flops for w in walks]

    tasks = [(k, place) for k in range(len(folded)) for place in range(len(steps))]
    Parallel(n_jobs=-1, prefer="threads")(delayed(play)(*task) for task in tasks)
    return PlayedOut(tuple(steps), prices, correct, cost)


def begin(portfolio: Portfolio, step: FirstStep, walk: Walk) -> Walk:
    """Take a first step."""
    walk.run(portfolio[step.arm], step.n)
    return walk
