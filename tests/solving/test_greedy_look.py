"""The prior draws a greedy solution beside its first sample, where that is worth more than one."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.priors import prior_router
from tests.training.made import made_log
from tts_select import solve
from tts_select.core.arm import Arm
from tts_select.core.protocols import Continuation, Meter, SampleRequest
from tts_select.executors.registry import Loaders
from tts_select.selector.routers.prior import PriorRouter
from tts_select.selector.routers.prior_cascade import PriorCascade
from tts_select.solving.choosing import selector_for
from tts_select.solving.selector import Selector
from tts_select.testing import FakePolicy, FakeRewardModel
from tts_select.training.evaluation.frontier import walker
from tts_select.training.evaluation.prior import sampler
from tts_select.training.log.records import SweepLog
from tts_select.training.replay.cases import Order, cases_of
from tts_select.training.replay.orders import random_orders, with_policies
from tts_select.training.replay.walks import walk_in
from tts_select.training.routers.prior.binding import on_log

PROBLEM = "How many?"


def contrary(request: SampleRequest, index: int) -> str:
    """The greedy solution says 1, every sample something else."""
    return "\\boxed{1}" if request.temperature == 0 else f"\\boxed{{{index + 2}}}"


def outvoted(request: SampleRequest, index: int) -> str:
    return "\\boxed{1}" if request.temperature == 0 else "\\boxed{2}"


def temperatures(policy: FakePolicy) -> list[tuple[float, int]]:
    return sorted((r.temperature, r.n) for r in policy.requests)


def test_a_greedy_solution_and_a_sample_are_drawn_first() -> None:
    policy = FakePolicy(lambda *_: "\\boxed{4}")
    found = solve(PROBLEM, policy=policy, effort="low")
    assert temperatures(policy) == [(0.0, 1), (0.7, 1)]
    assert (found.plan.method, found.plan.budget) == ("majority", 2)
    assert len(found.candidates) == 2


def test_it_counts_as_one_of_the_samples() -> None:
    policy = FakePolicy(contrary)
    found = solve(PROBLEM, policy=policy, price=0.0, budget=8)
    assert sum(r.n for r in policy.requests) == len(found.candidates) == found.plan.budget == 8
    assert sum(r.n for r in policy.requests if r.temperature == 0) == 1


def test_of_equally_many_votes_its_answer_wins_and_more_votes_beat_it() -> None:
    assert solve(PROBLEM, policy=FakePolicy(contrary), price=0.0).answer == "1"
    assert solve(PROBLEM, policy=FakePolicy(outvoted), price=0.0).answer == "2"


class Slow(FakePolicy):
    """Counts how many requests are at work at once."""

    at_once = most_at_once = 0

    async def sample(self, request: SampleRequest, meter: Meter) -> list[Continuation]:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0.01)
        self.at_once -= 1
        return await super().sample(request, meter)


def test_both_are_written_at_once() -> None:
    policy = Slow(lambda *_: "\\boxed{4}")
    found = solve(PROBLEM, policy=policy)
    assert policy.most_at_once == 2
    assert len(found.steps) == 1


def test_what_thinks_is_not_decoded_greedily() -> None:
    policy = FakePolicy(lambda *_: "\\boxed{4}")
    policy.thinks = True  # type: ignore[attr-defined]
    solve(PROBLEM, policy=policy)
    assert temperatures(policy) == [(0.7, 2)]


def test_a_temperature_that_is_named_is_that_of_all_samples() -> None:
    policy = FakePolicy(lambda *_: "\\boxed{4}")
    solve(PROBLEM, policy=policy, temperature=0.9)
    assert temperatures(policy) == [(0.9, 2)]


def test_samples_that_a_prm_scores_are_drawn_alike() -> None:
    policy = FakePolicy(lambda *_: "\\boxed{4}")
    solve(PROBLEM, policy=policy, prm=FakeRewardModel(lambda _, steps: [0.5] * len(steps)))
    assert 0.0 not in dict(temperatures(policy))


def test_each_policy_of_a_config_begins_with_it(tmp_path: Path) -> None:
    config = tmp_path / "tts-select.yaml"
    config.write_text("policies:\n  big: world:large\n  little: world:small\n")
    selector, _ = selector_for({"config": config})
    assert isinstance(selector.router, PriorCascade)
    greedy = [stage.router.greedy for stage in selector.router.stages]
    assert [arm.method for arm in greedy if arm] == ["cot", "cot"]
    assert selector.solve("Start with 14. Multiply by 3. What is the result?").answer == "42"


def with_greedy(log: SweepLog, policy: str) -> SweepLog:
    """The log with a greedy solution of a policy: the first of its samples."""
    arm = Arm(policy, None, "cot", 1)
    pools = dict(log.pools)
    for i in log.problems:
        samples = log.pools[i, policy].samples
        pools[i, arm.pool] = replace(log.pools[i, policy], temperature=0.0, samples=samples[:1])
        pools[i, policy] = replace(log.pools[i, policy], samples=samples[1:])
    manifest = replace(log.manifest, arms=(*log.manifest.arms, arm))
    return replace(log, manifest=manifest, pools=pools)


def bound(log: SweepLog) -> PriorRouter:
    found = on_log(prior_router("log:weak", 8), log, 8)
    assert found.greedy is not None
    assert found.first_look.budget == 1
    return found


@pytest.fixture(scope="module")
def log() -> SweepLog:
    return with_policies(with_greedy(made_log(12, n_samples=9, seed=5), "log:weak"), ["weak"])


@pytest.mark.parametrize("price", [0.0, 0.02, 0.1, 0.5])
def test_the_fast_replay_is_the_walk(log: SweepLog, price: float) -> None:
    router, cases = bound(log), cases_of(log)
    drawn = list(zip(*random_orders(cases, 4, 0), strict=True))
    fast, slow = (make(router, cases, drawn, log.manifest)(price) for make in (sampler, walker))
    assert fast.correct.tolist() == slow.correct.tolist()
    assert fast.cost == pytest.approx(slow.cost)
    assert fast.confidence == pytest.approx(slow.confidence)
    assert fast.probe_cost == pytest.approx(slow.probe_cost)


@pytest.mark.parametrize("price", [0.0, 0.02, 0.1])
def test_live_and_replayed_decisions_are_the_same(log: SweepLog, price: float) -> None:
    router, cases = bound(log), cases_of(log)
    orders = [Order({p: np.arange(len(s)) for p, s in case.observed.items()}, 0) for case in cases]
    walks = walk_in(router, cases, orders, price)
    ids = {problem.problem: problem.id for problem in log.problems.values()}

    def write(request: SampleRequest, index: int) -> str:
        arm = router.greedy if request.temperature == 0 else router.arm
        assert arm is not None
        sample = log.pools[ids[request.problem], arm.pool].samples[index]
        return " ".join([*["word"] * (sample.n_tokens - 1), f"\\boxed{{{sample.answer}}}"])

    loaders = Loaders(lambda name: FakePolicy(write, name=name), lambda _: FakeRewardModel({}))
    selector = Selector(router, loaders=loaders)
    for w in walks:
        live = selector.solve(w.case.problem.problem, price=price)
        assert len(live.candidates) == sum(w.position.n.values())
        assert (live.answer == w.case.problem.answer) == bool(w.correct)
        assert (live.confidence or 0.0) == pytest.approx(w.confidence, rel=1e-12)
        assert live.bill.total.policy_generated_tokens == w.tokens
