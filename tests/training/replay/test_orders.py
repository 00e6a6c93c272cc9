"""Orders of the samples of an imported log."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.training.made import SIZES, made_log
from tts_select.core.arm import Arm
from tts_select.core.errors import InputError, UnknownName
from tts_select.training.log.records import ModelCard, Sample
from tts_select.training.replay.draws import ABSENT, CUT
from tts_select.training.replay.grouping import RIGHT, Groups
from tts_select.training.replay.orders import replay_of, with_policies, without_prms


def test_an_order_draws_every_sample_once() -> None:
    log = made_log(3, n_samples=7)
    replay = replay_of(log, n_orders=5, seed=0)
    for name, draws in replay.draws.items():
        for row, place in enumerate(replay.problem):
            pool = log.pools[replay.ids[place], name]
            flops = sorted(2.0 * SIZES[name] * s.n_tokens for s in pool.samples)
            assert sorted(draws.cost[row]) == pytest.approx(flops)
            assert (draws.group[row] == RIGHT).sum() == sum(s.correct for s in pool.samples)


def test_the_same_seed_gives_the_same_orders_and_another_one_others() -> None:
    log = made_log(4)
    one, same, other = (replay_of(log, n_orders=6, seed=seed) for seed in (3, 3, 4))
    for name in one.draws:
        np.testing.assert_array_equal(one.draws[name].cost, same.draws[name].cost)
        assert not np.array_equal(one.draws[name].cost, other.draws[name].cost)


def test_a_pool_with_fewer_samples_leaves_the_rest_of_the_order_absent() -> None:
    log = made_log(2, n_samples=4)
    key = ("p0", "log:weak")
    short = replace(log.pools[key], samples=log.pools[key].samples[:1])
    replay = replay_of(replace(log, pools={**log.pools, key: short}), n_orders=3, seed=0)
    group = replay.draws["log:weak"].group
    assert (group[replay.problem == 0, 1:] == ABSENT).all()
    assert (group[replay.problem == 1] != ABSENT).all()
    assert (replay.draws["log:weak"].cost[replay.problem == 0, 1:] == 0).all()


def test_problems_that_a_policy_has_no_samples_of_are_left_out() -> None:
    log = made_log(3)
    pools = {key: pool for key, pool in log.pools.items() if key != ("p1", "log:weak")}
    assert replay_of(replace(log, pools=pools), n_orders=2, seed=0).ids == ("p0", "p2")


def test_without_a_common_problem_the_remedy_is_named() -> None:
    log = made_log(2)
    pools = {
        ("p0", "log:weak"): log.pools["p0", "log:weak"],
        ("p1", "log:strong"): log.pools["p1", "log:strong"],
    }
    with pytest.raises(InputError, match="--policies"):
        replay_of(replace(log, pools=pools), n_orders=2, seed=0)


@pytest.mark.parametrize(("sized", "unit"), [(True, "FLOPs"), (False, "tokens")])
def test_costs_are_flops_only_if_every_size_is_known(sized: bool, unit: str) -> None:
    assert replay_of(made_log(2, sized=sized), n_orders=1, seed=0).unit == unit


def test_a_character_counts_as_a_token_where_sizes_are_known() -> None:
    log = made_log(2)
    assert log.manifest.imported is not None
    imported = replace(log.manifest.imported, unit="characters")
    log = replace(log, manifest=replace(log.manifest, imported=imported))
    assert replay_of(log, n_orders=1, seed=0).unit == "2 x parameters x characters"


def test_policies_are_named_with_or_without_their_prefix() -> None:
    log = made_log(2)
    for name in ("weak", "log:weak"):
        assert list(replay_of(with_policies(log, [name]), n_orders=1, seed=0).draws) == ["log:weak"]
    with pytest.raises(UnknownName, match="did you mean 'strong'"):
        with_policies(log, ["strog"])


def test_the_logs_own_grading_decides_and_wrong_answers_group_by_their_reading() -> None:
    def sample(answer: str | None, correct: bool) -> Sample:
        return Sample(answer, correct, 1, None, None, None, {})

    samples = tuple(
        sample(a, c)
        for a, c in (
            ("0.5", True),
            ("7", False),
            (" 7.0", False),
            ("x", False),
            (None, False),
            ("1/2", False),
        )
    )
    groups = Groups()
    found = [groups.of_sample(s) for s in samples]
    assert found[0] == RIGHT
    assert found[1] == found[2] != found[3]
    assert found[4] == -1
    assert found[5] > 0  # the log says that it is wrong


def test_thinning_keeps_the_first_orders_of_each_problem() -> None:
    replay = replay_of(made_log(5), n_orders=4, seed=0).of(np.array([True, False, True, True, False]))
    thin = replay.thinned(2)
    assert thin.problem.tolist() == [0, 0, 2, 2, 3, 3]
    np.testing.assert_array_equal(
        thin.draws["log:weak"].cost, replay.draws["log:weak"].cost[[0, 1, 4, 5, 8, 9]]
    )


def test_a_sample_that_was_cut_is_unknown_and_not_wrong() -> None:
    log = made_log(3, n_samples=4)
    cut = {
        key: replace(
            pool, samples=tuple(replace(s, finish="length" if s.correct else None) for s in pool.samples)
        )
        for key, pool in log.pools.items()
    }
    replay = replay_of(replace(log, pools=cut), n_orders=2, seed=0)
    for place, problem in enumerate(replay.ids):
        pool = log.pools[problem, "log:weak"]
        groups = replay.draws["log:weak"].group[replay.problem == place]
        assert ((groups == CUT).sum(axis=1) == sum(s.correct for s in pool.samples)).all()
        assert (groups != RIGHT).all()
    assert (replay.draws["log:weak"].is_known == (replay.draws["log:weak"].group != CUT)).all()
    half = {
        key: replace(
            pool, samples=(*(replace(s, finish="length", correct=False) for s in pool.samples), *pool.samples)
        )
        for key, pool in log.pools.items()
    }
    whole, other = (replay_of(x, n_orders=2, seed=0) for x in (log, replace(log, pools=half)))
    np.testing.assert_allclose(other.pass_at_1("log:weak"), whole.pass_at_1("log:weak"))


def test_a_pool_of_cut_samples_alone_is_never_right() -> None:
    log = made_log(2, n_samples=2)
    cut = {
        key: replace(pool, samples=tuple(replace(s, finish="length") for s in pool.samples))
        for key, pool in log.pools.items()
    }
    assert replay_of(replace(log, pools=cut), n_orders=2, seed=0).pass_at_1("log:weak").tolist() == [0.0, 0.0]


def test_a_log_can_be_read_without_its_prms() -> None:
    log = made_log(2)
    scored = Arm("log:weak", "log:judge", "best_of_n", 4)
    models = {**log.manifest.models, "log:judge": ModelCard("prm", None, "fp")}
    manifest = replace(log.manifest, arms=(*log.manifest.arms, scored), models=models)
    said: list[str] = []
    assert without_prms(replace(log, manifest=manifest), note=said.append) == log
    assert said == ["PRM scores are not used: the log does not say what log:judge cost"]
    assert without_prms(log, note=said.append) is log
    assert len(said) == 1
