"""Where problems are few the linear model decides, and nothing is surer than it proved to be on others."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_select.training.routers.lookahead.boosting import calibrate, folds_of
from tts_select.training.routers.lookahead.shrinking import (
    SHARES,
    calibrate_shrunk,
    fit_linear,
    log_loss,
    mix_in_folds,
    mixed,
)


def made_up(n: int, seed: int = 0, *, steep: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, what happened, and its probability: a line in the log odds, or a pattern that no line follows."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, 4))
    pattern = 3.0 * np.sign(rows[:, 0] * rows[:, 1])
    p = 1 / (1 + np.exp(-(pattern if steep else 1.5 * rows[:, 0] - rows[:, 1])))
    return rows, (rng.random(n) < p).astype(float), p


def brier(said: np.ndarray, labels: np.ndarray) -> float:
    return float(np.mean((said - labels) ** 2))


def test_a_line_is_found_in_few_rows() -> None:
    rows, labels, _ = made_up(60)
    unseen, _, p = made_up(500, seed=1)
    assert brier(fit_linear(rows, labels, ()).predict(unseen), p) < 0.04


def test_soft_labels_are_as_many_successes() -> None:
    rows, labels, _ = made_up(200)
    soft = fit_linear(rows, 0.25 + 0.5 * labels, ())
    hard = fit_linear(
        np.concatenate([rows] * 4),
        np.concatenate([labels, np.ones(200), np.zeros(200), labels]),
        (),
    )
    said, expected = (model.predict(rows) for model in (soft, hard))
    assert np.corrcoef(said, expected)[0, 1] > 0.999
    assert said == pytest.approx(expected, abs=0.03)


def test_numbers_that_are_names_and_numbers_that_never_change_have_no_coefficient() -> None:
    rows, labels, _ = made_up(100)
    rows[:, 2] = 7.0
    rows[::2, 3] = np.nan
    found = fit_linear(rows, labels, (0,))
    assert found.coefficients[0] == found.coefficients[2] == 0
    assert found.coefficients[1] < 0
    assert np.isfinite(found.predict(rows)).all()


@pytest.mark.parametrize(
    ("rows", "labels", "p"),
    [
        (np.zeros((0, 3)), np.zeros(0), 0.5),
        (np.zeros((9, 3)), np.ones(9), 0.95),
        (np.random.default_rng(0).normal(size=(9, 3)), np.zeros(9), 0.05),
        (np.full((20, 3), np.nan), np.tile([0.0, 1.0], 10), 0.5),
        (np.zeros((20, 0)), np.tile([0.0, 1.0], 10), 0.5),
    ],
    ids=["no rows", "always", "never", "nothing known", "no features"],
)
def test_where_nothing_can_be_told_apart_there_is_the_rate(
    rows: np.ndarray, labels: np.ndarray, p: float
) -> None:
    said = fit_linear(rows, labels, ()).predict(np.zeros((2, rows.shape[1])))
    assert said == pytest.approx([p, p])


def test_few_problems_leave_it_to_the_linear_model_and_many_to_the_trees() -> None:
    shares = []
    for seed in range(6):
        rows, labels, _ = made_up(100, seed=seed)
        shares.append(mix_in_folds(rows, labels, folds_of(np.arange(100), 0)).share)
    assert np.mean(shares) < 0.3
    rows, labels, _ = made_up(3000, steep=True)
    assert mix_in_folds(rows, labels, folds_of(np.arange(3000), 0)).share > 0.5


def test_the_mixture_is_the_best_of_the_shares_on_rows_not_fitted_to() -> None:
    rows, labels, _ = made_up(300)
    found = mix_in_folds(rows, labels, folds_of(np.arange(300), 0))
    losses = {s: log_loss(mixed(found.trees.said, found.linear.said, s), labels) for s in SHARES}
    assert losses[found.share] == min(losses.values())
    assert found.said == pytest.approx(mixed(found.trees.said, found.linear.said, found.share))


def test_a_calibration_that_few_rows_cannot_support_is_left_out() -> None:
    """Probabilities that were right already: a curve of thirty of them is noise."""
    rng = np.random.default_rng(0)
    worse, kept = 0.0, 0.0
    for seed in range(20):
        _, labels, p = made_up(30, seed=seed)
        folds = folds_of(np.arange(30), seed)
        unseen = rng.random(500)
        worse += brier(calibrate(p, labels, 30)(unseen), unseen)
        kept += brier(calibrate_shrunk(p, labels, folds, 30)(unseen), unseen)
    assert kept < 0.6 * worse


def test_a_calibration_that_many_rows_call_for_is_kept() -> None:
    _, labels, p = made_up(3000)
    too_sure = np.clip(1.8 * (p - 0.5) + 0.5, 0.001, 0.999)
    curve = calibrate_shrunk(too_sure, labels, folds_of(np.arange(3000), 0), 3000)
    assert brier(curve(too_sure), p) < 0.3 * brier(too_sure, p)


@given(
    st.lists(st.tuples(st.floats(0, 1), st.sampled_from([0.0, 0.5, 1.0])), min_size=1, max_size=30),
    st.integers(1, 50),
)
def test_a_calibration_never_falls_and_is_no_surer_than_so_many_problems_can_tell(
    data: list[tuple[float, float]], n_problems: int
) -> None:
    said, labels = np.array(data).T
    curve = calibrate_shrunk(said, labels, folds_of(np.arange(len(said)), 0), n_problems)
    found = curve(np.linspace(0, 1, 60))
    least = 1 / (n_problems + 2)
    assert (np.diff(found) >= 0).all()
    assert ((found >= least - 1e-12) & (found <= 1 - least + 1e-12)).all()


def test_of_no_rows_nothing_is_said() -> None:
    nothing = np.zeros(0)
    curve = calibrate_shrunk(nothing, nothing, np.zeros(0, dtype=int), 30)
    assert curve(np.array([0.1, 0.9])) == pytest.approx([0.5, 0.5])
