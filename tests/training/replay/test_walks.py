from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from tts_select.core.arm import Arm
from tts_select.core.plan import Settings
from tts_select.selector.calibration import Calibration
from tts_select.selector.course import MOST_DECISIONS
from tts_select.selector.deciding import Caps, next_samples
from tts_select.selector.features import SUREST
from tts_select.selector.portfolio import Portfolio
from tts_select.selector.routers.lookahead import CalibratedModel, LookaheadRouter, Probe
from tts_select.training.replay.cases import Case, Position
from tts_select.training.replay.walks import Walk, after, judge, probed, walk
from tts_select.training.routers.lookahead.fit import FittedRouter

PROBE = Probe("world:small", "world:prm", 1)
GREEDY = Arm("world:small", "world:prm", "best_of_n", 1, Settings(temperature=0.0))
HUGE = 1.0
"""A price per FLOP that no arm is worth."""


class Constant:
    def __init__(self, value: float) -> None:
        self.value = value

    def predict(self, rows: np.ndarray, **_: object) -> np.ndarray:
        return np.full(len(rows), self.value)


def accuracy(walks: Sequence[Walk]) -> float:
    return float(np.mean([w.correct for w in walks]))


def cost(walks: Sequence[Walk]) -> float:
    return float(np.mean([w.flops for w in walks]))


def outcomes(walks: Sequence[Walk]) -> list[tuple[float, float, list[str]]]:
    return [(w.correct, w.flops, w.chosen) for w in walks]


def strange(case: Case) -> Case:
    text = r"Whither goes $\frac{x}{y}$, if $x \equiv 3 \pmod 7$?"
    return replace(case, problem=replace(case.problem, problem=text))


def silent(case: Case) -> Case:
    """Whose samples have no answer."""
    observed = {p: [replace(s, group=-1, scores={}) for s in some] for p, some in case.observed.items()}
    return replace(case, observed=observed)


@pytest.fixture
def stubborn(router: LookaheadRouter) -> Callable[..., LookaheadRouter]:
    """A router of its probes and some arms that is sure that the next thing is better than what it has."""

    def make(*arms: Arm) -> LookaheadRouter:
        flat = Calibration((0.0, 1.0), (0.0, 1.0))
        portfolio = Portfolio("some", (PROBE.arm, *arms))
        return replace(
            router,
            portfolio=portfolio,
            by_text=None,
            mean_costs={},
            strengths={arm.name: 0.5 for arm in portfolio.arms},
            probe=PROBE,
            mend=CalibratedModel(Constant(0.9), flat),  # type: ignore[arg-type]
            spoil=CalibratedModel(Constant(0.0), flat),  # type: ignore[arg-type]
            confidence=CalibratedModel(Constant(0.1), flat),  # type: ignore[arg-type]
            cost=Constant(6.0),  # type: ignore[arg-type]
        )

    return make


def test_a_walk_is_one_draw_of_each_case(router: LookaheadRouter, cases: list[Case]) -> None:
    walks = walk(router, cases, 0.0, seed=0)
    assert [w.case for w in walks] == cases
    assert all(len(w.chosen) <= MOST_DECISIONS for w in walks)


def test_a_seed_gives_the_same_walks(router: LookaheadRouter, cases: list[Case]) -> None:
    one, same, other = (walk(router, cases, 1e-12, seed=s) for s in (3, 3, 4))
    assert outcomes(one) == outcomes(same)
    assert outcomes(one) != outcomes(other)


def test_at_a_huge_price_it_only_probes(router: LookaheadRouter, cases: list[Case]) -> None:
    for w in walk(router, cases, HUGE, seed=0):
        assert w.chosen == []
        assert w.flops == w.probe_flops == w.case.outcome(router.probe.arm, w.order).flops
        assert w.position == Position().after(router.probe.arm, router.probe.n)


def test_without_a_price_it_is_more_accurate_and_costs_more(
    router: LookaheadRouter, unseen: list[Case]
) -> None:
    free, dear = walk(router, unseen, 0.0, seed=0), walk(router, unseen, HUGE, seed=0)
    assert accuracy(free) > accuracy(dear) + 0.1
    assert cost(free) > cost(dear)


def test_a_router_beats_its_probes_at_every_effort(router: LookaheadRouter, unseen: list[Case]) -> None:
    probes = accuracy(walk(router, unseen, HUGE, seed=0))
    reached = {e: walk(router, unseen, price, seed=0) for e, price in router.prices.items()}
    assert all(accuracy(walks) > probes + 0.05 for walks in reached.values())
    assert cost(reached["low"]) <= cost(reached["medium"]) <= cost(reached["high"])


def test_models_that_have_not_seen_a_problem_beat_the_probes_too(
    fitted: FittedRouter, cases: list[Case]
) -> None:
    for k, router in enumerate(fitted.by_fold):
        mine = [case for case, fold in zip(cases, fitted.fold_of, strict=True) if fold == k]
        assert accuracy(walk(router, mine, 0.0, seed=0)) > accuracy(walk(router, mine, HUGE, seed=0))


