"""The prior decides: it stops where samples agree, goes on where more of them may change the answer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.priors import prior_router, written_prior
from tts_select import InputError
from tts_select.core.arm import Arm
from tts_select.data.prior.artifacts import PRIOR
from tts_select.selector.deciding import Caps, Decision
from tts_select.selector.evidence import Evidence, SolutionEvidence
from tts_select.selector.routers.artifact import load_router, save_router
from tts_select.selector.routers.prior import PriorRouter, horizons, looks_within

POLICY = "log:weak"


def evidence(*groups: int, exhausted: bool = False) -> Evidence:
    samples = {POLICY: [SolutionEvidence(g, 10, -1.0, 1) for g in groups]}
    return Evidence("?", samples, exhausted=frozenset([POLICY] if exhausted else []))


def decided(*groups: int, price: float = 0.01, caps: Caps | None = None, exhausted: bool = False) -> Decision:
    (found,) = prior_router().decide([evidence(*groups, exhausted=exhausted)], price, [caps or Caps()])
    return found


def test_it_begins_with_two_samples() -> None:
    assert prior_router().first_look == Arm(POLICY, None, "majority", 2)
    assert decided().n == 2


def test_it_stops_where_samples_agree() -> None:
    found = decided(1, 1)
    assert found.arm is None
    assert found.surest is not None
    assert (found.surest.group, found.surest.p_correct) == (1, 1.0)


def test_it_goes_on_to_the_next_look_where_they_do_not() -> None:
    found = decided(1, 2)
    assert found.arm is not None
    assert found.n == 3


def test_it_stops_at_its_budget_and_where_a_log_has_no_more() -> None:
    assert decided(*range(8)).arm is None
    assert decided(1, 2, exhausted=True).arm is None


def test_a_price_stops_it() -> None:
    assert decided(1, 2, price=0.01).arm is not None
    assert decided(1, 2, price=0.5).arm is None


def test_at_no_price_it_goes_on_to_the_budget() -> None:
    for n in range(2, 8):
        assert decided(*[1] * (n - 1), 2, price=0.0).arm is not None


def test_caps_shorten_a_round_or_forbid_it() -> None:
    four_more = decided(1, 2, 3, 1, caps=Caps(tokens=9))
    assert four_more.arm is None
    assert "caps" in four_more.why
    assert decided(1, 2, 3, 1, caps=Caps(tokens=10)).n == 5


def test_the_others_are_not_judged() -> None:
    found = prior_router().answers(evidence(1, 1, 2, -1))
    assert [a.group for a in found] == [1, 2]
    assert found[0].p_correct == 0.5
    assert found[1].p_correct is None
    assert prior_router().answers(evidence(-1, -1)) == []


def test_efforts_are_shares_of_the_budget() -> None:
    router = prior_router(budget=16)
    assert router.prices == {"low": 2.0 / 16, "medium": 0.5 / 16, "high": 0.05 / 16}


@given(st.integers(1, 2000))
def test_looks_rise_to_the_budget(budget: int) -> None:
    looks = looks_within(budget)
    assert looks[-1] == budget
    assert looks == sorted(set(looks))
    for n in looks[:-1]:
        later = horizons(n, looks)
        assert later
        assert later[0] == looks[looks.index(n) + 1]


@given(st.lists(st.integers(-1, 3), min_size=2, max_size=7), st.floats(0, 1), st.floats(0, 1))
def test_what_stops_at_a_price_stops_at_a_higher_one(groups: list[int], a: float, b: float) -> None:
    low, high = sorted((a, b))
    if decided(*groups, price=low).arm is None:
        assert decided(*groups, price=high).arm is None


def shipped() -> PriorRouter:
    router = load_router(PRIOR)
    assert isinstance(router, PriorRouter)
    return router


def test_the_shipped_prior_is_read_and_written_as_it_is(tmp_path: Path) -> None:
    save_router(shipped(), tmp_path / "again", trained_on={})
    for name in ("prior.json", "change.txt", "correct.txt"):
        assert (tmp_path / "again" / name).read_text() == (PRIOR / name).read_text()


def test_the_shipped_prior_is_surer_the_more_samples_agree() -> None:
    router = shipped().on(Arm(POLICY, None, "majority", 16))
    split = router.answers(evidence(1, 2, 3, 4))[0].p_correct or 0.0
    most = router.answers(evidence(1, 1, 1, 2))[0].p_correct or 0.0
    all_ = router.answers(evidence(1, 1, 1, 1))[0].p_correct or 0.0
    assert split < most < all_
    assert router.prices["high"] < router.prices["medium"] < router.prices["low"]


def test_its_manifest_says_what_it_was_fitted_to() -> None:
    trained_on = json.loads((PRIOR / "manifest.json").read_text())["trained_on"]
    assert trained_on["n_problems"] == sum(found["problems"] for found in trained_on["policies"])


def test_other_features_are_refused(tmp_path: Path) -> None:
    save_router(shipped(), tmp_path / "p", trained_on={})
    facts = json.loads((tmp_path / "p" / "prior.json").read_text())
    facts["features"] = facts["features"][1:]
    text = json.dumps(facts)
    (tmp_path / "p" / "prior.json").write_text(text)
    with pytest.raises(InputError, match="sha256"):
        load_router(tmp_path / "p")


def test_p_correct_is_0_without_an_answer() -> None:
    from tts_select.selector.agreement import agreement_of

    seen = agreement_of([[SolutionEvidence(-1, 10, -1.0, 1)] * 2])
    prior = written_prior()
    assert prior.p_correct(seen.features, prior.says(seen.features)).tolist() == [0.0]
