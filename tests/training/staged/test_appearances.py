"""Appearances count where they tell something of problems that were not seen, and nowhere else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.training.staged.made import made_log
from tts_select.selector.staged import Look, appearance
from tts_select.training.staged.appearances import appearances_tell
from tts_select.training.staged.climbing import climb, usual_of
from tts_select.training.staged.fit import fit_replay, prices_for
from tts_select.training.staged.grouping import RIGHT
from tts_select.training.staged.replay import Replay, replay_of


def looking(replay: Replay, *, honest: bool) -> Replay:
    """Right answers are short and wrong ones long; or looks are those of the problem's number."""

    def looks(group: np.ndarray) -> np.ndarray:
        if honest:
            return np.where(group == RIGHT, appearance("7"), appearance("7" * 9))
        by_problem = np.array([appearance("7" * (1 + k % 9)) for k in range(len(replay.ids))])
        return np.broadcast_to(by_problem[replay.problem][:, None], group.shape).copy()

    draws = {p: replace(d, appearance=looks(d.group)) for p, d in replay.draws.items()}
    return replace(replay, draws=draws)


def test_looks_that_tell_right_from_wrong_are_taken() -> None:
    replay = looking(replay_of(made_log(40), n_orders=8, seed=0), honest=True)
    assert appearances_tell(replay, usual_of(replay), seed=0)


def test_looks_that_tell_nothing_are_not() -> None:
    replay = looking(replay_of(made_log(24), n_orders=8, seed=0), honest=False)
    assert not appearances_tell(replay, usual_of(replay), seed=0)
    assert not appearances_tell(replay.without_appearances(), usual_of(replay), seed=0)


def test_a_router_that_does_not_take_them_is_blind_to_them() -> None:
    replay = looking(replay_of(made_log(24), n_orders=8, seed=0), honest=False)
    router = fit_replay(replay, prices_for(replay), {}, seed=0)
    for ladder in router.ladders[::6]:
        tally = climb(ladder.stages, replay, router.usual).tallies[-1]
        other = replace(tally, appearance=tally.appearance + 5)
        seen, blind = (Look.at(t, ladder.answers) for t in (tally, other))
        np.testing.assert_array_equal(seen.p_correct, blind.p_correct)
