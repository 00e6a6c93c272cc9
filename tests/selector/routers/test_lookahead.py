from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from tts_select.core.arm import Arm
from tts_select.core.plan import Settings
from tts_select.selector.calibration import Calibration
from tts_select.selector.deciding import Caps, Option
from tts_select.selector.evidence import Evidence, SolutionEvidence
from tts_select.selector.features import SUREST
from tts_select.selector.portfolio import Portfolio
from tts_select.selector.routers.lookahead import (
    CalibratedModel,
    DifficultyModel,
    LookaheadRouter,
    Probe,
    layout_of,
)
from tts_select.selector.routers.named import is_open
from tts_select.selector.routers.protocol import fingerprint_mismatch

GREEDY = "p temperature=0"
BEAM = "beam@4 q r"


def samples(n: int, *prms: str, n_tokens: int = 10, group: int = 0) -> list[SolutionEvidence]:
    return [SolutionEvidence(group, n_tokens, -1.0, 1, dict.fromkeys(prms, (0.5,)))] * n


def two_answers(problem: str) -> Evidence:
    return Evidence(problem, {"p": [*samples(2, "r"), *samples(1, "r", group=1)]})


def names(router: LookaheadRouter, evidence: Evidence) -> set[str]:
    return {option.name for option in router.options(evidence)}


def test_every_arm_is_an_option_before_anything_is_known(router: LookaheadRouter, problem: str) -> None:
    assert names(router, Evidence(problem)) == {arm.name for arm in router.portfolio.arms}


def test_to_stop_is_an_option_as_soon_as_anything_has_run(router: LookaheadRouter, problem: str) -> None:
    assert "stop" not in names(router, Evidence(problem, {"p": []}))
    for evidence in (two_answers(problem), Evidence(problem, {}, {BEAM: samples(1, "r")[0]})):
        (stop,) = [o for o in router.options(evidence) if o.arm is None]
        surest = router.answers(evidence)[0]
        assert stop == Option(None, surest.p_correct, 0.0)


@pytest.mark.parametrize(
    "silent",
    [
        Evidence("x", {"p": samples(2, group=-1)}),
        Evidence("x", {}, {BEAM: SolutionEvidence(-1, 0, 0.0, 0, {}, 0.0)}),
    ],
)
def test_without_an_answer_at_hand_to_stop_is_sure_to_be_wrong(
    router: LookaheadRouter, silent: Evidence
) -> None:
    assert router.answers(silent) == []
    assert Option(None, 0.0, 0.0) in router.options(silent)


def test_evidence_is_weighed_once_by_each_router_whatever_the_price(
    router: LookaheadRouter, problem: str
) -> None:
    """What one router keeps with it is not what another takes."""
    other = replace(router, mend=router.spoil, spoil=router.mend)
    shared = Evidence(problem, {"p": samples(2, "r")})
    for each in (router, other, router):
        for price in (0.0, 1e-9, 1e-6):
            anew = Evidence(problem, {"p": samples(2, "r")})
            assert each.decide([shared], price, [Caps()]) == each.decide([anew], price, [Caps()])
            assert each.options(shared) == each.options(anew)
    assert router.options(shared) != other.options(shared)
    assert router.options(shared)[0] is router.options(shared)[0]


def test_an_arm_that_has_run_is_no_option(router: LookaheadRouter, problem: str) -> None:
    seen = {"p": samples(4, "r"), GREEDY: samples(1)}
    found = names(router, Evidence(problem, seen, {BEAM: samples(1, "r")[0]}))
    assert found == {"stop", *(arm.name for arm in router.portfolio.arms)} - {
        "cot@1 p",
        "majority@2 p",
        "majority@4 p",
        "best_of_n@2 p r",
        "best_of_n@4 p r",
        BEAM,
    }


@pytest.mark.parametrize(
    ("arm", "seen", "open_"),
    [
        (Arm("p", None, "majority", 4), samples(3), True),
        (Arm("p", None, "majority", 4), samples(4), False),
        (Arm("p", "r", "best_of_n", 4), samples(4, "r"), False),
        (Arm("p", "r", "best_of_n", 4), samples(4, "s"), True),
        (Arm("p", "r", "best_of_n", 4), [*samples(4, "r"), *samples(1, group=-1)], False),
        (Arm("p", None, "adaptive", 64), samples(4), False),  # four of a kind are settled
        (Arm("p", None, "adaptive", 64), [*samples(4), *samples(3, group=1)], True),
        (Arm("p", None, "adaptive", 7), [*samples(4), *samples(3, group=1)], False),
        (Arm("p", "r", "beam", 4), samples(64, "r"), True),
        (Arm("q", None, "majority", 1), samples(4), True),
        (Arm("p", None, "cot", 1), samples(4), True),
        (Arm("p", None, "majority", 4, Settings(temperature=1.0)), samples(4), True),
    ],
)
def test_an_arm_is_open_while_there_is_something_to_sample_or_to_score(
    arm: Arm, seen: list[SolutionEvidence], open_: bool
) -> None:
    assert is_open(arm, Evidence("x", {"p": seen})) == open_


