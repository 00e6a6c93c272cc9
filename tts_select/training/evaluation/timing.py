"""How long a router takes to decide."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from tts_select.selector.deciding import Caps
from tts_select.selector.evidence import Evidence
from tts_select.selector.routers.protocol import Router
from tts_select.training.evaluation.records import DecisionTime

N_TIMED = 60
"""Problems whose decisions are timed."""


def decision_times(router: Router, evidences: Sequence[Evidence], price: float) -> DecisionTime:
    """One decision for each of these, one after the other."""
    taken = []
    for evidence in evidences:
        began = time.perf_counter()
        router.decide([evidence], price, [Caps()])
        taken.append(1000 * (time.perf_counter() - began))
    return {"median": float(np.median(taken)), "p95": float(np.quantile(taken, 0.95))}
