from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from tts_select.core.arm import Arm
from tts_select.selector.calibration import Calibration
from tts_select.selector.deciding import held_as
from tts_select.selector.portfolio import Portfolio
from tts_select.selector.router import Calibrated, Probe, Router
from tts_select.training.routing.cases import Case
from tts_select.training.routing.fit import Fitted
from tts_select.training.routing.rows import first_look
from tts_select.training.routing.walks import MOST_DECISIONS, Held, Walk, as_far, walk

PROBE = Probe("world:small", "world:prm", 1)
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


@pytest.fixture
def stubborn(router: Router) -> Callable[..., Router]:
    """A router of its probes and some arms that is sure that the next thing is better than what it has."""

    def make(*arms: Arm) -> Router:
        flat = Calibration((0.0, 1.0), (0.0, 1.0))
        return replace(
            router,
            portfolio=Portfolio("some", (PROBE.arm, *arms)),
            probe=PROBE,
            success=Calibrated(Constant(0.9), flat),
            confidence=Calibrated(Constant(0.1), flat),
            cost=Constant(6.0),
        )

    return make


def test_a_walk_is_one_draw_of_each_case(router: Router, cases: list[Case]) -> None:
    walks = walk(router, cases, 0.0, seed=0)
    assert [w.case for w in walks] == cases
    assert all(w.done for w in walks)


def test_a_seed_gives_the_same_walks(router: Router, cases: list[Case]) -> None:
    one, same, other = (walk(router, cases, 1e-12, seed=s) for s in (3, 3, 4))

    def outcome(walks: list[Walk]) -> list[tuple[float, float, list[str]]]:
        return [(w.correct, w.flops, w.chosen) for w in walks]

    assert outcome(one) == outcome(same)
    assert outcome(one) != outcome(other)


def test_at_a_huge_price_it_only_probes(router: Router, cases: list[Case]) -> None:
    for w in walk(router, cases, HUGE, seed=0):
        won = w.case.outcome(router.probe.arm, w.order)
        assert w.chosen == []
        assert w.flops == w.probe_flops == won.flops
        assert w.best == Held(router.probe.arm, won.group, won.share, won.correct)
        assert w.look == first_look(router.probe)


def test_without_a_price_it_is_more_accurate_and_costs_more(router: Router, unseen: list[Case]) -> None:
    free, dear = walk(router, unseen, 0.0, seed=0), walk(router, unseen, HUGE, seed=0)
    assert accuracy(free) > accuracy(dear) + 0.1
    assert cost(free) > cost(dear)


def test_a_router_beats_its_probes_at_every_effort(router: Router, unseen: list[Case]) -> None:
    probes = accuracy(walk(router, unseen, HUGE, seed=0))
    reached = {e: walk(router, unseen, price, seed=0) for e, price in router.prices.items()}
    assert all(accuracy(walks) > probes + 0.05 for walks in reached.values())
    assert cost(reached["low"]) <= cost(reached["medium"]) <= cost(reached["high"])


def test_models_that_have_not_seen_a_problem_beat_the_probes_too(fitted: Fitted, cases: list[Case]) -> None:
    for k, router in enumerate(fitted.by_fold):
        mine = [case for case, fold in zip(cases, fitted.fold_of, strict=True) if fold == k]
        assert accuracy(walk(router, mine, 0.0, seed=0)) > accuracy(walk(router, mine, HUGE, seed=0))


def test_deciding_once_runs_one_arm_to_its_end(router: Router, cases: list[Case]) -> None:
    for w in walk(router, cases, 0.0, seed=0, again=False):
        assert len(w.chosen) <= 1
        if w.chosen:
            arm = router.portfolio[w.chosen[0]]
            won = w.case.outcome(arm, w.order)
            n = w.case.n_samples(arm, w.order) if arm.is_sampling else 0
            if not arm.is_sampling or n > router.probe.n or arm.policy != router.probe.policy:
                assert (w.held[held_as(arm)].group, w.held[held_as(arm)].correct) == (won.group, won.correct)


