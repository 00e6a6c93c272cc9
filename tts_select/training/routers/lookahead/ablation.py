"""What each kind of feature is worth to the estimate of difficulty, on problems not trained on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tts_select.selector.features import Layout, columns
from tts_select.selector.routers.lookahead import Probe
from tts_select.training.replay.cases import Case
from tts_select.training.replay.metrics import auc, reliability
from tts_select.training.replay.walks import probed
from tts_select.training.routers.lookahead.boosting import boost, calibrate, fit_in_folds

if TYPE_CHECKING:
    from lightgbm import Booster

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
    """AUC (solvable or not), Brier and ECE (pass@1 of `policy`) with the features of each kind alone."""
    rng = np.random.default_rng(0)
    rows = np.stack(
        [
            layout.state(probed(probe.arm, case, case.order(rng)).evidence)
            for case in cases
            for _ in range(_DRAWS)
        ]
    )
    place = np.repeat(np.arange(len(cases)), _DRAWS)
    labels = np.array([case.pass_at_1(policy) for case in cases])[place]
    found: dict[str, dict[str, float]] = {"auc": {}, "brier": {}, "ece": {}}
    for name, kinds in KINDS.items():
        some = rows[:, columns(layout.state_names, kinds)]
        said = fit_in_folds(some, labels, fold_of[place], _fit).said
        measured = reliability(_cross_calibrated(said, labels, fold_of[place], len(cases)), labels)
        found["auc"][name] = auc(said, solvable[place])
        found["brier"][name], found["ece"][name] = measured["brier"], measured["ece"]
    return found


def _cross_calibrated(said: np.ndarray, labels: np.ndarray, folds: np.ndarray, n_problems: int) -> np.ndarray:
    """Each fold by the curve of the others: a curve fits its own labels too well to be measured on them."""
    found = np.empty_like(said)
    for k in np.unique(folds):
        curve = calibrate(said[folds != k], labels[folds != k], n_problems)
        found[folds == k] = curve(said[folds == k])
    return found


def _fit(rows: np.ndarray, labels: np.ndarray) -> Booster:
    return boost(rows, labels, probability=True)
