"""Calibration errors beside their nulls, against plain loops and known probabilities."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_select.training.replay import calibration_error
from tts_select.training.replay.calibration_error import calibrated, equal_mass, in_views, null_of

eighths = st.integers(0, 8).map(lambda k: k / 8)


def test_bins_have_equal_mass() -> None:
    said = np.random.default_rng(0).permutation(100) / 100
    bins = equal_mass(said)
    assert [len(k) for k in bins] == [10] * 10
    assert [sorted(said[k].tolist()) for k in bins] == [
        [(10 * b + k) / 100 for k in range(10)] for b in range(10)
    ]


@given(st.lists(eighths, min_size=1, max_size=40))
def test_every_prediction_is_in_one_bin_and_equal_ones_share_it(said: list[float]) -> None:
    bins = equal_mass(np.array(said))
    assert sorted(np.concatenate(bins).tolist()) == list(range(len(said)))
    of = {k: b for b, places in enumerate(bins) for k in places.tolist()}
    for i, one in enumerate(said):
        for j, other in enumerate(said):
            assert one != other or of[i] == of[j]
            assert one >= other or of[i] <= of[j]


def test_the_figures_by_hand() -> None:
    """Two bins, of .2 twice and of .9 twice; happened 0, 1 and 1, 1."""
    said, happened = np.array([0.2, 0.9, 0.2, 0.9]), np.array([0.0, 1.0, 1.0, 1.0])
    found = calibrated(said, happened)
    assert found["ece"] == pytest.approx(0.5 * 0.3 + 0.5 * 0.1)
    assert found["brier"] == pytest.approx((0.04 + 0.64 + 0.01 + 0.01) / 4)
    assert found["brier_skill"] == pytest.approx(1 - 0.175 / (0.75 * 0.25))
    assert found["n"] == 4


def test_the_null_by_hand() -> None:
    """One outcome said to be .25 is off by .25 in three of four cases, else by .75."""
    found = null_of(np.array([0.25]), np.array([0.0]))
    assert found["mean"] == pytest.approx(0.75 * 0.25 + 0.25 * 0.75, abs=0.03)
    assert found["high"] == 0.75


def test_perfect_calibration_is_within_its_null_nineteen_times_in_twenty() -> None:
    rng = np.random.default_rng(1)
    errors, nulls = [], []
    for _ in range(200):
        said = rng.random(300)
        happened = (rng.random(300) < said) * 1.0
        found = calibrated(said, happened, seed=int(rng.integers(1 << 30)))
        errors.append(found["ece"])
        nulls.append(found["null"])
    assert np.mean(errors) == pytest.approx(np.mean([null["mean"] for null in nulls]), rel=0.05)
    above = np.mean([error > null["high"] for error, null in zip(errors, nulls, strict=True)])
    assert above == pytest.approx(0.05, abs=0.04)


def test_rates_of_success_have_a_smaller_null_than_outcomes() -> None:
    rng = np.random.default_rng(2)
    said = rng.random(400)
    outcomes = (rng.random(400) < said) * 1.0
    rates = rng.binomial(64, said) / 64
    soft, hard = null_of(said, rates), null_of(said, outcomes)
    assert soft["mean"] < 0.3 * hard["mean"]
    assert calibrated(said, rates)["ece"] < 1.5 * soft["high"]


def test_who_says_the_mean_has_no_skill_and_who_knows_has_all() -> None:
    happened = np.array([0.0, 1.0, 1.0, 1.0])
    assert calibrated(np.full(4, 0.75), happened)["brier_skill"] == pytest.approx(0.0)
    assert calibrated(happened, happened)["brier_skill"] == 1.0
    assert np.isnan(calibrated(np.full(4, 0.9), np.ones(4))["brier_skill"])


def test_views_are_measured_one_by_one_and_named() -> None:
    rng = np.random.default_rng(3)
    said, view = rng.random(120), np.repeat(["a", "b"], 60)
    happened = (rng.random(120) < said) * 1.0
    found = in_views(said, happened, view)
    a, b = (calibrated(said[view == name], happened[view == name]) for name in "ab")
    assert found["by"] == {"a": a, "b": b}
    assert found["ece_equal_mass"] == pytest.approx((a["ece"] + b["ece"]) / 2)
    assert found["ece_null"]["mean"] == pytest.approx((a["null"]["mean"] + b["null"]["mean"]) / 2)
    assert found["n"] == 120
    assert "by" not in in_views(said, happened, np.repeat([0, 1], 60)), "draws have no names"


def test_twice_the_same_draw_is_no_more_evidence() -> None:
    """The null of two draws that are alike is that of one: problems count once."""
    rng = np.random.default_rng(4)
    said = rng.random(100)
    happened = (rng.random(100) < said) * 1.0
    once = in_views(said, happened, np.zeros(100, int))
    twice = in_views(np.tile(said, 2), np.tile(happened, 2), np.repeat([0, 1], 100))
    assert twice["ece_null"] == pytest.approx(once["ece_null"])
    assert twice["ece_equal_mass"] == pytest.approx(once["ece_equal_mass"])


@pytest.mark.parametrize("is_soft", [False, True])
def test_the_null_is_the_same_however_many_outcomes_are_drawn_at_a_time(
    is_soft: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(5)
    said = rng.random(57)
    happened = rng.random(57) if is_soft else (rng.random(57) < said) * 1.0
    whole = null_of(said, happened)
    monkeypatch.setattr(calibration_error, "_NUMBERS", 40)
    assert null_of(said, happened) == whole
