"""Routers whose confidence was corrected: what they say changes, what they decide does not."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ladders import ladder_router
from tests.priors import prior_router
from tests.selector.test_calibration import curves
from tts_select.core.errors import InputError
from tts_select.selector.calibration import Calibration
from tts_select.selector.deciding import Caps
from tts_select.selector.evidence import Evidence, SolutionEvidence
from tts_select.selector.routers.artifact import identity_of, load_router, save_router
from tts_select.selector.routers.kinds import curve_of, with_curve
from tts_select.selector.routers.lookahead import LookaheadRouter
from tts_select.selector.routers.named import NamedArm
from tts_select.selector.routers.protocol import Router

CURVE = Calibration((0.0, 0.5, 1.0), (0.2, 0.3, 0.9))
MADE: dict[str, tuple[Callable[[], Router], str]] = {
    "ladder": (ladder_router, "small"),
    "prior": (lambda: prior_router("small"), "small"),
}


def evidence(pool: str, groups: list[int]) -> Evidence:
    return Evidence("How many?", {pool: [SolutionEvidence(g, 10, -1.0, 1, {}) for g in groups]})


def check(router: Router, curve: Calibration, seen: Evidence, price: float) -> None:
    corrected = with_curve(router, curve)
    (before,), (after,) = (r.decide([seen], price, [Caps()]) for r in (router, corrected))
    assert (after.option, after.n, after.why) == (before.option, before.n, before.why)
    was, now = router.answers(seen, price), corrected.answers(seen, price)
    assert [a.group for a in now] == [a.group for a in was]
    known = [(a.p_correct, b.p_correct) for a, b in zip(was, now, strict=True) if a.p_correct is not None]
    np.testing.assert_allclose([b for _, b in known], curve(np.array([a for a, _ in known])))
    said = [b for _, b in known if b is not None]
    assert all(0 <= p <= 1 for p in said)
    assert said == sorted(said, reverse=True)
    assert after.surest == (now[0] if now else None)


@pytest.mark.parametrize("kind", MADE)
@given(
    curve=curves,
    groups=st.lists(st.integers(-1, 3), min_size=1, max_size=6),
    price=st.sampled_from([1e-4, 1e-2, 0.1]),
)
def test_answers_keep_their_order_and_decisions_stay(
    kind: str, curve: Calibration, groups: list[int], price: float
) -> None:
    made, pool = MADE[kind]
    check(made(), curve, evidence(pool, groups), price)


def test_a_look_ahead_router_too(router: LookaheadRouter, problem: str) -> None:
    seen = Evidence(problem, {"p": [SolutionEvidence(g, 10, -1.0, 1, {"r": (0.5,)}) for g in (0, 0, 1)]})
    check(router, CURVE, seen, 1e-9)


def test_the_curve_is_kept_with_a_hash_of_its_own(tmp_path: Path) -> None:
    plain, corrected = tmp_path / "plain", tmp_path / "corrected"
    save_router(ladder_router(), plain, trained_on={})
    save_router(replace(ladder_router(), recalibration=CURVE), corrected, trained_on={})
    assert curve_of(load_router(plain)) is None
    assert curve_of(load_router(corrected)) == CURVE
    assert identity_of(plain) != identity_of(corrected)
    assert (plain / "router.json").read_text() == (corrected / "router.json").read_text()
    (corrected / "recalibration.json").write_text(json.dumps({"said": [0, 1], "is": [0, 1]}))
    with pytest.raises(InputError, match="not what its manifest says"):
        load_router(corrected)


def test_what_decides_without_training_is_not_recalibrated() -> None:
    with pytest.raises(TypeError, match="a NamedArm cannot be recalibrated"):
        with_curve(NamedArm(ladder_router().portfolio.arms[0]), CURVE)
