"""Ladders over many orders at once, against walks of one order at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ladders import by_certainty, ladder_router
from tests.training.made import certain, made_log
from tests.training.synthetic import FEW_ARMS
from tts_select.selector.routers.ladder import LadderRouter
from tts_select.selector.routers.rungs import Rung
from tts_select.training.log.records import SweepLog
from tts_select.training.replay.cases import cases_of
from tts_select.training.replay.climbing import climb, followed, usual_of
from tts_select.training.replay.grouping import RIGHT
from tts_select.training.replay.orders import as_arrays, replay_of
from tts_select.training.replay.walks import walk

POLICIES = ("log:weak", "log:strong")


def uneven(log: SweepLog, *, prompt_tokens: int | None, cut: int) -> SweepLog:
    """Pools of different sizes, prompts, and every so many samples cut."""
    pools = {}
    for place, (key, pool) in enumerate(log.pools.items()):
        samples = [
            replace(s, finish="length" if cut and (place + k) % cut == 0 else "stop")
            for k, s in enumerate(pool.samples[: 1 + place % len(pool.samples)])
        ]
        pools[key] = replace(pool, samples=tuple(samples), prompt_tokens=prompt_tokens)
    return replace(log, pools=pools)


def assert_walks_are_the_rows(router: LadderRouter, log: SweepLog, seed: int) -> None:
    cases = cases_of(log)
    rng = np.random.default_rng(seed)
    rows = as_arrays(cases, [[case.order(rng)] for case in cases], log.manifest)
    for ladder in router.ladders:
        walks = walk(router, cases, ladder.price, seed=seed)
        group, p, cost, _ = followed(ladder, climb(ladder.rungs, rows, router.usual))
        np.testing.assert_array_equal([w.correct for w in walks], (group == RIGHT) * 1.0)
        np.testing.assert_allclose([w.flops for w in walks], cost, rtol=1e-12)
        np.testing.assert_allclose([w.confidence for w in walks], p, rtol=1e-12)


@given(
    seed=st.integers(0, 99),
    n=st.sampled_from([1, 2, 3, 4, 5, 7, 10, 14]),
    prompt_tokens=st.sampled_from([None, 30]),
    cut=st.sampled_from([0, 2, 3]),
    sized=st.booleans(),
    n_samples=st.sampled_from([3, 11]),
)
def test_many_orders_at_once_are_walks_one_by_one(
    *, seed: int, n: int, prompt_tokens: int | None, cut: int, sized: bool, n_samples: int
) -> None:
    """Answers, costs and confidence, also where a log has fewer samples than the ladder draws."""
    log = uneven(
        made_log(6, n_samples=n_samples, seed=seed, sized=sized), prompt_tokens=prompt_tokens, cut=cut
    )
    assert_walks_are_the_rows(ladder_router(policies=POLICIES, n=n), log, seed)


def test_a_sweep_is_climbed_as_it_is_walked(synthetic_log: Callable[..., SweepLog]) -> None:
    """Its answers are grouped by what they mean, and its prompts have a price."""
    router = ladder_router(policies=("world:small", "world:large"))
    assert_walks_are_the_rows(router, synthetic_log(20), seed=3)


@given(seed=st.integers(0, 99), mute=st.booleans())
def test_certainties_are_climbed_as_they_are_walked(
    synthetic_log: Callable[..., SweepLog], *, seed: int, mute: bool
) -> None:
    """Also where a sample has none, and where those of a whole pool were not known in training."""
    log = certain(synthetic_log(6, n_samples=5, arms=FEW_ARMS), seed=seed)
    router = by_certainty(ladder_router(policies=("world:small", "world:large")))
    usual = usual_of(replay_of(log, n_orders=2, seed=seed))
    own = {pool: usual[pool] for pool in router.usual}
    if mute:
        own["world:large"] = replace(own["world:large"], certainty=None, certainty_spread=None)
    assert_walks_are_the_rows(replace(router, usual=own), log, seed)


def test_the_usual_certainty_is_that_of_the_samples_that_tell() -> None:
    log = made_log(8, n_samples=4)
    told = {
        key: replace(
            pool,
            samples=tuple(
                replace(s, certainty=[None, 9.0, 11.0, 10.0][k]) for k, s in enumerate(pool.samples)
            ),
        )
        for key, pool in log.pools.items()
        if pool.policy == "log:strong"
    }
    swept = replace(log, manifest=replace(log.manifest, imported=None), pools={**log.pools, **told})
    usual = usual_of(replay_of(swept, n_orders=2, seed=0))
    assert usual["log:weak"].certainty is None
    strong = usual["log:strong"]
    assert (strong.certainty, strong.certainty_spread) == pytest.approx((10.0, np.std([9, 10, 11])))


def test_what_an_imported_log_calls_certainty_is_left_alone() -> None:
    """It may be of another make than what a policy would be asked for."""
    usual = usual_of(replay_of(certain(made_log(8)), n_orders=2, seed=0))
    assert [own.certainty for own in usual.values()] == [None, None]


def test_a_ladder_goes_on_with_the_next_samples_of_a_policy() -> None:
    replay = replay_of(made_log(4), n_orders=3, seed=0)
    walked = climb(
        [Rung("log:strong", 2), Rung("log:weak", 1), Rung("log:strong", 1)], replay, usual_of(replay)
    )
    strong, weak = (replay.draws[name] for name in ("log:strong", "log:weak"))
    np.testing.assert_allclose(walked.costs[-1], strong.cost[:, :3].sum(axis=1) + weak.cost[:, 0])
    np.testing.assert_allclose(walked.lengths[-1], strong.length[:, :3].sum(axis=1) + weak.length[:, 0])
    assert [tally.group.shape[1] for tally in walked.tallies] == [1, 2, 3, 4]


def test_what_is_known_at_a_look_is_what_was_drawn_until_then() -> None:
    replay = replay_of(made_log(4, n_samples=10), n_orders=3, seed=0)
    usual = usual_of(replay)
    every = climb([Rung("log:strong", 10)], replay, usual, tuple(range(1, 11)))
    some = climb([Rung("log:strong", 10)], replay, usual)
    assert some.looks == (1, 2, 3, 4, 6, 8, 10)
    for k, look in enumerate(some.looks):
        np.testing.assert_array_equal(some.costs[k], every.costs[look - 1])
        np.testing.assert_array_equal(some.tallies[k].features(), every.tallies[look - 1].features())


def test_the_more_accurate_policy_has_the_heavier_vote() -> None:
    usual = usual_of(replay_of(made_log(40), n_orders=4, seed=0))
    assert usual["log:strong"].weight == 1.0
    assert 0 < usual["log:weak"].weight < 1.0


def test_samples_that_were_cut_do_not_make_a_vote_lighter() -> None:
    """Whether they would have been right is not known."""
    log = made_log(20)
    right = {
        key: replace(
            pool, samples=tuple(replace(s, finish="length") if not s.correct else s for s in pool.samples)
        )
        for key, pool in log.pools.items()
    }
    assert usual_of(replay_of(log, n_orders=2, seed=0))["log:weak"].weight < 1.0
    usual = usual_of(replay_of(replace(log, pools=right), n_orders=2, seed=0))
    assert [usual[name].weight for name in POLICIES] == [1.0, 1.0]


def test_lengths_have_no_prompt_in_them() -> None:
    """A live sample has its own tokens; what its prompt costs is another matter."""
    log = made_log(6)
    read = {key: replace(pool, prompt_tokens=500) for key, pool in log.pools.items()}
    plain, with_prompts = (
        usual_of(replay_of(x, n_orders=2, seed=0)) for x in (log, replace(log, pools=read))
    )
    for name in POLICIES:
        assert with_prompts[name] == replace(plain[name], prompt=500.0)


def test_lengths_that_are_all_the_same_say_nothing() -> None:
    log = made_log(4)
    same = {
        key: replace(pool, samples=tuple(replace(s, n_tokens=37) for s in pool.samples))
        for key, pool in log.pools.items()
    }
    usual = usual_of(replay_of(replace(log, pools=same), n_orders=2, seed=0))
    assert usual["log:weak"].deviations(np.array([37.0])).tolist() == pytest.approx([0.0])
    assert usual["log:weak"].spread == 1.0
