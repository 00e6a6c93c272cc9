"""Which first steps there are, what came of them, and a router that takes the one that the text calls for."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from tts_select.core.arm import Arm
from tts_select.core.plan import Settings
from tts_select.selector.deciding import Caps
from tts_select.selector.evidence import Evidence
from tts_select.selector.portfolio import Portfolio
from tts_select.selector.routers import lookahead_artifact
from tts_select.selector.routers.first_steps import FirstStep
from tts_select.selector.routers.lookahead import LookaheadRouter, Probe
from tts_select.training.log.records import SweepLog
from tts_select.training.replay.cases import Case, cases_of
from tts_select.training.replay.walks import Walk, draw_of, walk, walk_in
from tts_select.training.routers.lookahead.first_steps import PRICES, begin, first_steps_of, play_out
from tts_select.training.routers.lookahead.fit import FittedRouter, fit_router
from tts_select.training.routers.lookahead.probes import probe_for

S, L, PRM = "world:small", "world:large", "world:prm"
GREEDY = Arm(S, None, "cot", 1)
VOTE, JUDGED = Arm(L, None, "majority", 4), Arm(L, PRM, "best_of_n", 2)
BEAM, DVTS = Arm("x", PRM, "beam", 4), Arm("x", PRM, "dvts", 8)
GREEDY_JUDGED = Arm(S, PRM, "best_of_n", 1, Settings(temperature=0.0))


@pytest.mark.parametrize(
    ("arms", "probe", "steps"),
    [
        ((GREEDY_JUDGED, GREEDY), Probe(S, None, 1, 0.0), [(GREEDY, 1)]),
        ((VOTE, JUDGED), Probe(L, None, 1), [(VOTE, 1)]),
        ((VOTE, JUDGED), Probe(L, PRM, 2), [(VOTE, 1), (JUDGED, 2)]),
        ((VOTE, JUDGED), Probe(L, None, 3), [(VOTE, 1), (VOTE, 3)]),
        ((GREEDY, BEAM, DVTS), Probe(S, None, 1, 0.0), [(GREEDY, 1), (BEAM, 4), (DVTS, 8)]),
        ((BEAM,), Probe("x", None, 0), [(BEAM, 4)]),
    ],
)
def test_a_first_step_is_a_solution_of_a_policy_a_search_or_the_probe(
    arms: tuple[Arm, ...], probe: Probe, steps: list[tuple[Arm, int]]
) -> None:
    found = first_steps_of(Portfolio("some", arms), probe)
    assert found == tuple(FirstStep(arm.name, n) for arm, n in steps)


def test_what_comes_of_a_step_is_what_a_walk_comes_to_that_begins_with_it(
    fitted: FittedRouter, cases: list[Case]
) -> None:
    some, fold_of, unit = cases[:6], np.arange(6) % 3, 1e8
    steps = first_steps_of(fitted.router.portfolio, fitted.router.probe)[:2]
    found = play_out(fitted.by_fold, some, fold_of, steps, unit=unit, seed=5)
    assert found.correct.shape == found.cost.shape == (len(PRICES), 2, 6)
    for k, router in enumerate(fitted.by_fold):
        own = [case for case, fold in zip(some, fold_of, strict=True) if fold == k]
        orders = draw_of(own, 5)
        begun = [begin(router.portfolio, steps[1], Walk(c, o)) for c, o in zip(own, orders, strict=True)]
        walks = walk_in(replace(router, first_steps=None), own, orders, PRICES[2] / unit, begun=begun)
        assert found.correct[2, 1, fold_of == k].tolist() == [w.correct for w in walks]
        assert found.cost[2, 1, fold_of == k].tolist() == pytest.approx([w.flops for w in walks])


@pytest.fixture(scope="module")
def specialists(synthetic_log: Callable[..., SweepLog]) -> SweepLog:
    """The small policy is right where something is started with, the large one where something costs; the
    words say which it is, and no number does."""
    arms = [
        {"policy": [S, L], "method": "cot"},
        {"policy": [S, L], "method": "majority", "budget": 4},
    ]
    log: SweepLog = synthetic_log(72, n_samples=4, arms=arms)
    problems, pools = {}, {}
    for k, (id_, problem) in enumerate(log.problems.items()):
        costs = k % 2 == 1
        text = problem.problem
        if costs:
            text = text.replace("Start with", "Nuts cost").replace("Add", "Buy")
        problems[id_] = replace(problem, problem=text)
        for (owner, name), pool in log.pools.items():
            if owner == id_:
                right = (pool.policy == L) == costs
                samples = tuple(
                    replace(s, correct=right, answer=problem.answer if right else "2001")
                    for s in pool.samples
                )
                pools[owner, name] = replace(pool, samples=samples)
    return replace(log, problems=problems, pools=pools)


@pytest.fixture(scope="module")
def by_words(specialists: SweepLog) -> LookaheadRouter:
    inside = {id_: p for k, (id_, p) in enumerate(specialists.problems.items()) if k < 48}
    log = replace(
        specialists, problems=inside, pools={k: p for k, p in specialists.pools.items() if k[0] in inside}
    )
    return fit_router(log, probe_for(log.manifest)).router


def test_the_specialist_is_asked_first_and_nobody_is_probed(
    by_words: LookaheadRouter, specialists: SweepLog
) -> None:
    unseen = cases_of(specialists)[48:]
    walks = walk(by_words, unseen, by_words.prices["medium"], seed=0)
    assert all(w.probe_flops == 0.0 for w in walks)
    assert np.mean([w.correct for w in walks]) > 0.9
    first = [w.decided[0].arm.policy for w in walks if w.decided[0].arm and w.unfamiliar is None]
    wanted = [L if "Nuts" in w.case.problem.problem else S for w in walks if w.unfamiliar is None]
    assert np.mean([one == other for one, other in zip(first, wanted, strict=True)]) > 0.9


def test_the_first_decision_is_one_of_all_that_may_be_run(by_words: LookaheadRouter) -> None:
    seen = Evidence("Nuts cost 3. Buy 5. Buy 7. What is the result?")
    (found,) = by_words.decide([seen], by_words.prices["medium"], [Caps()])
    assert by_words.first_look is None
    assert found.arm is not None
    assert not found.is_probe
    assert sorted(o.name for o in found.options) == sorted(arm.name for arm in by_words.portfolio.arms)
    values = [o.value(by_words.prices["medium"]) for o in found.options]
    assert values == sorted(values, reverse=True)
    assert found.why.startswith("by the text, ")


def test_caps_hold_for_the_first_step(by_words: LookaheadRouter) -> None:
    seen = Evidence("Nuts cost 3. Buy 5. Buy 7. What is the result?")
    cheapest = min(o.flops for o in by_words.options(seen))
    (found,) = by_words.decide([seen], 0.0, [Caps(flops=cheapest)])
    assert found.option is not None
    assert found.option.flops <= cheapest
    (nothing,) = by_words.decide([seen], 0.0, [Caps(flops=cheapest / 1e6)])
    assert nothing.option is None
    assert nothing.options


def test_a_router_whose_texts_are_of_other_arms_is_refused(by_words: LookaheadRouter) -> None:
    texts = lookahead_artifact.write(by_words)
    record = json.loads(texts["text.json"])
    record["first_steps"]["steps"][0]["arm"] = "cot@1 another"
    with pytest.raises(ValueError, match="not of the arms of its portfolio"):
        lookahead_artifact.read({**texts, "text.json": json.dumps(record)})


def test_a_router_without_texts_takes_its_probe(by_words: LookaheadRouter) -> None:
    assert replace(by_words, first_steps=None).first_look == by_words.probe.arm


def test_at_a_price_the_fallback_is_the_arm_that_is_worth_most(by_words: LookaheadRouter) -> None:
    assert by_words.fallback_at(0.0) == by_words.fallback
    costs = by_words.mean_costs
    assert by_words.fallback_at(1.0) == min(costs, key=costs.__getitem__)
    for price in np.geomspace(1e-12, 1e-6, 7):
        worth = {name: by_words.strengths[name] - price * cost for name, cost in costs.items()}
        assert worth[by_words.fallback_at(float(price))] == max(worth.values())
