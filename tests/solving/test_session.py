"""One problem with a router: probing, deciding, and looking again."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tts_select import InputError, Problem, Solution, UnknownName
from tts_select.core.cost import Cost
from tts_select.selector.deciding import Caps, first_step, ranked
from tts_select.selector.outlook import Spending, price_of
from tts_select.selector.routers.lookahead import Probe
from tts_select.selector.routers.looking import NOT_WORTH
from tts_select.solving.session import GRADING_PHASE, PROBE_PHASE, SEARCH_PHASE, Session

PROBLEM = "Start with 3. Add 14. Add 9. Add 27. What is the result?"
STRANGE = "Whither does the jovial quux vanish, by my zephyr?"
HUGE = 1.0
"""A price at which nothing is worth a FLOP."""
FAMILIAR = [
    f"Start with {k}. {' '.join(f'Add {17 + (7 * k + 13 * j) % 80}.' for j in range(8))} What is the result?"
    for k in range(10, 20)
]


def untimed(solution: Solution) -> tuple[Any, ...]:
    phases = {name: replace(cost, seconds=0.0) for name, cost in solution.bill.phases.items()}
    return solution.answer, solution.confidence, solution.finished, solution.plan, phases


def test_probes_have_a_phase_of_their_own_on_the_bill(exact: Any) -> None:
    solution = exact.selector.solve(PROBLEM, price=0.0)
    assert set(solution.bill.phases) == {PROBE_PHASE, SEARCH_PHASE, GRADING_PHASE}
    probes, search = (solution.bill.phases[name] for name in (PROBE_PHASE, SEARCH_PHASE))
    assert (probes.flops, probes.prm_calls) == (2e6, 2)
    assert (search.flops, search.prm_calls) == (14e6, 0)


def test_probes_are_the_first_samples_of_a_sampling_arm(exact: Any) -> None:
    solution = exact.selector.solve(PROBLEM, price=0.0)
    assert solution.plan.method == "majority"
    assert solution.plan.budget == len(solution.candidates) == 16
    requests = [(r.first, r.n) for r in exact.policies["p"].requests]
    assert requests == [(0, 2), (2, 2), (4, 4), (8, 8)]
    assert len({r.seed for r in exact.policies["p"].requests}) == 1


@pytest.mark.parametrize("price", [0.0, 1e-14, 1e-13, 1e-12, 5e-12, 3e-11])
def test_no_sample_is_asked_for_twice(lent: Any, price: float) -> None:
    for problem in FAMILIAR:
        already = {pool: len(found) for pool, found in lent.samples.items()}
        lent.selector.solve(problem, price=price)
        for pool, found in lent.samples.items():
            new = found[already.get(pool, 0) :]
            assert new == list(range(len(new)))
            assert len(new) <= (1 if pool.endswith("temperature=0") else 16)


def test_without_an_answer_it_does_not_say_that_it_is_sure(lent: Any) -> None:
    for policy in lent.policies.values():
        policy._script = lambda *_: "no idea at all"
    solution = lent.selector.solve(FAMILIAR[0], price=HUGE)
    assert solution.answer is None
    assert solution.plan.reason == NOT_WORTH


def test_a_higher_price_buys_less(exact: Any) -> None:
    spent = [exact.selector.solve(PROBLEM, price=p).bill.total.flops for p in (0.0, 1e-8, 3e-8, 1e-6)]
    assert spent == sorted(spent, reverse=True)
    assert (spent[0], spent[-1]) == (16e6, 2e6)


def test_a_huge_price_buys_the_probes_alone(lent: Any) -> None:
    spent = []
    for price in (0.0, HUGE):
        solutions = [lent.selector.solve(problem, price=price) for problem in FAMILIAR]
        spent.append(sum(s.bill.total.flops for s in solutions))
    for solution in solutions:
        assert set(solution.bill.phases) == {PROBE_PHASE, GRADING_PHASE}
        assert solution.bill.total.policy_calls == 1
        assert solution.plan.reason == "the probes are sure enough"
    assert spent[0] > 1.1 * spent[1]


@pytest.mark.parametrize("price", [1e-9, 1e-8, 2e-8, 3e-8, 1e-7])
def test_it_stops_as_soon_as_nothing_is_worth_its_cost(exact: Any, price: float) -> None:
    """The exact router's arms, written down once more: n samples make it so sure, at a million FLOPs each."""

    def p_correct(n: int) -> float:
        return 1 - math.exp(-n / len(PROBLEM.split()))

    def is_worth(n: int, seen: int) -> bool:
        return p_correct(n) - p_correct(seen) > price * 1e6 * (n - seen)

    stops = [n for n in (2, 4, 8, 16) if not any(is_worth(m, n) for m in (4, 8, 16) if m > n)]
    solution = exact.selector.solve(PROBLEM, price=price)
    assert solution.bill.total.flops == stops[0] * 1e6
    assert solution.confidence == pytest.approx(p_correct(stops[0]))


