"""Whether what answers look like tells which are right, or only seems to, with so few problems."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tts_select.selector.staged import Stage, Usual
from tts_select.training.staged.climbing import climb
from tts_select.training.staged.grouping import RIGHT
from tts_select.training.staged.replay import Replay
from tts_select.training.staged.searching import N_FOLDS, fold_of
from tts_select.training.staged.stopping import fit_answers, is_first

DRAWS = 8
"""Of the most accurate policy, whose answers are looked at."""
LEAST_P = 1e-6


def appearances_tell(replay: Replay, usual: Mapping[str, Usual], *, seed: int) -> bool:
    """Whether the log loss of P(right), on problems that were not seen, is lower with them by more than its
    standard error."""
    fold = fold_of(len(replay.ids), N_FOLDS, seed)
    gain = _losses(replay.without_appearances(), usual, fold) - _losses(replay, usual, fold)
    return bool(gain.mean() > gain.std() / np.sqrt(len(gain)))


def _losses(replay: Replay, usual: Mapping[str, Usual], fold: np.ndarray) -> np.ndarray:
    """The mean log loss of each problem's answers, after each draw; shape (problems,)."""
    policy = max(usual, key=lambda name: usual[name].weight)
    n_draws = min(DRAWS, replay.draws[policy].group.shape[1])
    tallies = climb((Stage(policy, n_draws),), replay, usual).tallies
    loss, count = np.zeros(len(replay.ids)), np.zeros(len(replay.ids))
    for k in range(N_FOLDS):
        held_out = fold[replay.problem] == k
        model = fit_answers(tallies, ~held_out)
        for tally in tallies:
            row, draw = np.nonzero(is_first(tally.group) & held_out[:, None])
            p = np.clip(model(tally.features()[row, draw]), LEAST_P, 1 - LEAST_P)
            right = tally.group[row, draw] == RIGHT
            problem = replay.problem[row]
            loss += np.bincount(problem, -np.log(np.where(right, p, 1 - p)), len(loss))
            count += np.bincount(problem, minlength=len(count))
    found: np.ndarray = loss[count > 0] / count[count > 0]
    return found
