"""Resamples of problems and trainings as shares, against drawing them one by one."""

from __future__ import annotations

import numpy as np
import pytest

from tts_select.training.replay import metrics, resampling
from tts_select.training.replay.curves import Curve
from tts_select.training.replay.envelope import envelope_of
from tts_select.training.replay.fixed import Score
from tts_select.training.replay.metrics import mean_interval
from tts_select.training.replay.resampling import Resamples, interval, mean_of_all, standard_error

N = 40


def picks(n_trainings: int) -> np.ndarray:
    """The trainings of each resample, as they are drawn."""
    shape = metrics.N_RESAMPLES, n_trainings - 1
    return np.random.default_rng((0, n_trainings)).integers(n_trainings, size=shape)


def test_means_of_shares_are_means_of_what_was_drawn() -> None:
    values = np.random.default_rng(1).random((3, N))
    found = Resamples.of(N, 3).means(values)
    places = metrics.resamples(N, metrics.N_RESAMPLES, 0)
    slow = [values[some][:, here].mean() for some, here in zip(picks(3), places, strict=True)]
    assert found == pytest.approx([values.mean(), *slow])


def test_one_training_has_the_intervals_of_its_problems() -> None:
    values = np.random.default_rng(2).random(N)
    assert mean_of_all(values).as_dict() == pytest.approx(mean_interval(values).as_dict())
    assert mean_of_all(np.stack([values] * 3)).as_dict() == pytest.approx(mean_interval(values).as_dict())


def test_trainings_that_differ_widen_the_interval_by_their_standard_error() -> None:
    """Three trainings that differ by a number alone: the mean of three has the spread over the root of 3."""
    shift = np.array([-0.1, 0.0, 0.1])
    values = np.random.default_rng(3).normal(0.5, 0.01, (1, 5000)) + shift[:, None]
    found = Resamples.of(5000, 3).means(values)
    assert standard_error(found) == pytest.approx(shift.std(ddof=1) / 3**0.5, rel=0.1)
    assert interval(found).value == pytest.approx(0.5, abs=1e-3)


def test_a_curve_has_the_frontier_of_every_resample() -> None:
    rng = np.random.default_rng(4)
    points = [Score(rng.random(N), rng.random(N) + k) for k in range(1, 6)]
    found = Curve.of(points)
    places = metrics.resamples(N, metrics.N_RESAMPLES, 0)
    for row, here in zip(found.envelopes[1:30], places, strict=False):
        slow = envelope_of(points, here)
        assert row.costs == pytest.approx(slow.costs)
        assert row.accuracies == pytest.approx(slow.accuracies)
    whole = envelope_of(points, np.arange(N))
    assert found.envelopes[0].accuracies == pytest.approx(whole.accuracies)


def test_a_curve_of_several_trainings_is_the_mean_of_those_drawn() -> None:
    rng = np.random.default_rng(5)
    correct, cost = rng.random((2, 3, N)), rng.random((2, 3, N))
    found = Curve.of([Score(*both) for both in zip(correct, cost, strict=True)])
    place, some = metrics.resamples(N, metrics.N_RESAMPLES, 0)[6], picks(3)[6]
    assert found.accuracies[7] == pytest.approx(correct[:, some][..., place].mean(axis=(1, 2)))
    assert found.costs[7] == pytest.approx(cost[:, some][..., place].mean(axis=(1, 2)))


@pytest.mark.parametrize("numbers", [1, 7 * N, 10**9])
def test_however_many_resamples_are_held_at_a_time(numbers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(6).random((3, N))
    whole = Resamples.of(N, 3, seed=8)
    monkeypatch.setattr(resampling, "_NUMBERS", numbers)
    resampling._resamples.cache_clear()
    parts = Resamples.of(N, 3, seed=8)
    np.testing.assert_array_equal(parts.problems, whole.problems)
    assert parts.means(values) == pytest.approx(whole.means(values), rel=1e-12)
    assert parts.problems.dtype == np.uint8