def test_the_answer_is_the_surest_at_hand(router: LookaheadRouter, unseen: list[Case]) -> None:
    for w in walk(router, unseen, router.prices["medium"], seed=0):
        surest = router.answers(w.evidence)[0]
        assert w.confidence == pytest.approx(surest.p_correct)
        assert w.correct == w.case.is_right(surest.group)


def test_decisions_made_together_are_those_made_alone(router: LookaheadRouter, unseen: list[Case]) -> None:
    rng = np.random.default_rng(0)
    walks = [probed(router.first_look, case, case.order(rng)) for case in unseen[:10]]
    walks += [after(w, router.portfolio["beam@16 world:small world:prm"]) for w in walks[:5]]
    walks.append(probed(router.first_look, silent(unseen[0]), unseen[0].order(rng)))
    together = router.decide([w.evidence for w in walks], 1e-12, [Caps()] * len(walks))
    for w, found in zip(walks, together, strict=True):
        (alone,) = router.decide([w.evidence], 1e-12, [Caps()])
        assert found == alone
        assert sorted(o.name for o in found.options) == sorted(o.name for o in router.options(w.evidence))
        assert found.surest == next(iter(router.answers(w.evidence)), None)


def test_options_of_a_walk_without_an_open_arm_are_to_stop(
    stubborn: Callable[..., LookaheadRouter], cases: list[Case]
) -> None:
    router = stubborn()
    w = probed(PROBE.arm, cases[0], cases[0].order(np.random.default_rng(0)))
    assert [o.name for o in router.options(w.evidence)] == ["stop"]


def test_deciding_again_samples_in_rounds(router: LookaheadRouter, cases: list[Case]) -> None:
    walks = walk(router, cases, 0.0, seed=0)
    assert max(len(w.chosen) for w in walks) > 1
    assert all(len(w.chosen) <= MOST_DECISIONS for w in walks)


@pytest.mark.parametrize("pool", ["world:large", "world:small"])
def test_deciding_again_does_not_cost_more_than_going_through_with_it(
    stubborn: Callable[..., LookaheadRouter], cases: list[Case], pool: str
) -> None:
    arm = Arm(pool, "world:prm", "best_of_n", 16)
    for rounds in walk(stubborn(arm), cases, 0.0, seed=0):
        whole = after(probed(PROBE.arm, rounds.case, rounds.order), arm)
        assert rounds.chosen == [arm.name] * (4 if pool == "world:small" else 5)  # 1, 2, 4, 8 and 16 samples
        assert rounds.flops == pytest.approx(whole.flops)
        assert rounds.tokens == pytest.approx(whole.tokens)
        assert rounds.position == whole.position


def test_a_walk_keeps_to_its_caps(router: LookaheadRouter, cases: list[Case]) -> None:
    free = walk(router, cases, 0.0, seed=0)
    cap = float(np.median([w.flops for w in free]))
    capped = walk(router, cases, 0.0, seed=0, caps=Caps(flops=cap))
    assert cost(capped) < cost(free)
    assert np.mean([w.flops <= cap for w in capped]) > np.mean([w.flops <= cap for w in free])
    few = walk(router, cases, 0.0, seed=0, caps=Caps(tokens=0.0))
    assert all(w.chosen == [] for w in few), "nothing but the probe fits a cap of no tokens"


def test_probes_are_the_first_samples_of_an_arm(
    stubborn: Callable[..., LookaheadRouter], cases: list[Case]
) -> None:
    arm = Arm("world:small", "world:prm", "best_of_n", 8)
    for w in walk(stubborn(arm), cases, 0.0, seed=0):
        assert w.flops == pytest.approx(w.case.outcome(arm, w.order).flops)
        assert w.chosen == [arm.name] * 3  # 2, 4 and 8 samples
        assert w.flops > w.probe_flops


def test_another_prm_reads_what_is_there_too(
    stubborn: Callable[..., LookaheadRouter], cases: list[Case]
) -> None:
    arm = Arm("world:small", "world:prm-narrow", "best_of_n", 1)
    for w in walk(stubborn(arm), cases, 0.0, seed=0):
        assert w.chosen == [arm.name]
        read = w.case.cost(arm, w.order, Position().after(PROBE.arm, 1))
        assert w.flops == pytest.approx(w.probe_flops + read)
        assert read > 0
        assert [set(s.scores) for s in w.evidence.of(arm.pool)] == [{"world:prm", "world:prm-narrow"}]


def test_a_greedy_solution_is_drawn_once_and_beside_the_samples(
    stubborn: Callable[..., LookaheadRouter], cases: list[Case]
) -> None:
    for w in walk(stubborn(GREEDY), cases, 0.0, seed=0):
        assert w.chosen == [GREEDY.name]
        assert w.position.n == {PROBE.arm.pool: 1, GREEDY.pool: 1}
        assert w.flops > w.probe_flops


