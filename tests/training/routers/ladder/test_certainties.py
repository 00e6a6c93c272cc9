"""A ladder router from a sweep that knows how certain its policies were."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.ladders import as_saved, as_text, rewrite
from tests.training.made import certain
from tests.training.synthetic import FEW_ARMS
from tts_select.core.arm import pool_name
from tts_select.core.errors import InputError
from tts_select.selector.evidence import Evidence, SolutionEvidence
from tts_select.selector.routers.artifact import load_router, save_router
from tts_select.selector.routers.ladder import LadderRouter
from tts_select.selector.routers.tally import N_FEATURES, N_OF_CERTAINTY
from tts_select.training.log.records import SweepLog
from tts_select.training.routers.ladder.fit import fit_ladders


@pytest.fixture(scope="module")
def certain_log(synthetic_log: Callable[..., SweepLog]) -> SweepLog:
    return certain(synthetic_log(24, n_samples=4, arms=FEW_ARMS))


def test_where_a_log_knows_certainties_ladders_go_by_them_and_ask_for_them(
    certain_log: SweepLog, tmp_path: Path
) -> None:
    router = fit_ladders(certain_log).router
    assert {len(ladder.answers.weight) for ladder in router.ladders} == {N_FEATURES + N_OF_CERTAINTY}
    assert {ladder.answers.weight[N_FEATURES] > 0 for ladder in router.ladders} == {True}
    of_ladders = [arm for arm in router.portfolio.arms if arm.name != router.fallback]
    assert {arm.method for arm in of_ladders if arm.temperature > 0} == {"self_certainty"}
    save_router(router, tmp_path / "router", trained_on={})
    again = load_router(tmp_path / "router")
    assert isinstance(again, LadderRouter)
    assert (as_text(again), again.usual, again.portfolio) == (as_text(router), router.usual, router.portfolio)


def test_rules_that_know_of_certainties_which_no_pool_has_are_refused(
    certain_log: SweepLog, tmp_path: Path
) -> None:
    record = as_saved(fit_ladders(certain_log).router, tmp_path / "router")
    for usual in record["usual"].values():
        del usual["certainty"], usual["certainty_spread"]
    rewrite(tmp_path / "router", record)
    with pytest.raises(InputError, match=r"other features than this version: \(10,\) for \(8,\)"):
        load_router(tmp_path / "router")


def test_of_two_answers_with_a_vote_each_the_more_certain_is_believed(certain_log: SweepLog) -> None:
    router = fit_ladders(certain_log).router
    pool = next(pool for pool in router.usual if pool_name("world:large", 0.7) == pool)
    usual = router.usual[pool]
    assert usual.certainty is not None
    here = [
        SolutionEvidence(group, round(usual.mean_length), math.nan, 1, certainty=usual.certainty + more)
        for group, more in ((0, -1.0), (1, 1.0))
    ]
    assert [answer.group for answer in router.answers(Evidence("x", {pool: here}))] == [1, 0]
    unknown = [replace(solution, certainty=math.nan) for solution in here]
    surer, other = router.answers(Evidence("x", {pool: unknown}))
    assert surer.p_correct == other.p_correct