def test_deciding_again_samples_in_rounds(router: Router, cases: list[Case]) -> None:
    walks = walk(router, cases, 0.0, seed=0)
    assert max(len(w.chosen) for w in walks) > 1
    assert all(len(w.chosen) <= MOST_DECISIONS for w in walks)


def test_deciding_again_does_not_cost_more_than_going_through_with_it(
    stubborn: Callable[..., Router], cases: list[Case]
) -> None:
    arm = Arm("world:large", "world:prm", "best_of_n", 16)
    again, once = (walk(stubborn(arm), cases, 0.0, seed=0, again=a) for a in (True, False))
    for rounds, whole in zip(again, once, strict=True):
        assert rounds.chosen == [arm.name] * 5  # 1, 2, 4, 8 and 16 samples
        assert whole.chosen == [arm.name]
        assert rounds.flops == pytest.approx(whole.flops)
        assert rounds.held[held_as(arm)] == whole.held[held_as(arm)]
        assert rounds.flops - rounds.probe_flops == pytest.approx(
            rounds.case.outcome(arm, rounds.order).flops
        )


def test_more_of_the_probes_is_only_the_rest_of_them(
    stubborn: Callable[..., Router], cases: list[Case]
) -> None:
    arm = Arm("world:small", "world:prm", "best_of_n", 8)
    for w in walk(stubborn(arm), cases, 0.0, seed=0):
        assert w.flops == pytest.approx(w.case.outcome(arm, w.order).flops)
        assert w.chosen == [arm.name] * 3  # 2, 4 and 8 samples
        assert w.flops > w.probe_flops


def test_another_prm_reads_what_is_there_too(stubborn: Callable[..., Router], cases: list[Case]) -> None:
    arm = Arm("world:small", "world:prm-narrow", "best_of_n", 1)
    for w in walk(stubborn(arm), cases, 0.0, seed=0):
        assert w.chosen == [arm.name]
        read, _ = w.case.sampling_cost("world:small", arm.prm, w.order, 1, 1, scored_before=0)
        assert w.flops == pytest.approx(w.probe_flops + read)
        assert read > 0


def test_a_search_is_paid_for_whole_and_is_run_once(
    stubborn: Callable[..., Router], cases: list[Case], portfolio: Portfolio
) -> None:
    arm = portfolio["beam@16 world:small world:prm"]
    for w in walk(stubborn(arm), cases, 0.0, seed=0):
        won = w.case.outcome(arm, w.order)
        assert w.chosen == [arm.name]
        assert w.flops == w.probe_flops + won.flops
        assert w.held[held_as(arm)] == Held(arm, won.group, won.share, won.correct)


def test_with_every_arm_run_it_stops(stubborn: Callable[..., Router], cases: list[Case]) -> None:
    for w in walk(stubborn(), cases, 0.0, seed=0):
        assert (w.chosen, w.flops) == ([], w.probe_flops)
    arm = Arm("world:large", None, "majority", 2)
    for w in walk(stubborn(arm), cases, 0.0, seed=0):
        assert w.chosen == [arm.name] * 2


def test_a_sampling_arm_counts_as_far_as_it_came() -> None:
    assert as_far(Arm("p", "r", "best_of_n", 64), 8) == Arm("p", "r", "best_of_n", 8)
    assert as_far(Arm("p", None, "adaptive", 64), 8) == Arm("p", None, "majority", 8)


def test_confidence_is_a_probability_and_orders_right_before_wrong(
    router: Router, unseen: list[Case]
) -> None:
    walks = walk(router, unseen, router.prices["medium"], seed=0)
    assert all(0 <= w.confidence <= 1 for w in walks)
    right, wrong = ([w.confidence for w in walks if w.correct == c] for c in (1.0, 0.0))
    assert np.mean(right) > np.mean(wrong)
