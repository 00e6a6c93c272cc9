"""From an imported log to a staged router: orders, a ladder for each price, efforts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tts_select.core.errors import InputError
from tts_select.selector.routers.ladder import Ladder, LadderRouter
from tts_select.training.log.records import SweepLog
from tts_select.training.replay.climbing import usual_of
from tts_select.training.replay.grouping import RIGHT
from tts_select.training.replay.orders import Replay, replay_of
from tts_select.training.replay.strategies import best_fixed, fixed_arms
from tts_select.training.routers.ladder.searching import Choice, search
from tts_select.training.routers.lookahead.fit import EFFORTS

FEWEST_PROBLEMS = 20
N_PRICES = 40
ROWS_WANTED = 8000
FEWEST_ORDERS, MOST_ORDERS = 8, 64
"""Of each problem's samples, to learn from."""
LOWEST_PRICE, HIGHEST_PRICE = 1e-3, 2.0
"""In probability per sample of the dearest policy, and of the cheapest one: from where cost does not matter
to where one sample is all that is bought."""


@dataclass(frozen=True, slots=True)
class FittedStages:
    """A staged router and what was learned, for people and for the manifest."""

    router: LadderRouter
    facts: Mapping[str, Any]


def fit_staged(log: SweepLog, *, seed: int = 0, note: Callable[[str], None] = lambda _: None) -> FittedStages:
    """Train on every problem that all policies have samples of.

    Raises:
        InputError: there are too few problems, or all samples are right, or all wrong.
    """
    replay = replay_of(log, n_orders=orders_for(len(log.problems)), seed=seed)
    check_learnable(replay)
    router = fit_replay(replay, prices_for(replay), fingerprints_of(log), seed=seed, note=note)
    facts = {
        "kind": "staged",
        "n_problems": len(replay.ids),
        "n_orders": len(replay) // len(replay.ids),
        "problem_ids": sorted(replay.ids),
        "unit": replay.unit,
    }
    return FittedStages(router, facts)


def fit_replay(
    replay: Replay,
    prices: np.ndarray,
    fingerprints: Mapping[str, str],
    *,
    seed: int,
    note: Callable[[str], None] = lambda _: None,
) -> LadderRouter:
    """A router from the rows of a replay alone."""
    usual = usual_of(replay)
    choices = search(replay, prices, usual, seed=seed, note=note)
    ladders = tuple(_ladder(float(p), choice) for p, choice in zip(prices, choices, strict=True))
    best = max(ladder.accuracy for ladder in ladders)
    efforts = {
        effort: max(x.price for x in ladders if x.accuracy >= share * best)
        for effort, share in EFFORTS.items()
    }
    return LadderRouter(
        unit=replay.unit,
        usual=usual,
        ladders=ladders,
        efforts=efforts,
        best_fixed=best_fixed(fixed_arms(replay)),
        fingerprints=dict(fingerprints),
    )


def orders_for(n_problems: int) -> int:
    """Many for few problems."""
    return int(np.clip(ROWS_WANTED // n_problems, FEWEST_ORDERS, MOST_ORDERS))


def prices_for(replay: Replay) -> np.ndarray:
    """From low to high; they depend on costs alone, never on what is right."""
    means = [float(draws.cost[draws.is_there].mean()) for draws in replay.draws.values()]
    return np.geomspace(LOWEST_PRICE / max(means), HIGHEST_PRICE / min(means), N_PRICES)


def fingerprints_of(log: SweepLog) -> dict[str, str]:
    """Of the policies."""
    return {name: card.fingerprint for name, card in log.manifest.models.items() if card.kind == "policy"}


def check_learnable(replay: Replay) -> None:
    """Raises:
    InputError: there are too few problems, or all samples are right, or all wrong.
    """
    if (n := len(replay.ids)) < FEWEST_PROBLEMS:
        problems = "1 problem" if n == 1 else f"{n} problems"
        raise InputError(
            f"the log has {problems} with samples of every policy: a staged router needs at least "
            f"{FEWEST_PROBLEMS}; import more"
        )
    right = [(d.group == RIGHT)[d.is_there] for d in replay.draws.values()]
    for is_so, what in ((all(r.all() for r in right), "right"), (not any(r.any() for r in right), "wrong")):
        if is_so:
            raise InputError(
                f"every sample of the log is {what}: there is nothing to choose; import other problems"
            )


def _ladder(price: float, choice: Choice) -> Ladder:
    return Ladder(price, choice.stages, choice.answers, choice.stops, choice.correct, choice.cost)
