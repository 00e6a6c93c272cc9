"""A prior with a PRM: where scores say nothing it thinks as by votes alone, else they correct it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.priors import prior_router, scored_router, written_prior
from tts_select import InputError
from tts_select.core.arm import Arm
from tts_select.data.prior.artifacts import PRIOR
from tts_select.selector.calibration import Calibration
from tts_select.selector.deciding import Caps, Decision
from tts_select.selector.evidence import Evidence, SolutionEvidence
from tts_select.selector.routers.artifact import load_router
from tts_select.selector.routers.prior import PriorRouter

POLICY, READER = "log:weak", "log:prm"
Found = tuple[int, float | None]


def evidence(*found: Found) -> Evidence:
    samples = [
        SolutionEvidence(group, 10, -1.0, 1, {} if score is None else {READER: (score,)})
        for group, score in found
    ]
    return Evidence("?", {POLICY: samples})


def decided(*found: Found, price: float = 0.01) -> Decision:
    (decision,) = scored_router().decide([evidence(*found)], price, [Caps()])
    return decision


def p_of(router: PriorRouter, *found: Found) -> float:
    return router.answers(evidence(*found))[0].p_correct or 0.0


def test_it_draws_and_scores_two_samples_first() -> None:
    router = scored_router()
    assert router.first_look == Arm(POLICY, READER, "best_of_n", 2)
    assert router.portfolio.prms == (READER,)
    assert router.confidence_kind == "prior+prm"
    assert prior_router().confidence_kind == "prior"


def test_its_efforts_are_those_of_scored_samples() -> None:
    assert scored_router(budget=10).prices == {"low": 0.1, "medium": 0.03, "high": 0.002}


def test_the_prm_finds_the_answer_that_the_votes_miss() -> None:
    found = (1, 0.1), (1, 0.1), (2, 0.9), (3, 0.1)
    assert [a.group for a in scored_router().answers(evidence(*found))] == [2, 1, 3]
    assert prior_router().answers(evidence(*found))[0].group == 1


@given(st.lists(st.integers(-1, 2), min_size=1, max_size=8), st.none() | st.floats(0.01, 0.99))
def test_scores_that_say_nothing_change_nothing_that_is_said(groups: list[int], score: float | None) -> None:
    shipped = load_router(PRIOR)
    assert isinstance(shipped, PriorRouter)
    plain = shipped.on(Arm(POLICY, None, "majority", 16))
    scored = shipped.on(Arm(POLICY, READER, "best_of_n", 16))
    seen = evidence(*((group, score) for group in groups))
    for with_, without in zip(scored.answers(seen), plain.answers(seen), strict=True):
        assert with_.group == without.group
        assert with_.p_correct == pytest.approx(without.p_correct, abs=0.004)


@given(st.floats(0.05, 0.9), st.floats(0.0, 0.09))
def test_a_leader_that_is_further_ahead_is_surer(low: float, more: float) -> None:
    router = scored_router()
    votes = (1, low), (1, low), (2, 0.04)
    ahead = (1, low + more), (1, low + more), (2, 0.04)
    assert p_of(router, *votes) <= p_of(router, *ahead) + 1e-12


def test_a_good_score_ends_the_search_and_poor_ones_do_not() -> None:
    assert decided((1, 0.95), (2, 0.02), price=0.08).arm is None
    assert decided((1, 0.06), (2, 0.02), price=0.08).arm is not None


@given(st.lists(st.tuples(st.integers(-1, 3), st.floats(0.0, 1.0)), min_size=2, max_size=7), st.floats(0, 1))
def test_what_stops_at_a_price_stops_at_a_higher_one(found: list[Found], price: float) -> None:
    if decided(*found, price=price / 2).arm is None:
        assert decided(*found, price=price).arm is None


def test_at_no_price_it_goes_on_to_the_budget() -> None:
    for n in range(2, 8):
        assert decided(*[(1, 0.9)] * n, price=0.0).arm is not None


def test_no_answer_is_never_right() -> None:
    found = decided((-1, 0.9), (-1, 0.8), price=9.0)
    assert found.surest is None
    assert found.options[0].p_correct == 0.0


def test_a_prior_without_a_term_takes_no_prm() -> None:
    router = PriorRouter(written_prior(), Arm(POLICY, None, "majority", 8))
    with pytest.raises(InputError, match=r"knows nothing of PRM scores, and log:prm is named.*--onto"):
        router.on(Arm(POLICY, READER, "best_of_n", 8))


def test_outcomes_of_votes_correct_nothing_that_scores_say() -> None:
    curve = Calibration((0.0, 1.0), (0.0, 0.1))
    router = replace(prior_router(), recalibration=curve, prior=scored_router().prior)
    assert router.on(Arm(POLICY, None, "majority", 8)).recalibration is curve
    assert router.on(Arm(POLICY, READER, "best_of_n", 8)).recalibration is None


def test_the_shipped_term_trusts_scores_that_are_ahead() -> None:
    shipped = load_router(PRIOR)
    assert isinstance(shipped, PriorRouter)
    router = shipped.on(Arm(POLICY, READER, "best_of_n", 16))
    votes = (1, 0.5), (1, 0.5), (2, 0.5)
    ahead, behind = ((1, 0.8), (1, 0.8), (2, 0.1)), ((1, 0.45), (1, 0.45), (2, 0.6))
    assert p_of(router, *behind) < p_of(router, *votes) < p_of(router, *ahead)