def test_a_search_is_paid_for_whole_but_for_the_prompts_and_is_run_once(
    stubborn: Callable[..., LookaheadRouter], cases: list[Case], portfolio: Portfolio
) -> None:
    arm = portfolio["beam@16 world:small world:prm"]
    for w in walk(stubborn(arm), cases, 0.0, seed=0):
        assert w.chosen == [arm.name]
        assert w.position.found == {arm.name}
        assert w.flops == w.probe_flops + w.case.cost(arm, w.order, Position().after(PROBE.arm, 1))
        assert w.flops < w.probe_flops + w.case.outcome(arm, w.order).flops


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("n_before", [0, 15, 16])
def test_a_replay_draws_no_more_samples_than_there_are(
    cases: list[Case], n_before: int, *, whole: bool
) -> None:
    arm = Arm("world:small", None, "majority", 64)
    w = Walk(cases[0], cases[0].order(np.random.default_rng(0)))
    w.position = w.position.after(arm, n_before)
    for _ in range(6):
        n_here = w.position.n.get(arm.pool, 0)
        w.run(arm, None if whole else n_here + max(0, next_samples(arm, n_here)))
    assert w.position.n == {arm.pool: 16}
    assert len(w.evidence.of(arm.pool)) == 16


def test_with_every_arm_run_it_stops(stubborn: Callable[..., LookaheadRouter], cases: list[Case]) -> None:
    for w in walk(stubborn(), cases, 0.0, seed=0):
        assert (w.chosen, w.flops) == ([], w.probe_flops)
    arm = Arm("world:large", None, "majority", 2)
    for w in walk(stubborn(arm), cases, 0.0, seed=0):
        assert w.chosen == [arm.name] * 2


@pytest.mark.parametrize("price", [0.0, HUGE])
def test_a_problem_unlike_the_training_gets_the_best_fixed_arm_at_once(
    router: LookaheadRouter, cases: list[Case], price: float
) -> None:
    mixed = [strange(cases[0]), *cases[1:3]]
    first, *others = walk(router, mixed, price, seed=0)
    arm = router.portfolio[router.fallback_at(price)]
    won = first.case.outcome(arm, first.order)
    assert first.chosen == [arm.name]
    assert (first.probe_flops, first.flops) == (0.0, pytest.approx(won.flops))
    assert set(first.evidence.samples) == {arm.pool}
    assert 0 < first.confidence < 1
    assert all(w.probe_flops > 0 for w in others)


def test_a_trail_has_every_walk_before_every_decision(router: LookaheadRouter, cases: list[Case]) -> None:
    trail: list[tuple[int, Walk]] = []
    mixed = [strange(cases[0]), *cases[1:10]]
    walks = walk(router, mixed, router.prices["high"], seed=0, trail=trail)
    assert 0 not in {place for place, _ in trail}, "what is not decided by the router is not on its trail"
    for place, ended in list(enumerate(walks))[1:]:
        mine = [w for k, w in trail if k == place]
        stopped = len(ended.chosen) < MOST_DECISIONS
        assert len(mine) == len(ended.chosen) + stopped  # the last decision is to stop
        assert mine[0].position == Position().after(router.probe.arm, router.probe.n)
        assert (mine[-1].position == ended.position) == stopped
        assert all(w.case is mixed[place] for w in mine)
        flops = [w.flops for w in mine]
        assert flops == sorted(flops)


def test_an_arm_that_is_tried_leaves_the_walk_as_it_was(cases: list[Case], portfolio: Portfolio) -> None:
    w = probed(PROBE.arm, cases[0], cases[0].order(np.random.default_rng(0)))
    before = (w.position, w.flops, w.evidence)
    for arm in portfolio.arms:
        later = after(w, arm)
        assert later.flops >= w.flops
        assert later.evidence is not before[2] or later.position == w.position
        assert (w.position, w.flops, w.evidence) == before


def test_confidence_is_a_probability_and_orders_right_before_wrong(
    router: LookaheadRouter, unseen: list[Case]
) -> None:
    walks = walk(router, unseen, router.prices["medium"], seed=0)
    assert all(0 <= w.confidence <= 1 for w in walks)
    right, wrong = ([w.confidence for w in walks if w.correct == c] for c in (1.0, 0.0))
    assert np.mean(right) > np.mean(wrong)


def test_a_walk_without_an_answer_is_sure_of_nothing(router: LookaheadRouter, cases: list[Case]) -> None:
    w = probed(router.first_look, silent(cases[0]), cases[0].order(np.random.default_rng(0)))
    judge(router.layout, router.confidence, [w])
    assert (w.correct, w.confidence, len(w.sureness)) == (0.0, 0.0, 0)
    options = router.options(w.evidence)
    row = router.layout.options(w.evidence, [options[1].arm], w.answers, w.sureness)  # type: ignore[list-item]
    assert row[0, router.layout.option_names.index(SUREST)] == 0.0
