"""Without a router: a policy is sampled as long as the shipped prior says that more samples are worth it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import numpy as np
import pytest

from tests.priors import prior_router
from tests.training.made import made_log
from tts_select import InputError, solve
from tts_select.core.protocols import SampleRequest
from tts_select.executors.registry import Loaders
from tts_select.selector.routers.prior import PriorRouter
from tts_select.solving.choosing import selector_for
from tts_select.solving.selector import Selector
from tts_select.testing import FakePolicy, FakeRewardModel
from tts_select.training.replay.cases import Case, Order, cases_of
from tts_select.training.replay.walks import walk

PROBLEM = "How many?"


def agreeing(request: SampleRequest, index: int) -> str:
    return "\\boxed{4}"


def scattered(request: SampleRequest, index: int) -> str:
    return f"\\boxed{{{index + 10}}}"


def split(request: SampleRequest, index: int) -> str:
    k = index + (request.temperature > 0)  # the greedy solution is one of them
    return f"\\boxed{{{k % 2 + 4}}}"


def test_it_stops_as_soon_as_samples_agree() -> None:
    policy = FakePolicy(agreeing)
    found = solve(PROBLEM, policy=policy, effort="low")
    assert found.answer == "4"
    assert found.confidence_kind == "prior"
    assert found.max_samples == 16
    assert sum(r.n for r in policy.requests) == len(found.candidates) == 2
    assert 0.5 < (found.confidence or 0.0) < 1.0


def test_it_goes_on_where_two_answers_compete() -> None:
    policy = FakePolicy(split)
    found = solve(PROBLEM, policy=policy, effort="high")
    assert len(found.candidates) > 8
    assert (found.confidence or 0.0) < (solve(PROBLEM, policy=FakePolicy(agreeing)).confidence or 0.0)


def test_more_effort_and_a_lower_price_never_draw_less() -> None:
    def n(**spending: Any) -> int:
        return len(solve(PROBLEM, policy=FakePolicy(scattered), **spending).candidates)

    assert n(effort="low") <= n(effort="medium") <= n(effort="high")
    assert n(price=1.0) == 2
    assert n(price=0.0) == 16
    assert n(price=0.0, budget=24) == 24


def test_a_budget_of_one_is_one_sample() -> None:
    assert len(solve(PROBLEM, policy=FakePolicy(agreeing), budget=1).candidates) == 1


@pytest.mark.parametrize("more", [{"method": "majority"}, {"untrained_rule": True}, {"selection": "max"}])
def test_what_is_named_is_run_as_before(more: dict[str, Any]) -> None:
    if "selection" in more:
        more["prm"] = FakeRewardModel(lambda _, steps: [0.5] * len(steps))
    found = solve(PROBLEM, policy=FakePolicy(agreeing), budget=3, **more)
    assert found.confidence_kind == "vote share"
    assert found.max_samples is None


def test_a_prm_finds_the_answer_that_the_votes_miss() -> None:
    prm = FakeRewardModel(lambda _, steps: [0.9 if "{7}" in step else 0.05 for step in steps])

    def mostly_wrong(request: SampleRequest, index: int) -> str:
        return "\\boxed{7}" if index == 5 else f"\\boxed{{{index % 2}}}"

    policy = FakePolicy(mostly_wrong)
    found = solve(PROBLEM, policy=policy, prm=prm, price=0.0)
    assert found.answer == "7"
    assert (found.confidence_kind, found.max_samples) == ("prior+prm", 16)
    assert found.plan.method == "best_of_n"
    assert len(found.candidates) == len(prm.calls) == 16
    assert found.bill.total.prm_tokens > 0
    assert solve(PROBLEM, policy=policy, prm=prm, price=0.5).max_samples == 16
    assert len(solve(PROBLEM, policy=policy, prm=prm, price=0.5).candidates) == 2
    assert len(solve(PROBLEM, policy=policy, prm=prm, effort="low", budget=4).candidates) <= 4


def test_with_a_prm_the_plan_knows_what_more_samples_would_gain() -> None:
    prm = FakeRewardModel(lambda _, steps: [0.5] * len(steps))
    selector, _ = selector_for({"policy": FakePolicy(split), "prm": prm})
    outlook = selector.plan(PROBLEM)
    assert outlook.n_probes == 2
    assert all(o.arm is None or o.arm.prm == prm.name for o in outlook.options)
    assert all(0 <= o.p_correct <= 1 for o in outlook.options)


def test_a_price_for_a_named_method_is_refused() -> None:
    with pytest.raises(InputError, match="price"):
        solve(PROBLEM, policy=FakePolicy(agreeing), method="majority", price=0.1)
    prm = FakeRewardModel(lambda _, steps: [0.5] * len(steps))
    with pytest.raises(InputError, match="price"):
        solve(PROBLEM, policy=FakePolicy(agreeing), prm=prm, selection="max", price=0.1)


def test_a_cap_on_tokens_is_kept() -> None:
    found = solve(PROBLEM, policy=FakePolicy(scattered), price=0.0, max_tokens=5)
    assert found.bill.total.policy_generated_tokens <= 5


def test_the_plan_knows_what_more_samples_would_gain() -> None:
    selector, _ = selector_for({"policy": FakePolicy(split)})
    outlook = selector.plan(PROBLEM)
    assert outlook.n_probes == 2
    assert outlook.unit == "samples"
    assert [o.name for o in outlook.options].count("stop") == 1
    assert all(0 <= o.p_correct <= 1 for o in outlook.options)


@pytest.mark.parametrize("price", [0.0, 0.02, 0.1])
def test_live_and_replayed_decisions_are_the_same(price: float, monkeypatch: pytest.MonkeyPatch) -> None:
    log = made_log(10, n_samples=8, seed=5)
    in_order: Callable[..., Order] = lambda case, _: Order(  # noqa: E731
        {p: np.arange(len(s)) for p, s in case.observed.items()}, 0
    )
    monkeypatch.setattr(Case, "order", in_order)
    walks = walk(prior_router("log:weak", 8), cases_of(log), price, seed=0)
    answers = {p.problem: log.pools[p.id, "log:weak"].samples for p in log.problems.values()}

    def write(request: SampleRequest, index: int) -> str:
        sample = answers[request.problem][index]
        words = ["word"] * (sample.n_tokens - 1)
        return " ".join([*words, f"\\boxed{{{sample.answer}}}"])

    router: PriorRouter = prior_router("log:weak", 8)
    loaders = Loaders(lambda name: FakePolicy(write, name=name), lambda _: FakeRewardModel({}))
    selector = Selector(router, loaders=loaders)
    for k, problem, w in zip(count(), log.problems.values(), walks, strict=False):
        live = selector.solve(problem.problem, price=price)
        assert len(live.candidates) == w.position.n["log:weak"], k
        assert (live.answer == problem.answer) == bool(w.correct)
        assert (live.confidence or 0.0) == pytest.approx(w.confidence, rel=1e-12)
