"""What a portfolio asks of a sweep."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_select.core.arm import Arm
from tts_select.core.plan import Settings
from tts_select.training.log.chunks import rounds
from tts_select.training.log.manifest import PoolPlan, pools_of, searches

GREEDY = Settings(temperature=0.0)
ARMS = (
    Arm("a", None, "majority", 4),
    Arm("a", None, "cot", 1),
    Arm("a", "p", "best_of_n", 8),
    Arm("b", None, "adaptive", 8),
    Arm("a", "q", "best_of_n", 1, GREEDY),
    Arm("a", "q", "best_of_n", 2),
    Arm("a", "p", "best_of_n", 4),
    Arm("c", "r", "beam", 4),
)


def test_a_pool_is_of_a_policy_and_a_temperature_and_scored_by_the_prms_of_its_arms() -> None:
    assert pools_of(ARMS) == {
        "a": PoolPlan(ARMS[0], ("p", "q")),
        "a temperature=0": PoolPlan(ARMS[1], ("q",)),
        "b": PoolPlan(ARMS[3], ()),
    }


def test_a_policy_that_only_searches_has_no_pool() -> None:
    assert pools_of([Arm("c", "r", "beam", 4), Arm("c", "r", "dvts", 4)]) == {}


@pytest.mark.parametrize(("arm", "n"), [(ARMS[0], 64), (ARMS[1], 1), (ARMS[4], 1), (ARMS[5], 64)])
def test_a_greedy_pool_has_one_sample_as_all_would_be_the_same(arm: Arm, n: int) -> None:
    assert PoolPlan(arm, ()).size(64) == n


def test_only_searches_are_run_each_with_seeds_of_its_own() -> None:
    assert searches(ARMS, 3, 5) == [(ARMS[-1], 5), (ARMS[-1], 6), (ARMS[-1], 7)]


@given(st.integers(1, 300))
def test_tokens_are_noted_after_each_doubling_and_at_the_end(n: int) -> None:
    powers = [2**k for k in range(12) if 2**k < n]
    assert rounds(n) == (*powers, n)
