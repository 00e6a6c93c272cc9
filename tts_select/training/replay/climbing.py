"""Ladders walked to their ends over many orders at once; `walks.py` does it for any router, more slowly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tts_select.selector.evidence import NO_ANSWER
from tts_select.selector.routers.ladder import Ladder, Rung, draws_of
from tts_select.selector.routers.tally import Belief, Tally, Usual
from tts_select.training.replay.grouping import RIGHT
from tts_select.training.replay.orders import ABSENT, Replay

FLOOR = 0.05
"""Added to right and wrong when a policy's odds are taken, so that a perfect one has finite odds."""
LIGHTEST = 0.05
"""The smallest weight of a vote."""
_EVEN = 1e-9
"""Lengths whose spread is below this count as all the same."""


def usual_of(replay: Replay) -> dict[str, Usual]:
    """Return the usual lengths and the weight of a vote of each pool: its log odds of being right, beside
    those of the most accurate one, where e times lower odds weigh half a vote less."""
    odds = {}
    for pool, draws in replay.draws.items():
        right = (draws.group == RIGHT)[draws.is_known]
        p = float(right.mean()) if len(right) else 0.0
        odds[pool] = np.log((p + FLOOR) / (1 - p + FLOOR))
    best = max(odds.values())
    found = {}
    for pool, draws in replay.draws.items():
        lengths = draws.length[draws.is_there]
        logs = np.log(np.maximum(lengths, 1.0))
        found[pool] = Usual(
            log_length=float(logs.mean()),
            spread=float(logs.std()) if logs.std() > _EVEN else 1.0,
            weight=float(np.clip(1 + (odds[pool] - best) / 2, LIGHTEST, 1)),
            mean_length=float(lengths.mean()),
            per_token=draws.per_token,
            prompt=float(draws.prompt.mean()),
        )
    return found


@dataclass(frozen=True, slots=True)
class Climb:
    """The state of every row after each draw of a ladder, and what that took, shape (rows,) each."""

    tallies: tuple[Tally, ...] = ()
    costs: tuple[np.ndarray, ...] = ()
    lengths: tuple[np.ndarray, ...] = ()
    used: Mapping[str, int] = field(default_factory=dict)
    """The number of samples of each pool."""

    def on(self, pool: str, replay: Replay, usual: Usual) -> Climb:
        """Return the climb with one more draw."""
        draws, number = replay.draws[pool], self.used.get(pool, 0)
        tally = self.tallies[-1] if self.tallies else Tally.empty(len(replay))
        cost, length = (all_[-1] if all_ else np.zeros(len(replay)) for all_ in (self.costs, self.lengths))
        group, own = draws.sample(number)
        weight = np.where(group != ABSENT, usual.weight, 0.0)
        read = draws.prompt if number == 0 else 0.0
        return Climb(
            (*self.tallies, tally.after(group, weight, usual.deviations(own))),
            (*self.costs, cost + draws.per_token * (own + read)),
            (*self.lengths, length + own),
            {**self.used, pool: number + 1},
        )


def climb(rungs: Sequence[Rung], replay: Replay, usual: Mapping[str, Usual]) -> Climb:
    """Climb the rungs from the start."""
    found = Climb()
    for pool in draws_of(rungs):
        found = found.on(pool, replay, usual[pool])
    return found


def followed(ladder: Ladder, climbed: Climb) -> tuple[np.ndarray, ...]:
    """Return where each row stops: the answer's group, P(correct), cost and number of draws, shape (rows,)
    each."""
    beliefs = [Belief.of(tally, ladder.answers) for tally in climbed.tallies]
    return outcome(ladder.stops, beliefs, climbed.costs)


def outcome(
    stops: np.ndarray, beliefs: Sequence[Belief], costs: Sequence[np.ndarray]
) -> tuple[np.ndarray, ...]:
    """Return the answer's group, P(correct), cost and number of draws of each row under one rule, shape
    (rows,)."""
    group, p, cost = beliefs[-1].group, beliefs[-1].p_correct, costs[-1]
    n = np.full(len(group), len(beliefs))
    for k in range(len(beliefs) - 2, -1, -1):
        stop = beliefs[k].terms() @ stops[k] <= 0
        group, p = np.where(stop, beliefs[k].group, group), np.where(stop, beliefs[k].p_correct, p)
        cost, n = np.where(stop, costs[k], cost), np.where(stop, k + 1, n)
    return group, np.where(group == NO_ANSWER, 0.0, p), cost, n
