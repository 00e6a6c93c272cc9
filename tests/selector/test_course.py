"""What a course makes of the time that is left, whoever decides."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from tests.ladders import ladder_router
from tts_select.core.arm import Arm
from tts_select.selector.course import NO_TIME, Course, next_decisions
from tts_select.selector.deciding import Caps, Decision
from tts_select.selector.evidence import NO_ANSWER, Evidence, SolutionEvidence
from tts_select.selector.routers.lookahead import LookaheadRouter
from tts_select.selector.routers.named import NamedArm
from tts_select.selector.routers.protocol import Router

MAJORITY = Arm("p", None, "majority", 16)
BEAM = Arm("p", "r", "beam", 4)


class Each:
    """Every sample takes a second, for sure; a request begins at once."""

    def seconds(self, arm: Arm, n_here: int, n: int) -> float | None:
        return float(n - n_here)

    def in_time(self, arm: Arm, n_here: int, n: int, seconds: float) -> tuple[int, float] | None:
        if not arm.is_sampling:
            return n, float(n <= seconds)
        room = min(n - n_here, math.floor(seconds))
        return n_here + max(1, room), float(room >= 1)


class Unknown:
    """Nothing was measured."""

    def seconds(self, arm: Arm, n_here: int, n: int) -> float | None:
        return None

    def in_time(self, arm: Arm, n_here: int, n: int, seconds: float) -> tuple[int, float] | None:
        return None


class ASecond(Unknown):
    """Every request for samples takes a second."""

    def seconds(self, arm: Arm, n_here: int, n: int) -> float | None:
        return 1.0 if n > n_here else 0.0


def evidence(*groups: int, arm: Arm = MAJORITY) -> Evidence:
    return Evidence("What is it?", {arm.pool: [SolutionEvidence(g, 10, -1.0, 1) for g in groups]})


def decided(router: Router, seen: Evidence, caps: Caps) -> Decision:
    course = Course(seen.problem, 0.0, asks_if_familiar=False)
    (found,) = next_decisions(router, [course], [seen], [caps], may_probe=False)
    return found


@pytest.mark.parametrize(("seconds", "n"), [(100.0, 16), (16.0, 16), (15.9, 15), (5.5, 5), (1.0, 1)])
def test_as_many_samples_as_there_is_time_for(seconds: float, n: int) -> None:
    found = decided(NamedArm(MAJORITY), evidence(), Caps(seconds=seconds, pace=Each()))
    assert (found.arm, found.n) == (MAJORITY, n)


def test_samples_that_are_there_take_no_time() -> None:
    found = decided(NamedArm(MAJORITY), evidence(1, 2, 1), Caps(seconds=4.0, pace=Each()))
    assert found.n == 7


@pytest.mark.parametrize("caps", [Caps(), Caps(seconds=0.1, pace=Unknown()), Caps(pace=Each())])
def test_without_a_deadline_or_a_measurement_nothing_changes(caps: Caps) -> None:
    assert decided(NamedArm(MAJORITY), evidence(1), caps).n == 16


def test_without_time_for_more_it_stops_with_the_answer_at_hand() -> None:
    found = decided(NamedArm(MAJORITY), evidence(1, 1, 2), Caps(seconds=0.9, pace=Each()))
    assert (found.arm, found.why, found.is_out_of_time) == (None, NO_TIME, True)
    assert found.options[0].p_correct == pytest.approx(2 / 3)


@pytest.mark.parametrize("seen", [evidence(), evidence(NO_ANSWER)])
def test_without_an_answer_it_tries_once_more(seen: Evidence) -> None:
    found = decided(NamedArm(MAJORITY), seen, Caps(seconds=-1.0, pace=Each()))
    assert found.n == len(seen.of(MAJORITY.pool)) + 1


def test_scoring_samples_that_are_there_needs_no_time_for_writing() -> None:
    arm = Arm("p", "r", "best_of_n", 2)
    found = decided(NamedArm(arm), evidence(1, 2, arm=arm), Caps(seconds=0.1, pace=Each()))
    assert (found.arm, found.n) == (arm, 2)


@pytest.mark.parametrize(("seconds", "arm"), [(4.0, BEAM), (3.9, None)])
def test_a_search_runs_whole_or_not(seconds: float, arm: Arm | None) -> None:
    caps = Caps(seconds=seconds, pace=Each())
    stuck = replace(evidence(1), found={})
    named = NamedArm(BEAM)
    assert decided(named, stuck, caps).n == 4  # nothing is at hand for it

    class AtHand(NamedArm):
        def answers(self, evidence: Evidence, price: float | None = None) -> Any:
            return NamedArm(MAJORITY).answers(evidence, price)

    assert decided(AtHand(BEAM), stuck, caps).arm == arm


def test_a_stop_that_has_nothing_to_do_with_time_is_none_of_the_deadline() -> None:
    found = decided(NamedArm(MAJORITY), evidence(*[1] * 16), Caps(seconds=0.0, pace=Each()))
    assert (found.arm, found.is_out_of_time) == (None, False)


def exactly(n: int, seconds: float | None, router: LookaheadRouter) -> Decision:
    seen = Evidence("a b c d e f g h", evidence(*[1] * n).samples)
    return decided(router, seen, Caps(seconds=seconds, pace=Each()))


def test_a_router_leaves_out_arms_that_take_too_long(exact_router: LookaheadRouter) -> None:
    free, bound = (exactly(2, s, exact_router) for s in (None, 7.0))
    assert {o.name: o.seconds for o in free.options if o.arm and o.arm.method == "majority"} == {
        "majority@4 p": 2.0,
        "majority@8 p": 6.0,
        "majority@16 p": 14.0,
    }
    assert {"majority@8 p", "majority@16 p"} & {o.name for o in bound.options} == {"majority@8 p"}
    assert bound.options[0].arm == bound.arm


def test_a_router_whose_arms_all_take_too_long_runs_the_part_that_fits(exact_router: LookaheadRouter) -> None:
    found = exactly(2, 1.5, exact_router)
    assert found.arm is not None
    assert found.n == 3


def test_a_router_without_time_stops_and_says_so(exact_router: LookaheadRouter) -> None:
    found = exactly(2, 0.5, exact_router)
    assert (found.arm, found.why, found.is_out_of_time) == (None, NO_TIME, True)


def test_a_probe_is_as_large_as_the_time_allows(exact_router: LookaheadRouter) -> None:
    seen = Evidence("a b c d")
    for seconds, n in ((5.0, 2), (1.0, 1), (0.0, 1)):
        caps = Caps(seconds=seconds, pace=Each())
        (found,) = next_decisions(exact_router, [Course(seen.problem, 0.0)], [seen], [caps])
        assert (found.is_probe, found.n) == (True, n)


def test_a_ladder_stops_where_there_is_no_time_for_its_next_draw() -> None:
    router = ladder_router()
    pool = router.at(0.0).draws[0]
    seen = Evidence("x", {pool: [SolutionEvidence(1, 10, -1.0, 1)]})
    free, late = (decided(router, seen, Caps(seconds=s, pace=Each())) for s in (1.0, 0.5))
    assert free.arm is not None
    assert (late.arm, late.is_out_of_time) == (None, True)


@pytest.mark.parametrize(
    ("arm", "n_here", "seconds"),
    [(MAJORITY, 0, 5 * 1.0), (MAJORITY, 16, 0.0), (Arm("p", None, "adaptive", 16), 0, 4.0), (BEAM, 0, 1.0)],
)
def test_an_option_takes_the_rounds_in_which_it_runs(arm: Arm, n_here: int, seconds: float) -> None:
    """A majority of 16 from nothing: 1, 2, 4, 8, 16 samples; each request takes a second here."""
    option = replace(next_option(arm), seconds=None)
    assert Caps(pace=ASecond()).timed(option, n_here).seconds == seconds
    assert Caps(pace=Unknown()).timed(option, n_here).seconds is None
    assert Caps().timed(option, n_here).seconds is None


def next_option(arm: Arm) -> Any:
    found = decided(NamedArm(arm), Evidence("x"), Caps()).option
    assert found is not None
    assert math.isnan(found.p_correct)
    return found
