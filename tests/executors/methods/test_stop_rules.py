"""Every method that stops by a rule draws what its rule says, and no more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.executors.methods.test_adaptive import says
from tts_select.core.methods import METHODS
from tts_select.testing import FakeRewardModel

RULES = {name: method.stop_rule for name, method in METHODS.items() if method.stop_rule}


@pytest.mark.parametrize("method", RULES)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(found=st.lists(st.integers(-1, 2), min_size=20, max_size=20), budget=st.integers(1, 20))
def test_it_draws_until_its_rule_is_met(
    method: str, run_method: Callable[..., Any], found: list[int], budget: int
) -> None:
    policy = says(lambda k: found[k] if found[k] >= 0 else None)
    run = run_method(method, policy, budget=budget)
    assert len(run.pool) == RULES[method].n_drawn(found, budget)
    assert sum(request.n for request in policy.requests) == len(run.pool)


@pytest.mark.parametrize(
    ("method", "n"), [("margin", 2), ("beta", 4), ("adaptive", 4), ("doubling", 2), ("early_stopping", 4)]
)
def test_of_one_mind_it_stops_at_once(method: str, n: int, run_method: Callable[..., Any]) -> None:
    assert len(run_method(method, says(lambda _: 7), budget=64).pool) == n


@pytest.mark.parametrize("method", RULES)
def test_no_prm_is_asked(method: str, run_method: Callable[..., Any]) -> None:
    prm = FakeRewardModel({})
    run_method(method, says(lambda k: k), prm, budget=8)
    assert prm.calls == []
