"""Confidence is corrected by outcomes, as far as so many of them tell."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tts_select.selector.calibration import Calibration
from tts_select.training.replay.metrics import reliability
from tts_select.training.routers.recalibrating import FORMS, composed, measured, recalibrate

outcomes = st.integers(2, 40).flatmap(
    lambda n: st.tuples(
        st.lists(st.floats(0, 1), min_size=n, max_size=n),
        st.lists(st.booleans(), min_size=n, max_size=n),
    )
)


def made(n: int, says: Callable[[np.ndarray], np.ndarray], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes with a known chance to be right each, of which something else is said."""
    rng = np.random.default_rng(seed)
    chances = rng.beta(2, 1, n)
    return says(chances), (rng.random(n) < chances) * 1.0


@pytest.mark.parametrize(
    "says", [np.square, np.sqrt, lambda p: 0.5 + p / 2], ids=["too unsure", "too sure", "never unsure"]
)
def test_a_made_miscalibration_is_repaired_on_outcomes_not_seen(
    says: Callable[[np.ndarray], np.ndarray],
) -> None:
    found = recalibrate(*made(300, says, seed=1))
    assert found.curve is not None
    said, right = made(20_000, says, seed=2)
    before, after = reliability(said, right), reliability(found.curve(said), right)
    assert after["ece"] < 0.5 * before["ece"]
    assert after["brier"] < before["brier"]
    assert found.after.brier.value < found.before.brier.value


def test_what_is_calibrated_stays_nearly_as_it_is() -> None:
    found = recalibrate(*made(1_000, lambda p: p, seed=3))
    asked = np.linspace(0.05, 0.95, 20)
    now = asked if found.curve is None else found.curve(asked)
    assert np.abs(now - asked).max() < 0.1


def test_the_figure_before_is_the_plain_one() -> None:
    said, right = made(200, np.square, seed=4)
    ece, brier, accuracy = measured(said, right)
    plain = reliability(said, right)
    assert ece.value == pytest.approx(plain["ece"])
    assert brier.value == pytest.approx(plain["brier"])
    assert accuracy.value == right.mean()
    assert ece.low <= ece.high


def test_too_few_outcomes_are_refused() -> None:
    with pytest.raises(ValueError, match="29 outcomes, and 30 are needed"):
        recalibrate(np.full(29, 0.5), np.ones(29))


def test_outcomes_that_are_all_alike_do_no_harm() -> None:
    found = recalibrate(np.full(40, 0.9), np.ones(40))
    now = 0.9 if found.curve is None else found.curve.of(0.9)
    assert 0.9 <= now <= 1.0


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=15, deadline=None)
@given(found=outcomes)
def test_every_form_keeps_the_order_and_stays_a_probability(
    form: str, found: tuple[list[float], list[bool]]
) -> None:
    curve = FORMS[form](np.array(found[0]), np.array(found[1], float))
    now = curve(np.linspace(0, 1, 301))
    assert (np.diff(now) >= 0).all()
    assert ((now >= 0) & (now <= 1)).all()
    assert Calibration.from_dict({"said": curve.said, "is": curve.is_}) == curve


def test_a_second_correction_applies_after_the_first() -> None:
    first, second = Calibration((0.0, 0.5, 1.0), (0.2, 0.4, 0.6)), Calibration((0.0, 1.0), (0.1, 0.9))
    asked = np.linspace(0, 1, 11)
    assert composed(second, first)(asked) == pytest.approx(second(first(asked)))
    assert composed(second, None) is second
