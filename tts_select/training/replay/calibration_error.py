"""Is a probability as sure as it should be? A calibration error beside what perfect calibration would show.

With a few hundred outcomes an expected calibration error is above zero by chance alone, and it is larger in
bins that few predictions fall in. So bins are of equal mass, and the error stands beside its null: what a
forecaster that says the same, and is right as often as it says, would show on as many problems (consistency
resampling, Broecker and Smith 2007, doi:10.1175/WAF993.1). Outcomes of one problem go together, so the error
is of one outcome a problem at a time, which is called a view here: an arm, a policy, a draw.
"""

from __future__ import annotations

import math
from typing import NotRequired, TypedDict

import numpy as np

from tts_select.training.replay import metrics
from tts_select.training.replay.metrics import N_BINS, Reliability, reliability

SURE = 0.95
_NUMBERS = 1 << 23
"""How many outcomes are drawn at a time."""


class Null(TypedDict):
    """What a perfectly calibrated forecaster would show: on average, and at most in 95 of 100 cases."""

    mean: float
    high: float


class Calibrated(TypedDict):
    """How far predictions are from what happened, on problems that count once each."""

    n: int
    ece: float
    """In ten bins of equal mass."""
    null: Null
    """Of that error."""
    brier: float
    brier_skill: float
    """How much of the Brier score of always saying the mean is gone; 0 is no better than that."""


class ReliabilityRecord(Reliability):
    """Predictions of all views together, and the means over views of what each of them shows."""

    ece_equal_mass: float
    ece_null: Null
    brier_skill: float
    by: NotRequired[dict[str, Calibrated]]
    """Each view, where they have names."""


def in_views(said: np.ndarray, happened: np.ndarray, view: np.ndarray, *, seed: int = 0) -> ReliabilityRecord:
    """Return all of it; `view` says of which view each prediction is, which has one of each problem at most.
    Views that are strings are in the record by their names.

    Labels may be soft: a success rate counts as that many successes.
    """
    by = {key: calibrated(said[view == key], happened[view == key], seed=seed) for key in np.unique(view)}
    pooled = reliability(said, happened)
    found: ReliabilityRecord = {
        "ece": pooled["ece"],
        "brier": pooled["brier"],
        "n": pooled["n"],
        "bins": pooled["bins"],
        "ece_equal_mass": _mean([one["ece"] for one in by.values()]),
        "ece_null": {
            "mean": _mean([one["null"]["mean"] for one in by.values()]),
            "high": _mean([one["null"]["high"] for one in by.values()]),
        },
        "brier_skill": _mean([one["brier_skill"] for one in by.values()]),
    }
    if view.dtype.kind in "UO":
        found["by"] = {str(key): one for key, one in by.items()}
    return found


def _mean(values: list[float]) -> float:
    """Of those that there are."""
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan


def calibrated(said: np.ndarray, happened: np.ndarray, *, seed: int = 0) -> Calibrated:
    """Return the figures of one view."""
    places = equal_mass(said)
    gaps = [float(np.mean(said[k] - happened[k])) for k in places]
    brier, spread = float(np.mean((said - happened) ** 2)), float(np.var(happened))
    return {
        "n": len(said),
        "ece": float(_error(places, np.abs(gaps))),
        "null": null_of(said, happened, seed=seed),
        "brier": brier,
        "brier_skill": 1 - brier / spread if spread > 0 else float("nan"),
    }


def equal_mass(said: np.ndarray) -> list[np.ndarray]:
    """Return the places of the predictions in each of ten bins that have almost as many, from low to high.
    Equal predictions share a bin, so there may be fewer bins."""
    _, inverse, n = np.unique(said, return_inverse=True, return_counts=True)
    middle = n.cumsum() - (n + 1) / 2  # the mean place of each distinct prediction when they are sorted
    bins = np.minimum((middle * N_BINS / len(said)).astype(int), N_BINS - 1)[inverse]
    return [np.flatnonzero(bins == k) for k in np.unique(bins)]


def null_of(said: np.ndarray, happened: np.ndarray, *, seed: int = 0) -> Null:
    """Return the error that would be seen if what was said were right: outcomes are drawn with these
    probabilities. Success rates differ less from what was said than outcomes do; they are what was said plus
    what is left of them in their bin, resampled."""
    rng = np.random.default_rng(seed)
    is_soft = bool(((happened > 0) & (happened < 1)).any())
    places, errors = equal_mass(said), []
    for k in places:
        at_once = max(1, _NUMBERS // len(k))
        sizes = [min(at_once, metrics.N_RESAMPLES - at) for at in range(0, metrics.N_RESAMPLES, at_once)]
        gaps = [_drawn(said[k], happened[k], (n, len(k)), rng, is_soft=is_soft).mean(axis=1) for n in sizes]
        errors.append(np.abs(np.concatenate(gaps)))
    found = _error(places, np.stack(errors))
    return {"mean": float(found.mean()), "high": float(np.quantile(found, SURE))}


def _drawn(
    said: np.ndarray, happened: np.ndarray, shape: tuple[int, int], rng: np.random.Generator, *, is_soft: bool
) -> np.ndarray:
    """Outcomes less what was said of them, a row a resample."""
    rest = happened - said
    found: np.ndarray = (
        (rest - rest.mean())[rng.integers(len(rest), size=shape)]
        if is_soft
        else (rng.random(shape) < said) - said
    )
    return found


def _error(places: list[np.ndarray], gaps: np.ndarray) -> np.ndarray:
    shares = np.array([len(k) for k in places], float)
    found: np.ndarray = shares / shares.sum() @ gaps
    return found
