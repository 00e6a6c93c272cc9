"""What is made when it is asked for is what all of it at once would have been."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.made import made_log
from tests.training.synthetic import FEW_ARMS, synthetic_log
from tts_select.training.log.records import SweepLog
from tts_select.training.replay import many
from tts_select.training.replay.cases import cases_of
from tts_select.training.replay.draws import Draws
from tts_select.training.replay.fixed import orders_of
from tts_select.training.replay.many import Cases, RandomOrders, in_chunks
from tts_select.training.replay.orders import Replay, ReplayInParts, as_arrays


def uneven() -> SweepLog:
    """Pools of one to five samples."""
    log = made_log(9, n_samples=5)
    few = {key: replace(p, samples=p.samples[: 1 + k % 5]) for k, (key, p) in enumerate(log.pools.items())}
    return replace(log, pools=few)


LOGS: dict[str, Callable[[], SweepLog]] = {
    "sweep": lambda: synthetic_log(7, n_samples=5, arms=FEW_ARMS),
    "imported": lambda: made_log(9, n_samples=5),
    "uneven": uneven,
}


@pytest.fixture(params=LOGS)
def log(request: pytest.FixtureRequest) -> SweepLog:
    return LOGS[request.param]()


def test_cases_are_the_same_one_by_one(log: SweepLog) -> None:
    lazy, whole = Cases(log), cases_of(log)
    assert len(lazy) == len(whole)
    for own, other in zip(lazy, whole, strict=True):
        assert (own.problem, own.observed, own.pools, own.runs) == (
            other.problem,
            other.observed,
            other.pools,
            other.runs,
        )
        assert {k: v.tolist() for k, v in own.correct.items()} == {
            k: v.tolist() for k, v in other.correct.items()
        }
        assert own.searchers == other.searchers
    assert [lazy.sizes(k) for k in range(len(lazy))] == [
        {pool: len(samples) for pool, samples in case.observed.items()} for case in whole
    ]


@settings(max_examples=20)
@given(st.integers(1, 9), st.lists(st.integers(0, 8), min_size=1, max_size=12))
def test_orders_are_the_same_in_whatever_order_they_are_asked_for(block: int, places: list[int]) -> None:
    cases = cases_of(uneven())
    whole = orders_of(cases, 3, 4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(many, "_BLOCK", block)
        lazy = RandomOrders(cases, 3, 4)
        for place in places:
            for own, other in zip(lazy[place], whole[place], strict=True):
                assert own.run == other.run
                assert {k: v.tolist() for k, v in own.samples.items()} == {
                    k: v.tolist() for k, v in other.samples.items()
                }


@pytest.mark.parametrize("at_once", [1, 4, 100])
def test_the_parts_of_a_replay_are_its_rows(
    log: SweepLog, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(many, "AT_ONCE", at_once)
    cases = cases_of(log)
    orders = orders_of(cases, 3, 4)
    whole = as_arrays(cases, orders, log.manifest)
    split = ReplayInParts.of(Cases(log), orders, log.manifest)
    parts = list(split.parts())
    assert len(parts) == -(-len(cases) // at_once)
    assert sum((part.ids for part in parts), ()) == whole.ids == split.ids
    assert list(split.arms.items()) == list(whole.arms.items())
    for pool, draws in whole.draws.items():
        for name in ("group", "length", "prompt"):
            joined = np.concatenate([getattr(part.draws[pool], name) for part in parts])
            np.testing.assert_array_equal(joined, getattr(draws, name))
        assert same(split.first_of(pool), whole.first_of(pool))
        assert same(split.first_of(pool), first_rows(whole, pool))


def first_rows(replay: Replay, pool: str) -> Draws:
    rows = np.array([np.flatnonzero(replay.problem == k)[0] for k in range(len(replay.ids))])
    return replay.draws[pool][rows]


def same(one: Draws, other: Draws) -> bool:
    return all(np.array_equal(getattr(one, n), getattr(other, n)) for n in ("group", "length", "prompt"))


@given(st.integers(0, 40), st.integers(1, 50))
def test_chunks_are_all_places_in_their_order(n: int, at_once: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(many, "AT_ONCE", at_once)
        found = list(in_chunks(range(n)))
    assert [place for places in found for place in places] == list(range(n))
    assert all(len(places) <= at_once for places in found)
