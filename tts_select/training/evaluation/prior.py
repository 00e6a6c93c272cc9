"""What is particular to priors: a faster replay, and prices that are shares of a budget."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tts_select.selector.agreement import tokens_a_length
from tts_select.selector.evidence import NO_ANSWER
from tts_select.selector.routers.prior import PriorRouter
from tts_select.selector.routers.protocol import Router
from tts_select.training.evaluation.frontier import Drawn, Part, Replayer, Walked, walker
from tts_select.training.log.records import Manifest
from tts_select.training.replay.cases import Case
from tts_select.training.replay.grouping import RIGHT
from tts_select.training.replay.orders import Replay, as_arrays
from tts_select.training.replay.rounds import Rounds, looked_at
from tts_select.training.replay.scored import Scored, scored_in

PRICES = (0.0, *np.geomspace(1e-4, 2.0, 30))
"""In probability for the whole budget."""


def prior_prices(part: Part) -> Sequence[float]:
    """In probability a sample."""
    router = part.router
    return [float(p) / router.arm.budget for p in PRICES] if isinstance(router, PriorRouter) else []


def sampler(router: Router, cases: Sequence[Case], drawn: Drawn, manifest: Manifest) -> Replayer:
    """Walk all orders at once."""
    if not isinstance(router, PriorRouter):
        return walker(router, cases, drawn, manifest)
    orders = list(zip(*drawn, strict=True))
    replay, scored = as_arrays(cases, orders, manifest), None
    if router.arm.prm is not None:
        scored = scored_in(cases, orders, router.arm, replay.draws[router.arm.pool].group.shape[1])
    return sampler_over(router, replay, scored)


def sampler_over(router: PriorRouter, replay: Replay, scored: Scored | None = None) -> Replayer:
    """Walk the orders of a replay, with the scores of the router's PRM if it has one; the prior is asked once
    for all prices."""
    draws = replay.draws[router.arm.pool]
    if router.greedy is not None:
        draws = replay.draws[router.greedy.pool].before(draws)
    looks = looked_at(draws, router.looks, tokens_a_length=tokens_a_length(replay.unit), scored=scored)
    rounds, n_draws = Rounds.of(router.judge, looks, router.looks), len(replay) // len(replay.ids)

    def shaped(values: np.ndarray) -> np.ndarray:
        return values.reshape(-1, n_draws).T

    def at(price: float) -> Walked:
        stopped = rounds.at(price)
        confidence = stopped.p_correct
        if router.recalibration is not None:
            confidence = np.where(stopped.first == NO_ANSWER, 0.0, router.recalibration(confidence))
        return Walked(
            correct=shaped((stopped.first == RIGHT) * 1.0),
            cost=shaped(stopped.cost),
            probe_cost=shaped(looks[0].cost),
            confidence=shaped(confidence),
            is_unfamiliar=np.zeros((n_draws, len(replay.ids)), bool),
            last=np.full((n_draws, len(replay.ids)), router.arm.name, object),
        )

    return at
