"""The fast walk of a prior is the walk of any router."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.priors import prior_router, scored_router
from tests.training.made import made_log, scored
from tts_select.training.evaluation.frontier import Walked, walker
from tts_select.training.evaluation.prior import sampler
from tts_select.training.log.records import Sample, SweepLog
from tts_select.training.replay.cases import cases_of
from tts_select.training.replay.fixed import orders_of

POLICY = "log:weak"


@pytest.fixture(scope="module")
def log() -> SweepLog:
    """Problems with 3 to 8 samples each; every seventh sample was cut, and every fifth has no answer."""
    made = made_log(12, n_samples=8, seed=3)
    pools = {
        key: replace(
            pool,
            samples=tuple(_spoiled(s, k + place) for k, s in enumerate(pool.samples))[: 3 + place % 6],
        )
        for place, (key, pool) in enumerate(made.pools.items())
    }
    return replace(made, pools=pools)


def _spoiled(sample: Sample, number: int) -> Sample:
    if number % 7 == 0:
        return replace(sample, finish="length", correct=False)
    return replace(sample, answer=None, correct=False) if number % 5 == 0 else sample


@pytest.mark.parametrize("price", [0.0, 0.001, 0.02, 0.1, 1.0])
@pytest.mark.parametrize("budget", [1, 2, 5, 16])
def test_it_stops_where_the_slow_walk_stops(log: SweepLog, price: float, budget: int) -> None:
    router, cases = prior_router(POLICY, budget), cases_of(log)
    drawn = list(zip(*orders_of(cases, 1, 5), strict=True))
    slow = walker(router, cases, drawn, log.manifest)(price)
    fast = sampler(router, cases, drawn, log.manifest)(price)
    for name in ("correct", "cost", "probe_cost", "confidence"):
        np.testing.assert_allclose(_of(fast, name), _of(slow, name), err_msg=name)


@pytest.mark.parametrize("price", [0.0, 0.02, 0.1, 1.0])
@pytest.mark.parametrize("budget", [1, 2, 5, 16])
def test_so_it_does_with_the_scores_of_a_prm(log: SweepLog, price: float, budget: int) -> None:
    of_prm = scored(log, "log:prm")
    router, cases = scored_router(POLICY, "log:prm", budget), cases_of(of_prm)
    drawn = list(zip(*orders_of(cases, 1, 5), strict=True))
    slow = walker(router, cases, drawn, of_prm.manifest)(price)
    fast = sampler(router, cases, drawn, of_prm.manifest)(price)
    for name in ("correct", "cost", "probe_cost", "confidence"):
        np.testing.assert_allclose(_of(fast, name), _of(slow, name), err_msg=name)


def _of(walked: Walked, name: str) -> np.ndarray:
    found: np.ndarray = getattr(walked, name)
    return found
