"""Ladders walked to their ends over replayed orders, ending samples at checkpoints where a stage says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tts_select.selector.routers.ladder import Ending, Stage, Tally, Usual, steps_of
from tts_select.training.replay.grouping import RIGHT
from tts_select.training.replay.orders import Draws, Replay

FLOOR = 0.05
"""Added to right and wrong when a policy's odds are taken, so that a perfect one has finite odds."""
LIGHTEST = 0.05
"""A vote's weight is no less."""


def usual_of(replay: Replay) -> dict[str, Usual]:
    """The usual lengths and the weight of a vote of each policy: its log odds of being right, beside those of
    the most accurate one, where e times lower odds weigh half a vote less."""
    odds = {}
    for name, draws in replay.draws.items():
        p = float((draws.group == RIGHT)[draws.is_there].mean())
        odds[name] = np.log((p + FLOOR) / (1 - p + FLOOR))
    best = max(odds.values())
    found = {}
    for name, draws in replay.draws.items():
        logs = np.log(np.maximum(draws.cost[draws.is_there], 1e-12))
        weight = float(np.clip(1 + (odds[name] - best) / 2, LIGHTEST, 1))
        found[name] = Usual(float(logs.mean()), float(logs.std()) or 1.0, weight)
    return found


@dataclass(frozen=True, slots=True)
class Climb:
    """What every row has seen after each draw of a ladder."""

    stages: tuple[Stage, ...] = ()
    tallies: tuple[Tally, ...] = ()
    used: Mapping[str, int] = field(default_factory=dict)
    """Samples of each policy."""

    def on(self, stage: Stage, replay: Replay, usual: Mapping[str, Usual]) -> Climb:
        """With one more stage."""
        tallies = list(self.tallies)
        used = dict(self.used)
        draws = replay.draws[stage.policy]
        for policy, ending in steps_of([stage]):
            before = tallies[-1] if tallies else Tally.empty(len(replay))
            number = used.get(policy, 0)
            group, cost = ended(draws, number, ending, before.leader())
            there = draws.is_there[:, number]
            tallies.append(before.after(group, cost, there, usual[policy]))
            used[policy] = number + 1
        return Climb((*self.stages, stage), tuple(tallies), used)


def climb(stages: Sequence[Stage], replay: Replay, usual: Mapping[str, Usual]) -> Climb:
    """From the start."""
    found = Climb()
    for stage in stages:
        found = found.on(stage, replay, usual)
    return found


def ended(draws: Draws, number: int, ending: Ending, leader: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The group and cost of each row's sample of this number, ended at a checkpoint or by itself."""
    group, cost = draws.group[:, number], draws.cost[:, number]
    if draws.at is None or draws.stood is None or ending == Ending():
        return group, cost
    at, stood = draws.at[:, number], draws.stood[:, number]
    ends = np.zeros(at.shape, bool)
    if ending.patience is not None:
        ends |= stood >= ending.patience
    if ending.confirming is not None:
        ends |= (stood >= ending.confirming) & (at == leader[:, None])
    early, place = ends.any(axis=1), ends.argmax(axis=1)
    there = np.take_along_axis(at, place[:, None], 1)[:, 0]
    return np.where(early, there, group), np.where(early, (place + 1) * draws.checkpoint_cost, cost)
