"""Ladders run live: they decide as in a replay of the log, keep to caps, and share a budget."""

from __future__ import annotations

import asyncio
import io
import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.ladders import by_certainty, ladder_router
from tests.training.made import made_log
from tts_select import InputError, Problem, Solution
from tts_select.core.protocols import SampleRequest
from tts_select.executors.registry import Loaders
from tts_select.selector.portfolio import Portfolio
from tts_select.selector.routers.ladder import LadderRouter
from tts_select.solving.selector import Selector
from tts_select.solving.shared_budget import Purse, solve_from_purse
from tts_select.testing import FakePolicy, FakeRewardModel
from tts_select.training.log.records import Sample, SweepLog
from tts_select.training.replay.cases import Case, Order, cases_of
from tts_select.training.replay.walks import Walk, walk

POLICIES = ("log:weak", "log:strong")
MAX_NEW_TOKENS = 200
PRICES = (1e-4, 1e-1)


@pytest.fixture(scope="module")
def log() -> SweepLog:
    """Every seventh sample was cut, and every fifth has no answer."""
    made = made_log(12, n_samples=4, seed=3)
    pools = {
        key: replace(pool, samples=tuple(_spoiled(s, k + place) for k, s in enumerate(pool.samples)))
        for place, (key, pool) in enumerate(made.pools.items())
    }
    return replace(made, pools=pools)


@pytest.fixture(params=["tokens", "characters"])
def router(request: pytest.FixtureRequest) -> LadderRouter:
    found = ladder_router(policies=POLICIES, unit=request.param)
    return found.with_max_new_tokens(dict.fromkeys(POLICIES, MAX_NEW_TOKENS))


def _spoiled(sample: Sample, number: int) -> Sample:
    if number % 7 == 0:
        return replace(sample, n_tokens=MAX_NEW_TOKENS, finish="length", correct=False)
    return replace(sample, answer=None, correct=False) if number % 5 == 0 else sample


def written(sample: Sample) -> str:
    """A text of so many tokens with this answer; one that was cut goes on too long."""
    n = sample.n_tokens + 1 if sample.finish == "length" else sample.n_tokens
    ends = "nothing" if sample.answer is None else f"\\boxed{{{sample.answer}}}"
    return " ".join(["word"] * (n - 1) + [ends])


def selector_for(router: LadderRouter, log: SweepLog, **told: Any) -> tuple[Selector, dict[str, FakePolicy]]:
    """Sample k of a live policy is sample k of the log."""
    by_text = {problem.problem: id_ for id_, problem in log.problems.items()}

    def policy(name: str) -> FakePolicy:
        def write(request: SampleRequest, index: int) -> str:
            samples = log.pools[by_text[request.problem], name].samples
            return written(samples[index % len(samples)])

        return FakePolicy(write, name=name, **told)

    policies = {name: policy(name) for name in POLICIES}
    return Selector(router, loaders=Loaders(policies.__getitem__, lambda _: FakeRewardModel({}))), policies


def replayed(router: LadderRouter, log: SweepLog, price: float, patch: pytest.MonkeyPatch) -> list[Walk]:
    """In the order of the log's samples."""
    in_order = lambda case, _: Order({p: np.arange(len(s)) for p, s in case.observed.items()}, 0)  # noqa: E731
    patch.setattr(Case, "order", in_order)
    return walk(router, cases_of(log), price, seed=0)


def in_characters(log: SweepLog) -> SweepLog:
    """The same log, which counts the characters of its solutions."""
    assert log.manifest.imported is not None
    pools = {
        key: replace(
            pool,
            samples=tuple(
                replace(s, n_tokens=len(" ".join(written(s).split()[:MAX_NEW_TOKENS]))) for s in pool.samples
            ),
        )
        for key, pool in log.pools.items()
    }
    imported = replace(log.manifest.imported, unit="characters")
    return replace(log, pools=pools, manifest=replace(log.manifest, imported=imported))


