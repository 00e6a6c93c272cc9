"""Ladders walked to their ends over many orders at once; `walks.py` does it for any router, more slowly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tts_select.selector.evidence import NO_ANSWER
from tts_select.selector.routers.rungs import Ladder, Rung, draws_of, looks_of
from tts_select.selector.routers.tally import AnswerModel, Belief, Tally, Usual, knows_certainty
from tts_select.training.replay.draws import ABSENT, Draws
from tts_select.training.replay.grouping import RIGHT
from tts_select.training.replay.made import Made
from tts_select.training.replay.orders import Replay

FLOOR = 0.05
"""Added to right and wrong when a policy's odds are taken, so that a perfect one has finite odds."""
LIGHTEST = 0.05
"""The smallest weight of a vote."""
_EVEN = 1e-9
"""Lengths and certainties whose spread is below this count as all the same."""


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
        certainty, certainty_spread = _certainty(draws)
        found[pool] = Usual(
            log_length=float(logs.mean()),
            spread=float(logs.std()) if logs.std() > _EVEN else 1.0,
            weight=float(np.clip(1 + (odds[pool] - best) / 2, LIGHTEST, 1)),
            mean_length=float(lengths.mean()),
            per_token=draws.per_token,
            prompt=float(draws.prompt.mean()),
            certainty=certainty,
            certainty_spread=certainty_spread,
        )
    return found


def _certainty(draws: Draws) -> tuple[float, float] | tuple[None, None]:
    """The mean certainty of a pool's samples and its standard deviation, if the log knows any."""
    known = np.empty(0) if draws.certainty is None else draws.certainty[~np.isnan(draws.certainty)]
    if not len(known):
        return None, None
    return float(known.mean()), float(known.std()) if known.std() > _EVEN else 1.0


@dataclass(frozen=True, slots=True)
class Tallies(Made[Tally]):
    """The tally at each look, counted when it is asked for: all of them are ten times what is drawn."""

    looks: tuple[int, ...]
    group: np.ndarray
    """Shape (rows, draws), as what follows."""
    weight: np.ndarray
    deviations: np.ndarray
    certainties: np.ndarray | None
    """Deviations too; None where no pool's are known."""

    def __len__(self) -> int:
        return len(self.looks)

    def made(self, place: int) -> Tally:
        """See `Made`."""
        n = self.looks[place]
        certainties = None if self.certainties is None else self.certainties[:, :n]
        return Tally.of(self.group[:, :n], self.weight[:, :n], self.deviations[:, :n], certainties)


@dataclass(frozen=True, slots=True)
class Climb:
    """The state of every row at each look of a ladder, and what that took, shape (rows,) each."""

    looks: tuple[int, ...]
    """The numbers of draws."""
    tallies: Tallies
    costs: tuple[np.ndarray, ...]
    lengths: tuple[np.ndarray, ...]


def climb(
    rungs: Sequence[Rung],
    replay: Replay,
    usual: Mapping[str, Usual],
    looks: tuple[int, ...] | None = None,
) -> Climb:
    """Climb the rungs from the start; without `looks` to look where a new ladder does."""
    looks = looks_of(rungs) if looks is None else looks
    shape = len(replay), looks[-1]
    group, weight = np.empty(shape, int), np.empty(shape)
    deviations, cost, length = np.empty(shape), np.empty(shape), np.empty(shape)
    certainties = np.empty(shape) if knows_certainty(usual) else None
    used: Counter[str] = Counter()
    for k, pool in enumerate(draws_of(rungs)):
        draws, own = replay.draws[pool], usual[pool]
        group[:, k], length[:, k] = draws.sample(used[pool])
        read = 0.0 if used[pool] else draws.prompt
        cost[:, k] = draws.per_token * (length[:, k] + read)
        weight[:, k] = np.where(group[:, k] != ABSENT, own.weight, 0.0)
        deviations[:, k] = own.deviations(length[:, k])
        if certainties is not None:
            certainties[:, k] = own.of_certainties(draws.certainty_of(used[pool]))
        used[pool] += 1
    costs, lengths = cost.cumsum(axis=1), length.cumsum(axis=1)
    return Climb(
        looks,
        Tallies(looks, group, weight, deviations, certainties),
        tuple(costs[:, n - 1].copy() for n in looks),  # and let go of what is between
        tuple(lengths[:, n - 1].copy() for n in looks),
    )


def followed(
    ladder: Ladder, climbed: Climb, beliefs: Sequence[Belief] | None = None
) -> tuple[np.ndarray, ...]:
    """Return where each row stops: the answer's group, P(correct), cost and number of draws, shape (rows,)
    each. The beliefs are those of the ladder's model, which another ladder may share."""
    beliefs = beliefs or believed(ladder.answers, climbed)
    group, p_correct, cost, n_looks = outcome(ladder.stops, beliefs, climbed.costs)
    return group, p_correct, cost, np.array(climbed.looks)[n_looks - 1]


def believed(answers: AnswerModel, climbed: Climb) -> list[Belief]:
    """Return what a model of answers says of each look."""
    return [Belief.of(tally, answers) for tally in climbed.tallies]


def outcome(
    stops: np.ndarray, beliefs: Sequence[Belief], costs: Sequence[np.ndarray]
) -> tuple[np.ndarray, ...]:
    """Return the answer's group, P(correct), cost and number of looks of each row under one rule, shape
    (rows,)."""
    group, p, cost = beliefs[-1].group, beliefs[-1].p_correct, costs[-1]
    n = np.full(len(group), len(beliefs))
    for k in range(len(beliefs) - 2, -1, -1):
        stop = beliefs[k].terms() @ stops[k] <= 0
        group, p = np.where(stop, beliefs[k].group, group), np.where(stop, beliefs[k].p_correct, p)
        cost, n = np.where(stop, costs[k], cost), np.where(stop, k + 1, n)
    return group, np.where(group == NO_ANSWER, 0.0, p), cost, n