def test_the_cheapest_large_gain_comes_first_though_more_is_worth_its_cost(exact: Any) -> None:
    """Four samples gain the most for their cost, but less than half of what sixteen gain."""
    outlook = exact.selector.plan(PROBLEM, price=0.0)
    assert outlook.chosen.name == "majority@8 p"
    assert max(outlook.options, key=lambda o: o.value(0.0)).name == "majority@16 p"
    assert exact.selector.solve(PROBLEM, price=0.0).plan.reason.count("; then ") == 2


def test_the_same_seed_gives_the_same_answer_and_bill(lent: Any) -> None:
    one, other = (lent.selector.solve(PROBLEM, effort="high", seed=5) for _ in range(2))
    assert untimed(one) == untimed(other)
    assert [c.text for c in one.candidates] == [c.text for c in other.candidates]


def test_sessions_in_flight_together_end_as_alone(fitted: Any, lend_to: Callable[..., Any]) -> None:
    async def together() -> list[Solution]:
        selector = lend_to(fitted.router, delay=0.001).selector
        return await asyncio.gather(*(selector.asolve(p, effort="high", seed=3) for p in FAMILIAR))

    alone = [lend_to(fitted.router).selector.solve(p, effort="high", seed=3) for p in FAMILIAR]
    assert [untimed(s) for s in asyncio.run(together())] == [untimed(s) for s in alone]


def test_an_unknown_effort_is_corrected(lent: Any) -> None:
    with pytest.raises(UnknownName, match=r"did you mean 'medium'.*choose from high, low, medium"):
        lent.selector.solve(PROBLEM, effort="mediun")


@pytest.mark.parametrize("price", [-1.0, -1e-30, float("nan")])
def test_a_price_below_zero_is_refused(lent: Any, price: float) -> None:
    with pytest.raises(InputError, match="write 0 or more, in probability per FLOP"):
        lent.selector.solve(PROBLEM, price=price)


def test_a_price_overrides_the_effort(fitted: Any) -> None:
    router = fitted.router
    assert price_of(router, Spending()).worth == router.prices["medium"]
    assert price_of(router, Spending(effort="low")).worth == router.prices["low"]
    assert price_of(router, Spending(effort="low", price=0.0)).worth == 0.0


@pytest.mark.parametrize("problem", [STRANGE, PROBLEM.replace("Add 9.", "Add 9. " * 200)])
def test_a_problem_unlike_the_training_gets_the_best_fixed_arm(lent: Any, fitted: Any, problem: str) -> None:
    reason = fitted.router.unfamiliar(problem)
    assert reason is not None
    outlook = lent.selector.plan(problem, probe=False)
    assert outlook.unfamiliar == reason
    assert outlook.chosen.name == fitted.router.fallback
    assert reason in outlook.reason
    solution = lent.selector.solve(problem)
    fallback = fitted.router.portfolio[fitted.router.fallback]
    ran = solution.plan
    assert (ran.policy, ran.prm, ran.method, ran.budget) == (
        fallback.policy,
        fallback.prm,
        fallback.method,
        fallback.budget,
    )
    assert reason in ran.reason
    assert set(solution.bill.phases) == {SEARCH_PHASE, GRADING_PHASE}


def test_a_familiar_problem_is_not_called_strange(lent: Any) -> None:
    assert lent.selector.plan(PROBLEM, probe=False).unfamiliar is None


def test_the_plan_looks_at_the_probes(lent: Any) -> None:
    blind, seen = (lent.selector.plan(PROBLEM, probe=probe) for probe in (False, True))
    assert (blind.n_probes, blind.probe_flops) == (0, 0.0)
    assert seen.n_probes == 2
    assert seen.probe_flops > 0
    assert "stop" not in {o.name for o in blind.options}
    assert "stop" in {o.name for o in seen.options}
    for outlook in (blind, seen):
        values = [o.value(outlook.price) for o in outlook.options[1:]]
        assert values == sorted(values, reverse=True)
        in_order = ranked(outlook.options, outlook.price, Caps())
        assert outlook.chosen == first_step(in_order, outlook.price)
        assert outlook.as_dict()["chosen"] == outlook.chosen.name
        assert set(outlook.difficulty) == set(lent.policies)


