"""Measures what each kind of feature is worth to the estimate of difficulty, on problems not trained on."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tts_select.selector.features import Layout, columns
from tts_select.selector.routers.lookahead import Probe
from tts_select.training.replay.cases import Case
from tts_select.training.replay.metrics import auc, reliability
from tts_select.training.replay.walks import probed
from tts_select.training.routers.lookahead.boosting import calibrate
from tts_select.training.routers.lookahead.shrinking import mix_in_folds

KINDS: dict[str, tuple[str, ...]] = {
    "text only": ("text",),
    "probes only": ("samples",),
    "PRM only": ("prm",),
    "all": ("text", "samples", "prm"),
}
_DRAWS = 4


def ablation(
    cases: Sequence[Case],
    layout: Layout,
    probe: Probe,
    policy: str,
    *,
    solvable: np.ndarray,
    fold_of: np.ndarray,
) -> dict[str, dict[str, float]]:
    """Return AUC (solvable or not), Brier and ECE (pass@1 of `policy`) with the features of each kind alone.

    Kinds that the portfolio does not have are left out, and so is an AUC where all problems are solvable, or
    none is.
    """
    rng = np.random.default_rng(0)
    rows = np.stack(
        [
            layout.state(probed(probe.first_look, case, case.order(rng)).evidence)
            for case in cases
            for _ in range(_DRAWS)
        ]
    )
    place = np.repeat(np.arange(len(cases)), _DRAWS)
    labels, folds = np.array([case.pass_at_1(policy) for case in cases])[place], fold_of[place]
    found: dict[str, dict[str, float]] = {"auc": {}, "brier": {}, "ece": {}}
    for name, kinds in KINDS.items():
        some = rows[:, columns(layout.state_names, kinds)]
        if not some.shape[1]:  # no PRM scores samples, or there are no samples
            continue
        said = mix_in_folds(some, labels, folds).said
        measured = reliability(_cross_calibrated(said, labels, folds, len(cases)), labels)
        found["brier"][name], found["ece"][name] = measured["brier"], measured["ece"]
        if not math.isnan(area := _auc_in_folds(said, solvable[place], folds)):
            found["auc"][name] = area
    return found


def _cross_calibrated(said: np.ndarray, labels: np.ndarray, folds: np.ndarray, n_problems: int) -> np.ndarray:
    """Calibrate each fold by the curve of the others: a curve fits its own labels too well to be measured
    on them."""
    found = np.empty_like(said)
    for k in np.unique(folds):
        curve = calibrate(said[folds != k], labels[folds != k], n_problems)
        found[folds == k] = curve(said[folds == k])
    return found


def _auc_in_folds(said: np.ndarray, happened: np.ndarray, folds: np.ndarray) -> float:
    """Return the mean over folds that have both; NaN without one.

    Models of two folds are not held against each other: the one that was fitted to more right problems is
    asked about those that have fewer.
    """
    found = [auc(said[folds == k], happened[folds == k]) for k in np.unique(folds)]
    known = [area for area in found if not math.isnan(area)]
    return float(np.mean(known)) if known else math.nan