@pytest.mark.parametrize("price", PRICES)
def test_live_and_replayed_decisions_are_the_same(
    router: LadderRouter, log: SweepLog, price: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = in_characters(log) if router.unit == "characters" else log
    walks = replayed(router, counted, price, monkeypatch)
    selector, _ = selector_for(router, log)
    n_steps = []
    for problem, w in zip(log.problems.values(), walks, strict=True):
        live = selector.solve(problem.problem, price=price)
        assert [step.arm for step in live.steps] == w.chosen
        assert (live.answer == problem.answer) == bool(w.correct)
        assert (live.confidence or 0.0) == pytest.approx(w.confidence, rel=1e-12)
        assert live.bill.total.policy_generated_tokens == sum(
            s.n_tokens for name, n in w.position.n.items() for s in log.pools[problem.id, name].samples[:n]
        )
        n_steps.append(len(live.steps))
    assert max(n_steps) == (8 if price == PRICES[0] else 1)
    assert price == PRICES[1] or min(n_steps) < 8


def test_live_draws_come_from_look_to_look_as_in_a_replay(monkeypatch: pytest.MonkeyPatch) -> None:
    log = made_log(8, n_samples=14, seed=5)
    router = ladder_router(policies=POLICIES, n=14)
    walks = replayed(router, log, PRICES[0], monkeypatch)
    selector, policies = selector_for(router, log)
    for problem, w in zip(log.problems.values(), walks, strict=True):
        live = selector.solve(problem.problem, price=PRICES[0])
        assert [step.arm for step in live.steps] == w.chosen
        assert live.bill.total.policy_generated_tokens == w.tokens
        assert live.confidence == pytest.approx(w.confidence, rel=1e-12)
    asked = {(r.first, r.n) for policy in policies.values() for r in policy.requests}
    assert asked <= {(0, 1), (1, 1), (2, 1), (3, 1), (4, 2), (6, 2), (8, 4), (12, 2)}
    assert (8, 4) in asked


def test_certainties_are_asked_for_and_decide_as_in_a_replay(
    log: SweepLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A policy may not tell of every solution."""

    def certainty(text: str) -> float:
        return math.nan if len(text) % 4 == 0 else 7.0 + len(text) % 7

    def told(sample: Sample) -> Sample:
        known = certainty(written(sample))
        return replace(sample, certainty=None if math.isnan(known) else known)

    pools = {key: replace(p, samples=tuple(map(told, p.samples))) for key, p in log.pools.items()}
    blind = ladder_router(policies=POLICIES).with_max_new_tokens(dict.fromkeys(POLICIES, MAX_NEW_TOKENS))
    arms = tuple(replace(arm, method="self_certainty") for arm in blind.portfolio.arms)
    router = by_certainty(replace(blind, portfolio=Portfolio("ladders", arms), fallback=arms[1].name))
    walks = replayed(router, replace(log, pools=pools), PRICES[0], monkeypatch)
    selector, policies = selector_for(router, log, certainty=certainty)
    for problem, w in zip(log.problems.values(), walks, strict=True):
        live = selector.solve(problem.problem, price=PRICES[0])
        assert [step.arm for step in live.steps] == w.chosen
        assert (live.answer == problem.answer) == bool(w.correct)
        assert (live.confidence or 0.0) == pytest.approx(w.confidence, rel=1e-12)
    assert {r.top_logprobs for policy in policies.values() for r in policy.requests} == {20}
    others = replayed(blind, log, PRICES[0], monkeypatch)
    assert [w.confidence for w in others] != [w.confidence for w in walks]


def test_a_solution_says_what_the_ladder_did(log: SweepLog) -> None:
    selector, policies = selector_for(ladder_router(policies=POLICIES), log)
    found = selector.solve(next(iter(log.problems.values())).problem, effort="high")
    assert found.confidence_kind == "calibrated"
    assert found.plan.reason == "the ladder for this price: log:weak x 4, then log:strong x 4"
    assert [step.n for step in found.steps][:4] == [1, 2, 3, 4][: len(found.steps)]
    assert [step.p_before for step in found.steps[1:]] == [step.p_after for step in found.steps[:-1]]
    requests = [(r.first, r.n) for r in policies["log:weak"].requests]
    assert requests == [(k, 1) for k in range(len(requests))]


def test_a_router_of_one_arm_is_not_taken_for_a_named_one(log: SweepLog) -> None:
    """Its plan says how many samples it came to, not how many there may be."""
    router = ladder_router(policies=POLICIES)
    alone = replace(
        router,
        portfolio=replace(router.portfolio, arms=router.portfolio.arms[:1]),
        ladders=router.ladders[1:],
        fallback=router.portfolio.arms[0].name,
    )
    found = selector_for(alone, log)[0].solve(next(iter(log.problems.values())).problem)
    assert (found.plan.budget, len(found.candidates)) == (1, 1)


def test_caps_hold(log: SweepLog) -> None:
    router = ladder_router(policies=POLICIES)
    selector, _ = selector_for(router, log)
    for problem in log.problems.values():
        found = selector.solve(problem.problem, effort="high", max_tokens=150)
        assert found.bill.total.policy_generated_tokens <= 150
    with pytest.raises(InputError, match="takes about 12 tokens and 10 tokens: raise"):
        selector.solve("x", max_tokens=9)


def test_a_cap_in_flops_needs_a_router_that_counts_them(log: SweepLog) -> None:
    selector, _ = selector_for(ladder_router(policies=POLICIES), log)
    with pytest.raises(InputError, match="the router counts tokens: cap the tokens with --max-tokens"):
        selector.solve("x", max_flops=1e9)


def test_a_plan_weighs_the_ladders_and_draws_nothing(log: SweepLog) -> None:
    selector, policies = selector_for(ladder_router(policies=POLICIES), log)
    outlook = selector.plan("x", effort="high")
    assert [o.p_correct for o in outlook.options] == [0.8, 0.5]
    assert outlook.reason == "the ladder for this price: log:weak x 4, then log:strong x 4"
    assert (outlook.n_probes, outlook.unfamiliar, outlook.difficulty) == (0, None, {})
    assert not any(policy.requests for policy in policies.values())


def test_a_search_that_fails_is_billed(log: SweepLog) -> None:
    selector, policies = selector_for(ladder_router(policies=POLICIES), log)
    policies["log:weak"]._errors[2] = InputError("no more")
    found = next(iter(log.problems.values()))
    with pytest.raises(InputError) as caught:
        selector.solve(found.problem, effort="high")
    assert caught.value.bill is not None
    assert caught.value.bill.total.policy_generated_tokens > 0


def from_purse(router: LadderRouter, log: SweepLog, limit: float) -> list[dict[str, object]]:
    selector, _ = selector_for(router, log)
    problems = [Problem(p.problem, p.id, p.answer) for p in log.problems.values()]
    out = io.StringIO()
    purse = Purse(limit, "tokens")
    asyncio.run(solve_from_purse(problems, selector, purse, out, progress=lambda _: None, concurrency=1))
    return [json.loads(line) for line in out.getvalue().splitlines()]


def tokens(records: list[dict[str, object]]) -> float:
    return sum(record["cost"]["policy_generated_tokens"] for record in records)  # type: ignore[index]


def test_a_shared_budget_picks_a_ladder_for_what_it_holds(log: SweepLog) -> None:
    router = ladder_router(policies=POLICIES).with_max_new_tokens({"log:weak": MAX_NEW_TOKENS})
    rich, poor = (from_purse(router, log, limit) for limit in (1e9, 12 * 13.0))
    assert tokens(rich) > 2 * tokens(poor)
    least = sum(log.pools[i, "log:weak"].samples[0].n_tokens for i in log.problems)
    assert tokens(poor) == least


def test_a_shared_budget_is_in_what_the_router_counts(log: SweepLog) -> None:
    router = ladder_router(policies=POLICIES)
    with pytest.raises(InputError, match="the router counts tokens, not FLOPs: share tokens out"):
        asyncio.run(
            solve_from_purse(
                [], selector_for(router, log)[0], Purse(1e9, "flops"), io.StringIO(), progress=lambda _: None
            )
        )
    with pytest.raises(InputError, match="the router counts samples, and does not know their tokens"):
        from_purse(ladder_router(policies=POLICIES, unit="samples"), log, 1e9)


def test_models_of_a_log_are_taken_as_they_are_bound(log: SweepLog) -> None:
    """No fingerprint can be compared with those of a log; those of a sweep are."""
    router = ladder_router(policies=POLICIES)
    other = replace(router, fingerprints={**dict.fromkeys(POLICIES, "of the name"), "grader": "log"})
    problem = next(iter(log.problems.values())).problem
    found: Solution = selector_for(other, log)[0].solve(problem)
    assert found.steps
    swept = ladder_router(policies=("small", "large"))
    policy = FakePolicy(lambda *_: "no", name="small")
    stranger = replace(swept, fingerprints={"small": "another", "large": "another"})
    lent = Selector(stranger, loaders=Loaders(lambda _: policy, lambda _: FakeRewardModel({})))
    with pytest.raises(InputError, match="trained for 'small' as another"):
        lent.solve("x")
