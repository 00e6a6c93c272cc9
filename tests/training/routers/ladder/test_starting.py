"""What a prior expects of a ladder's looks, against asking the router of the prior one order at a time."""

from __future__ import annotations

import numpy as np
import pytest

from tests.training.made import made_log
from tts_select.data.prior.artifacts import PRIOR
from tts_select.selector.agreement import agreement
from tts_select.selector.routers.learned_prior import Prior
from tts_select.selector.routers.prior import best_horizon, horizons
from tts_select.selector.routers.rungs import Rung, looks_of
from tts_select.solving.naming import prior_in
from tts_select.training.replay.draws import CUT
from tts_select.training.replay.orders import Replay, replay_of
from tts_select.training.routers.ladder.fit import fit_ladders
from tts_select.training.routers.ladder.starting import Expectations


@pytest.fixture(scope="module")
def prior() -> Prior:
    return prior_in(PRIOR).prior


@pytest.fixture(scope="module")
def replay() -> Replay:
    return replay_of(made_log(20), n_orders=3, seed=0)


def test_it_is_what_the_prior_says_of_each_order(prior: Prior, replay: Replay) -> None:
    rungs = (Rung("log:strong", 6),)
    looks = looks_of(rungs)
    price = 0.1 / replay.draws["log:strong"].cost.mean()
    told = Expectations(prior, replay, np.array([price])).of(rungs, looks)
    for n, found in zip(looks, told, strict=False):
        assert found is not None
        draws, later = replay.draws["log:strong"], horizons(n, looks)
        for row in (0, 17, 59):
            group = draws.group[row : row + 1, :n]
            seen = agreement(group, draws.length[row : row + 1, :n], group == CUT)
            gains = prior.gains(seen.features, prior.says(seen.features), later)
            each = price * draws.cost[row, :n].mean()
            expected = best_horizon(gains, n, later, each)[1]
            np.testing.assert_allclose(found[row], expected)


def test_it_says_nothing_before_the_last_policy(prior: Prior, replay: Replay) -> None:
    rungs = (Rung("log:weak", 3), Rung("log:strong", 2))
    found = Expectations(prior, replay, np.array([1e-3])).of(rungs, looks_of(rungs))
    assert [worth is not None for worth in found] == [False, False, False, True]


def test_a_ladder_that_starts_from_a_prior_has_other_rules(prior: Prior) -> None:
    log = made_log(20, n_samples=4)
    own, started = (fit_ladders(log, prior=p).router.ladders for p in (None, prior))
    assert any((a.stops != b.stops).any() for a, b in zip(own, started, strict=True) if a.rungs == b.rungs)
