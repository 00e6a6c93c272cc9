"""What outcomes say: how often answers were right, and whether as often as they were said to be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tts_select.solving.outcomes import Outcome
from tts_select.training.replay.metrics import mean_interval, reliability
from tts_select.training.routers.recalibrating import measured

UNKNOWN_KIND = "not said"
"""The kind of a confidence that came without one."""


def summary_of(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The record for JSON: accuracy of all, and ECE, Brier score and a reliability table of each kind of
    confidence. Intervals are of a bootstrap over problems."""
    kinds = dict.fromkeys(o.confidence_kind or UNKNOWN_KIND for o in outcomes if o.confidence is not None)
    right = np.array([bool(o.correct) for o in outcomes], float)
    return {
        "n": len(outcomes),
        "n_without_confidence": sum(o.confidence is None for o in outcomes),
        "accuracy": mean_interval(right).as_dict(),
        "confidence": {kind: _of_kind(outcomes, kind) for kind in kinds},
    }


def _of_kind(outcomes: Sequence[Outcome], kind: str) -> dict[str, Any]:
    found = [
        (o.confidence, bool(o.correct))
        for o in outcomes
        if o.confidence is not None and (o.confidence_kind or UNKNOWN_KIND) == kind
    ]
    said, right = np.array(found, float).T
    ece, brier, accuracy = measured(said, right)
    return {
        "n": len(found),
        "accuracy": accuracy.as_dict(),
        "mean": float(said.mean()),
        "ece": ece.as_dict(),
        "brier": brier.as_dict(),
        "bins": reliability(said, right)["bins"],
    }