@pytest.mark.parametrize(
    ("arm", "open_"),
    [
        (Arm("p", None, "cot", 1), False),
        (Arm("p", "r", "best_of_n", 1, Settings(temperature=0.0)), False),
        (Arm("p", "s", "best_of_n", 1, Settings(temperature=0.0)), True),
        (Arm("p", "r", "best_of_n", 1), True),
    ],
)
def test_a_greedy_solution_is_of_a_pool_of_its_own(arm: Arm, open_: bool) -> None:
    assert is_open(arm, Evidence("x", {GREEDY: samples(1, "r")})) == open_


def test_a_search_is_open_until_it_has_run_whatever_it_found() -> None:
    beam, wider = Arm("p", "r", "beam", 4), Arm("p", "r", "beam", 8)
    evidence = Evidence("x", {}, {beam.name: samples(1, group=-1)[0]})
    assert (is_open(beam, evidence), is_open(wider, evidence)) == (False, True)


def test_with_every_arm_run_there_is_only_to_stop(constant_router: Callable[..., LookaheadRouter]) -> None:
    router = constant_router([{"policy": "p", "prm": "r", "method": "best_of_n", "budget": [1, 2]}])
    assert names(router, Evidence("x", {"p": samples(2, "r")})) == {"stop"}
    silent = Evidence("x", {"p": samples(2, group=-1)})
    assert router.options(silent) == [Option(None, 0.0, 0.0)]


@pytest.mark.parametrize(
    ("mend", "spoil", "confidence"), [(0.3, 0.2, 0.6), (0.0, 0.0, 0.9), (1.0, 1.0, 0.5), (0.5, 0.0, 0.0)]
)
def test_an_arm_puts_a_wrong_answer_right_and_loses_a_right_one(
    constant_router: Callable[..., LookaheadRouter], mend: float, spoil: float, confidence: float
) -> None:
    arms = [{"policy": "p", "method": "majority", "budget": 8}]
    said = constant_router(arms, mend=mend, spoil=spoil, confidence=confidence, cost=7.5)
    curve = said.mend.calibration(np.array([mend, spoil, confidence]))
    p_mend, p_spoil, p_held = map(float, curve)
    stop, option = said.options(Evidence("x", {"p": samples(2)}))
    assert (stop.arm, stop.p_correct, stop.flops) == (None, pytest.approx(p_held), 0.0)
    assert option.p_correct == pytest.approx(p_held * (1 - p_spoil) + (1 - p_held) * p_mend)
    assert option.flops == pytest.approx(10**7.5)


def test_without_an_answer_at_hand_an_arm_can_only_mend(
    constant_router: Callable[..., LookaheadRouter],
) -> None:
    router = constant_router([{"policy": "p", "method": "cot"}], mend=0.75, spoil=1.0)
    (option,) = router.options(Evidence("x"))
    assert option.p_correct == pytest.approx((0.4 + 0.95) / 2)


def test_probabilities_are_probabilities(router: LookaheadRouter, problem: str) -> None:
    for n in range(4):
        evidence = Evidence(problem, {"p": samples(n, "r"), "q": samples(2 * n, group=1)})
        assert all(0 <= o.p_correct <= 1 and o.flops >= 0 for o in router.options(evidence))
        assert all(0 <= a.p_correct <= 1 for a in router.answers(evidence))


def test_answers_come_the_surest_first(router: LookaheadRouter, problem: str) -> None:
    seen = {"p": [*samples(2, "r"), *samples(3, "r", group=1)], "q": samples(2, group=2)}
    evidence = Evidence(problem, seen, {BEAM: samples(1, "r", group=3)[0]})
    found = router.answers(evidence)
    assert {a.group for a in found} == {0, 1, 2, 3}
    said = [a.p_correct for a in found]
    assert said == sorted(said, reverse=True)
    groups, rows = router.layout.answers(evidence)
    alone = dict(zip(groups, router.confidence(rows), strict=True))
    assert {a.group: a.p_correct for a in found} == alone
    assert router.answers(Evidence(problem)) == []


def test_an_option_does_not_depend_on_the_others(router: LookaheadRouter, problem: str) -> None:
    evidence = two_answers(problem)
    _, answers = router.layout.answers(evidence)
    together = {o.name: o for o in router.options(evidence)}
    for arm in router.portfolio.arms:
        row = router.layout.options(evidence, [arm], answers, router.confidence(answers))
        if arm.name in together:
            assert together[arm.name].p_correct == float(router.p_correct(row)[0])
            assert together[arm.name].flops == float(router.flops(row)[0])


def test_what_an_option_builds_on_is_the_surest_answer(router: LookaheadRouter, problem: str) -> None:
    evidence = two_answers(problem)
    _, answers = router.layout.answers(evidence)
    rows = router.layout.options(evidence, router.portfolio.arms, answers, router.confidence(answers))
    surest = rows[:, router.layout.option_names.index(SUREST)]
    assert set(surest) == {router.answers(evidence)[0].p_correct}


