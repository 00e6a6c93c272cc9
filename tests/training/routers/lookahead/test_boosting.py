from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_select.training.routers.lookahead.boosting import N_FOLDS, boost, calibrate, fit_in_folds, folds_of


def made_up(n: int = 600, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two features and a soft label that rises with the first one."""
    rng = np.random.default_rng(seed)
    rows = rng.random((n, 2))
    return rows, np.clip(rows[:, 0] + rng.normal(0, 0.2, n), 0, 1)


@given(st.lists(st.integers(0, 40), min_size=1), st.integers(0, 99))
def test_all_rows_of_a_problem_are_in_the_same_fold(problems: list[int], seed: int) -> None:
    folds = folds_of(np.array(problems), seed)
    by_problem = {p: {int(f) for q, f in zip(problems, folds, strict=True) if q == p} for p in problems}
    assert all(len(found) == 1 for found in by_problem.values())
    assert set(folds.tolist()) <= set(range(N_FOLDS))


@given(st.integers(3, 100), st.integers(0, 99))
def test_folds_have_the_same_size(n: int, seed: int) -> None:
    counts = np.bincount(folds_of(np.arange(n), seed), minlength=N_FOLDS)
    assert counts.max() - counts.min() <= 1


def test_probabilities_follow_soft_labels() -> None:
    rows, labels = made_up()
    said = np.asarray(boost(rows, labels, probability=True).predict(rows))
    assert ((said > 0) & (said < 1)).all()
    assert np.corrcoef(said, rows[:, 0])[0, 1] > 0.9


def test_the_same_rows_give_the_same_model() -> None:
    rows, labels = made_up()
    one, other = (boost(rows, labels, probability=True).model_to_string() for _ in range(2))
    assert one == other


def test_a_rising_column_never_lowers_a_prediction() -> None:
    rows, labels = made_up()
    falling = boost(rows, 1 - labels, probability=False, rising=[0])
    grid = np.stack([np.linspace(0, 1, 50), np.full(50, 0.5)], axis=1)
    assert (np.diff(np.asarray(falling.predict(grid))) >= 0).all()
    free = boost(rows, 1 - labels, probability=False)
    assert (np.diff(np.asarray(free.predict(grid))) < 0).any()


def test_what_is_not_known_is_no_obstacle() -> None:
    rows, labels = made_up()
    rows[::3] = np.nan
    assert np.isfinite(np.asarray(boost(rows, labels, probability=True).predict(rows))).all()


def test_no_row_is_judged_by_a_model_that_has_seen_its_fold() -> None:
    class Model:
        def __init__(self, known: set[int]) -> None:
            self.known = known

        def predict(self, rows: np.ndarray) -> np.ndarray:
            assert not self.known & set(rows[:, 0].astype(int).tolist())
            return rows[:, 0] / 100

    def fit(rows: np.ndarray, labels: np.ndarray) -> Model:
        return Model(set(rows[:, 0].astype(int).tolist()))

    rows = np.arange(30.0)[:, None]
    folds = folds_of(np.arange(30), 0)
    fitted = fit_in_folds(rows, np.zeros(30), folds, fit)
    assert fitted.said == pytest.approx(rows[:, 0] / 100)
    assert fitted.whole.known == set(range(30))
    for k, model in enumerate(fitted.by_fold):
        assert model.known == set(np.flatnonzero(folds != k).tolist())


def pooled(labels: list[float]) -> list[float]:
    """Isotonic regression by merging neighbours that are out of order, one by one."""
    blocks = [[label] for label in labels]
    while True:
        means = [sum(b) / len(b) for b in blocks]
        wrong = next((k for k in range(len(means) - 1) if means[k] > means[k + 1] + 1e-12), None)
        if wrong is None:
            return [m for b, m in zip(blocks, means, strict=True) for _ in b]
        blocks[wrong : wrong + 2] = [blocks[wrong] + blocks[wrong + 1]]


@given(st.lists(st.integers(0, 8).map(lambda k: k / 8), min_size=2, max_size=12), st.integers(1, 50))
def test_a_calibration_is_isotonic_regression_away_from_certainty(
    labels: list[float], n_problems: int
) -> None:
    said = np.linspace(0.1, 0.9, len(labels))
    curve = calibrate(said, np.array(labels), n_problems)
    least = 1 / (n_problems + 2)
    assert curve(said) == pytest.approx(np.clip(pooled(labels), least, 1 - least))


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=30))
def test_a_calibration_never_falls_and_keeps_the_mean_but_for_the_ends(
    data: list[tuple[float, float]],
) -> None:
    said, labels = np.array(data).T
    curve = calibrate(said, labels, 10**9)
    assert (np.diff(curve(np.linspace(0, 1, 50))) >= 0).all()
    assert curve(said).mean() == pytest.approx(labels.mean(), abs=1e-6)


@pytest.mark.parametrize(("label", "n_problems", "p"), [(1.0, 48, 0.98), (0.0, 48, 0.02), (1.0, 1, 2 / 3)])
def test_what_always_happened_is_as_sure_as_the_rule_of_succession(
    label: float, n_problems: int, p: float
) -> None:
    """However many rows say so: the rows of one problem are no evidence about others."""
    curve = calibrate(np.linspace(0, 1, 500), np.full(500, label), n_problems)
    assert curve(np.array([0.0, 0.5, 1.0])) == pytest.approx([p, p, p])
