"""Fits a ladder router to a log: orders of its samples, a ladder for each price, efforts.

A sample that was cut is unknown. It has no vote, the model of answers does not see it, and the weight of its
policy's votes is that of the samples that ended. But where all samples of a row were cut there is no answer,
and drawing them was worth nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tts_select.core.arm import Arm
from tts_select.core.errors import InputError
from tts_select.selector.portfolio import Portfolio
from tts_select.selector.routers.beginnings import Beginnings, LaddersByText
from tts_select.selector.routers.ladder import LadderRouter
from tts_select.selector.routers.learned_prior import Prior
from tts_select.selector.routers.rungs import Ladder, looks_of
from tts_select.selector.routers.tally import Usual
from tts_select.training.log.records import SweepLog
from tts_select.training.replay.climbing import usual_of
from tts_select.training.replay.draws import CUT
from tts_select.training.replay.grouping import RIGHT
from tts_select.training.replay.orders import Replay, replay_of
from tts_select.training.replay.strategies import best_fixed, fixed_arms
from tts_select.training.routers.efforts import efforts_of
from tts_select.training.routers.ladder.searching import Choice, Found, search

FEWEST_PROBLEMS = 20
N_PRICES = 44
ROWS_WANTED, ROWS_ALLOWED = 8000, 100_000
FEWEST_ORDERS, MOST_ORDERS = 8, 64
"""The orders of each problem's samples to learn from. Where even the fewest are more rows than are allowed,
there are fewer orders of each problem: another problem says more than another order of one."""
LOWEST_PRICE, HIGHEST_PRICE = 1e-5, 8.0
"""The lowest price, in probability per sample of the dearest policy, and the highest, per sample of the
cheapest: from where cost does not matter to where a sample that is a tenth cheaper is worth nearly any
accuracy."""


@dataclass(frozen=True, slots=True)
class FittedLadders:
    """A ladder router and what was learned, for people and for the manifest."""

    router: LadderRouter
    facts: Mapping[str, Any]


def fit_ladders(
    log: SweepLog,
    *,
    prior: Prior | None = None,
    seed: int = 0,
    note: Callable[[str], None] = lambda _: None,
) -> FittedLadders:
    """Train on every problem that all policies have samples of; PRM scores and searches are not used. The
    rules start from a prior, which should not have seen the log, or from nothing.

    Raises:
        InputError: there are too few problems, or all samples are right, or all wrong, or greedy.
    """
    replay = replay_of(log, n_orders=orders_for(len(log.problems)), seed=seed)
    check_learnable(replay)
    prints = fingerprints_of(log)
    router = fit_replay(replay, prices_for(replay), prints, prior=prior, seed=seed, note=note)
    facts = {
        "n_problems": len(replay.ids),
        "n_orders": len(replay) // len(replay.ids),
        "problem_ids": sorted(replay.ids),
        "unit": replay.unit,
        "share_cut": {pool: share_cut(replay, pool) for pool in replay.draws},
    }
    return FittedLadders(router, facts)


def fit_replay(
    replay: Replay,
    prices: np.ndarray,
    fingerprints: Mapping[str, str],
    *,
    seed: int,
    prior: Prior | None = None,
    note: Callable[[str], None] = lambda _: None,
) -> LadderRouter:
    """Fit a router to the rows of a replay alone; prices are in probability per unit of cost, from low to
    high."""
    usual = usual_of(replay)
    found = search(replay, prices, usual, seed=seed, prior=prior, note=note)
    ladders = tuple(_ladder(float(p), choice) for p, choice in zip(prices, found.choices, strict=True))
    by_text = _by_text(found, prices)
    efforts = efforts_of([x.price for x in ladders], [x.accuracy for x in ladders])
    fallback = best_fixed(fixed_arms(replay))
    return LadderRouter(
        portfolio=_portfolio([*ladders, *(by_text.ladders if by_text else ())], replay, usual, fallback),
        usual=usual,
        ladders=ladders,
        prices=efforts,
        fallback=fallback.name,
        unit=replay.unit,
        fingerprints=dict(fingerprints),
        by_text=by_text,
    )


def orders_for(n_problems: int) -> int:
    """Return the number of orders of each problem; it is large where there are few problems."""
    wanted = int(np.clip(ROWS_WANTED // n_problems, FEWEST_ORDERS, MOST_ORDERS))
    return max(1, min(wanted, ROWS_ALLOWED // n_problems))


def prices_for(replay: Replay) -> np.ndarray:
    """Return prices from low to high; they depend on costs alone, never on what is right."""
    means = [float(draws.cost[draws.is_there].mean()) for draws in replay.draws.values()]
    return np.geomspace(LOWEST_PRICE / max(means), HIGHEST_PRICE / min(means), N_PRICES)


def fingerprints_of(log: SweepLog) -> dict[str, str]:
    """Return the fingerprints of the models and the grader."""
    cards = {name: card.fingerprint for name, card in log.manifest.models.items()}
    return {**cards, "grader": log.manifest.grader}


def check_learnable(replay: Replay) -> None:
    """Raises:
    InputError: there are too few problems, or all samples are right, or all wrong.
    """
    if (n := len(replay.ids)) < FEWEST_PROBLEMS:
        problems = "1 problem" if n == 1 else f"{n} problems"
        raise InputError(
            f"the log has {problems} with samples of every policy: a ladder router needs at least "
            f"{FEWEST_PROBLEMS}; import more"
        )
    if not replay.sampled:
        raise InputError(
            "the log has greedy solutions alone: a ladder router learns from samples; sweep some"
        )
    right = [(d.group == RIGHT)[d.is_known] for d in replay.draws.values()]
    for is_so, what in ((all(r.all() for r in right), "right"), (not any(r.any() for r in right), "wrong")):
        if is_so:
            raise InputError(
                f"every sample of the log is {what}: there is nothing to choose; import other problems"
            )


def share_cut(replay: Replay, pool: str) -> float:
    """Return the share of a pool's samples that was cut."""
    draws = replay.draws[pool]
    return float((draws.group == CUT).sum() / draws.is_there.sum())