def test_a_layout_is_in_the_order_of_the_portfolio(portfolio: Portfolio) -> None:
    strengths = {arm.name: 0.5 for arm in portfolio.arms}
    layout = layout_of(portfolio, strengths)
    assert dict(layout.pools) == {GREEDY: True, "q temperature=0": True, "p": False, "q": False}
    assert list(layout.pools) == [GREEDY, "q temperature=0", "p", "q"]
    assert (layout.policies, layout.prms) == (("p", "q"), ("r", "s"))
    assert layout.methods == ("cot", "best_of_n", "majority", "beam")
    assert layout.searches == {BEAM: "q"}
    assert layout.strengths == strengths


@pytest.mark.parametrize(
    ("probe", "name", "pool"),
    [
        (Probe("p", "r", 2), "best_of_n@2 p r", "p"),
        (Probe("p", None, 4), "majority@4 p", "p"),
        (Probe("p", None, 1, 0.0), "cot@1 p", GREEDY),
    ],
)
def test_probes_are_the_first_samples_of_a_pool(probe: Probe, name: str, pool: str) -> None:
    assert probe.arm.name == name
    assert probe.arm.pool == pool


def test_probes_are_sampled_as_the_arms_that_take_them_as_their_first_samples() -> None:
    long = Settings(max_new_tokens=8192, top_p=0.9, max_steps=9)
    arms = (
        Arm("q", None, "majority", 4),
        Arm("p", "r", "beam", 4, Settings(max_new_tokens=77)),
        Arm("p", None, "majority", 4, long),
        Arm("p", None, "cot", 1, replace(long, max_new_tokens=4096)),
    )
    swept = Portfolio("mine", arms)
    assert Probe("p", None, 2).as_in(swept).arm == Arm("p", None, "majority", 2, long)
    assert Probe("p", None, 1, 0.0).as_in(swept).arm == arms[3]
    assert Probe("q", None, 2).as_in(swept) == Probe("q", None, 2)
    assert Probe("x", None, 2).as_in(swept) == Probe("x", None, 2)


def test_tokens_are_expected_from_the_samples_so_far(router: LookaheadRouter) -> None:
    nothing, some = Evidence("x"), Evidence("x", {"p": samples(3, n_tokens=50)})
    majority, beam, cot = Arm("p", None, "majority", 8), Arm("p", "r", "beam", 4), Arm("p", None, "cot", 1)
    assert router.tokens(majority, nothing) == 8 * 20
    assert router.tokens(majority, some) == 5 * 50
    assert router.tokens(beam, some) == 4 * 20
    assert router.tokens(cot, some) == 20
    assert router.tokens(Arm("q", None, "majority", 8), some) == 8 * 20


def test_the_difficulty_is_estimated_for_every_policy(router: LookaheadRouter, problem: str) -> None:
    found = router.difficulties(Evidence(problem, {"p": samples(2, "r")}))
    assert set(found) == {"p", "q"}
    assert all(0 <= d.low <= d.pass_at_1 <= d.high <= 1 for d in found.values())


@pytest.mark.parametrize(
    ("p", "low", "high"),
    [(0.0, 0.0, 0.3), (0.49, 0.29, 0.79), (0.5, 0.4, 0.6), (0.95, 0.85, 1.0)],
)
def test_the_interval_is_that_of_the_band_of_the_prediction(p: float, low: float, high: float) -> None:
    found = interval(p, ((-1.0, -0.2, 0.3), (0.5, -0.1, 0.1)))
    assert found == pytest.approx((low, high))


@pytest.mark.parametrize(("p", "errors"), [(0.95, (0.1, 0.2)), (0.05, (-0.2, -0.1))])
def test_an_interval_never_leaves_zero_and_one(p: float, errors: tuple[float, float]) -> None:
    low, high = interval(p, ((-1.0, *errors),))
    assert 0 <= low <= high <= 1


def interval(p: float, errors: tuple[tuple[float, float, float], ...]) -> tuple[float, float]:
    class Fixed:
        def predict(self, rows: np.ndarray, num_threads: int) -> np.ndarray:
            return np.full(len(rows), p)

    model = DifficultyModel(CalibratedModel(Fixed(), Calibration((0.0, 1.0), (0.0, 1.0))), errors)
    (found,) = model(np.zeros((1, 3)))
    assert found.pass_at_1 == pytest.approx(p)
    return found.low, found.high


def test_the_models_have_to_be_those_of_the_training() -> None:
    trained = {"p": "fp-p", "r": "fp-r"}
    assert fingerprint_mismatch(trained, {"r": "fp-r"}) is None
    assert fingerprint_mismatch(trained, {"r": "fp-r", "p": "new"}) == (
        "the router was trained for 'p' as fp-p; this one is new"
    )
    assert fingerprint_mismatch(trained, {"q": "fp-q"}) == (
        "the router was trained for 'q' as not in its portfolio; this one is fp-q"
    )
