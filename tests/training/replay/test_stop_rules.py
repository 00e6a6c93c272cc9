"""A named arm with a stop rule is replayed as its rule says, from look to look."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.training.made import made_log
from tts_select.core.arm import Arm
from tts_select.core.methods import METHODS
from tts_select.executors.registry import Loaders
from tts_select.selector.course import MOST_DECISIONS
from tts_select.selector.portfolio import parse_portfolio
from tts_select.selector.routers.named import NamedArm
from tts_select.testing import FakePolicy, FakeRewardModel
from tts_select.training.log.records import LoggedProblem
from tts_select.training.replay.cases import Case, Order, cases_of
from tts_select.training.replay.walks import walk
from tts_select.training.sweep.plan import Sweep
from tts_select.training.sweep.run import run_sweep

POLICY = "log:weak"
RULES = {name: method.stop_rule for name, method in METHODS.items() if method.stop_rule}


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return cases_of(made_log(12, n_samples=24))


@pytest.mark.parametrize("method", RULES)
def test_a_walk_draws_what_the_rule_draws(method: str, cases: list[Case]) -> None:
    arm = Arm(POLICY, None, method, 24)
    for ended in walk(NamedArm(arm), cases, 0.0, seed=1):
        groups = [ended.case.observed[POLICY][k].group for k in ended.order.samples[POLICY]]
        n = RULES[method].n_drawn(groups, 24)
        assert ended.position.n[POLICY] == ended.case.n_samples(arm, ended.order) == n
        assert ended.correct == ended.case.outcome(Arm(POLICY, None, "majority", n), ended.order).correct


def test_looks_are_not_counted_as_decisions() -> None:
    n = 2 * MOST_DECISIONS
    many = cases_of(made_log(12, n_samples=n))
    walks = walk(NamedArm(Arm(POLICY, None, "beta", n)), many, 0.0, seed=1)
    assert max(len(w.chosen) for w in walks) > MOST_DECISIONS


def test_a_log_with_fewer_samples_than_the_budget_is_drawn_to_its_end(cases: list[Case]) -> None:
    order = walk(NamedArm(Arm(POLICY, None, "majority", 1)), cases[:1], 0.0, seed=1)[0].order
    for method in RULES:
        short, long = (cases[0].n_samples(Arm(POLICY, None, method, n), order) for n in (24, 64))
        assert short == long


def test_a_sweep_of_samples_has_what_every_rule_gives(tmp_path: Path) -> None:
    arms = [{"policy": "p", "method": method, "budget": 8} for method in RULES]
    portfolio = parse_portfolio({"name": "rules", "arms": arms}, "rules")
    policy = FakePolicy(lambda _, k: f"\\boxed{{{(0, 1, 1, 1, 1, 0, 1, 1)[k % 8]}}}", name="p")
    loaders = Loaders(lambda _: policy, lambda _: FakeRewardModel({}))
    sweep = Sweep(portfolio, [LoggedProblem("one", "Which?", "1")], n_samples=8, n_runs=1)
    log = run_sweep(sweep, tmp_path / "log", loaders=loaders)
    assert (list(log.pools), log.runs) == ([("one", "p")], {})
    assert sum(request.n for request in policy.requests) == 8
    (case,) = cases_of(log)
    order = Order({"p": np.arange(8)}, 0)
    n = {arm.method: case.n_samples(arm, order) for arm in portfolio.arms}
    assert n == {"margin": 4, "beta": 8, "adaptive": 8, "doubling": 4, "early_stopping": 8}