def _portfolio(
    ladders: Sequence[Ladder], replay: Replay, usual: Mapping[str, Usual], fallback: Arm
) -> Portfolio:
    """Return the portfolio of the most that a ladder takes of each pool, and the fallback. Where certainties
    are judged by, the arm is one that needs them, so that whoever runs it asks for them."""
    most: dict[str, int] = {}
    for ladder in ladders:
        for pool in ladder.draws:
            most[pool] = max(most.get(pool, 0), ladder.draws.count(pool))
    arms = [_drawing(replay.arms[pool], n, usual[pool]) for pool, n in most.items()]
    return Portfolio("ladders", tuple(dict.fromkeys([*arms, fallback])))


def _drawing(single: Arm, n: int, usual: Usual) -> Arm:
    """The arm that draws `n` samples of a pool; `single` draws one."""
    by_certainty = usual.tells_certainty and single.temperature > 0
    return replace(single, budget=n, method="self_certainty" if by_certainty else single.method)


def _by_text(found: Found, prices: np.ndarray) -> LaddersByText | None:
    if found.by_text is None:
        return None
    ladders = {k: tuple(_ladder(float(prices[k]), c) for c in own) for k, own in found.beginnings.items()}
    at = {k: Beginnings(own, found.by_text.heads[k]) for k, own in ladders.items()}
    return LaddersByText(found.by_text.description, at)


def _ladder(price: float, choice: Choice) -> Ladder:
    return Ladder(
        price,
        choice.rungs,
        choice.answers,
        choice.stops,
        accuracy=choice.correct,
        cost=choice.cost,
        length=choice.length,
        looks=looks_of(choice.rungs),
    )