def test_a_router_that_begins_by_the_text_plans_for_nothing_and_does_what_it_planned(
    fitted: Any, lend_to: Callable[..., Any]
) -> None:
    familiarity = replace(fitted.router.familiarity, probes=None)
    own = lend_to(replace(fitted.router, familiarity=familiarity))
    planned = own.selector.plan(PROBLEM)
    assert (planned.n_probes, planned.probe_flops, own.n_generated) == (0, 0.0, 0)
    assert set(planned.difficulty) == set(own.policies)
    solution = own.selector.solve(PROBLEM)
    assert "probe" not in solution.bill.phases
    asked = [name for name, policy in own.policies.items() if policy.requests]
    assert planned.chosen.arm.policy in asked
    assert planned.reason in solution.plan.reason


def test_the_plan_predicts_seconds_where_the_probes_measured_them(lent: Any) -> None:
    blind, seen = (lent.selector.plan(PROBLEM, probe=probe) for probe in (False, True))
    assert {o.seconds for o in blind.options} == {None}
    probed = lent.selector.router.first_look.policy
    for option, record in zip(seen.options, seen.as_dict()["options"], strict=True):
        is_measured = option.arm is not None and option.arm.policy == probed
        assert (option.seconds is not None) == is_measured
        assert record["seconds"] == option.seconds


def test_another_policy_than_in_training_is_refused(lent: Any) -> None:
    lent.policies["world:small"].fingerprint = "another"
    with pytest.raises(InputError) as caught:
        lent.selector.solve(PROBLEM)
    for part in ("world:small", "fp-world:small", "another", "--untrained-rule"):
        assert part in str(caught.value)
    assert lent.n_generated == 0


def test_another_prm_than_in_training_is_refused(lent: Any) -> None:
    lent.prms["world:prm"].fingerprint = "another"
    with pytest.raises(
        InputError, match=r"'world:prm' as fp-world:prm; this one is another.*--untrained-rule"
    ):
        lent.selector.solve(PROBLEM)


@pytest.mark.parametrize("effort", ["low", "medium", "high"])
def test_confidence_is_a_probability(lent: Any, effort: str) -> None:
    for problem in FAMILIAR:
        solution = lent.selector.solve(problem, effort=effort)
        assert 0 <= solution.confidence <= 1


def test_a_greedy_solution_is_asked_for_once_and_beside_the_samples(
    trusting: Any, lend_to: Callable[..., Any]
) -> None:
    """The probes are greedy; a PRM may judge them later, and the votes are drawn anew."""
    router = replace(trusting, probe=Probe("world:small", None, 1, 0.0))
    lent = lend_to(router)
    for problem in FAMILIAR:
        solution = lent.selector.solve(problem, price=0.0)
        probes = solution.bill.phases[PROBE_PHASE]
        assert (probes.policy_calls, probes.prm_calls) == (1, 0)
    found = [(r.problem, r.first, r.n) for r in lent.policies["world:small"].requests if r.temperature == 0]
    assert found == [(problem, 0, 1) for problem in FAMILIAR]


@pytest.mark.parametrize("method", ["beam", "dvts", "cot", "adaptive", "majority", "best_of_n"])
def test_every_method_ends_in_a_sure_or_unsure_answer(
    fitted: Any, lend_to: Callable[..., Any], method: str
) -> None:
    arm = next(a.name for a in fitted.router.portfolio.arms if a.method == method)
    router = replace(fitted.router, fallback=arm, mean_costs={})
    lent = lend_to(router)
    solution = lent.selector.solve(STRANGE)
    assert solution.plan.method == ("majority" if method == "adaptive" else method)
    assert solution.answer is not None
    assert 0 <= solution.confidence <= 1


def test_what_is_spent_is_on_the_bill(lent: Any) -> None:
    session: Session = lent.selector.session(Problem(PROBLEM))
    assert session.spent("flops") == 0.0
    solution = asyncio.run(session.run())
    assert session.spent("flops") == solution.bill.total.flops
    assert sum(solution.bill.phases.values(), Cost()).flops == solution.bill.total.flops
