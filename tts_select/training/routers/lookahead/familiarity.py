"""Learns what the training problems are like, with limits calibrated on problems that the counts have not
seen."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tts_select.selector.familiarity import (
    DESCRIPTION,
    Familiarity,
    RunCounts,
    Usual,
    probe_names,
    probe_numbers,
)
from tts_select.selector.features import Layout
from tts_select.selector.routers.lookahead import Probe
from tts_select.training.replay.cases import Case
from tts_select.training.replay.walks import probed

REFUSED = 0.01
"""The share of problems like the training's that is to be refused for their texts."""
REFUSED_LATER = 0.002
"""The same for what their probes show: those have been paid for, and the router can use them."""
N_PARTS = 10
"""Each part is described by counts of the others."""
LEAST_SPREAD = 0.05
"""The least spread of a number, a logarithm or a share, that hardly varies in training."""


def fit_familiarity(
    cases: Sequence[Case], layout: Layout, probe: Probe, seed: int
) -> tuple[Familiarity, dict[str, float]]:
    """Return what is known about the problems, and how many like them are refused.

    The facts hold the share that was aimed at, and that of the training problems, each judged by limits of
    the others.
    """
    texts = [case.problem.problem for case in cases]
    part = np.random.default_rng(seed).permutation(len(cases)) % N_PARTS
    described = described_apart(texts, part)
    text, strange = usual_of(DESCRIPTION, described, part, REFUSED)
    probes = None
    if probe.n:
        names = probe_names(layout, probe.arm.pool, probe.prm)
        numbers = _probed(cases, layout, probe, seed)
        probes, strange_too = usual_of(names, numbers, part, REFUSED_LATER)
        strange |= strange_too
    facts = {"aimed_at": REFUSED + REFUSED_LATER, "refused": float(strange.mean())}
    return Familiarity(RunCounts.of(texts), text, probes), facts


def described_apart(texts: Sequence[str], part: np.ndarray) -> np.ndarray:
    """Describe each text by counts of the other parts, shape (texts, len(DESCRIPTION))."""
    found = np.empty((len(texts), len(DESCRIPTION)))
    for k in np.unique(part):
        counts = RunCounts.of([t for t, p in zip(texts, part, strict=True) if p != k])
        found[part == k] = [counts.describe(t) for t, p in zip(texts, part, strict=True) if p == k]
    return found


def limit_of(strangeness: np.ndarray, share: float) -> float:
    """Return the limit above which so many problems of the same kind lie.

    The conformal quantile where there are enough problems for one, else the prediction limit of Student's t
    distribution: a few problems do not show their own tail.
    """
    from scipy.stats import t

    n = len(strangeness)
    rank = math.ceil((n + 1) * (1 - share))
    if rank < n:
        return float(np.sort(strangeness)[rank - 1])
    spread = float(strangeness.std(ddof=1)) * math.sqrt(1 + 1 / n)
    return float(strangeness.mean()) + float(t.ppf(1 - share, n - 1)) * spread


def usual_of(
    names: Sequence[str], numbers: np.ndarray, part: np.ndarray, share: float
) -> tuple[Usual, np.ndarray]:
    """Return what is usual, with its limit, and which rows are beyond the limit that comes from the other
    parts."""
    strangeness = np.empty(len(numbers))
    for k in np.unique(part):
        strangeness[part == k] = _spread(names, numbers[part != k]).strangeness(numbers[part == k])
    limits = {int(k): limit_of(strangeness[part != k], share) for k in np.unique(part)}
    beyond = [strange > limits[int(k)] for strange, k in zip(strangeness, part, strict=True)]
    whole = _spread(names, numbers)
    limit = limit_of(strangeness, share)
    return Usual(whole.names, whole.means, whole.spreads, limit), np.array(beyond)


def _spread(names: Sequence[str], numbers: np.ndarray) -> Usual:
    known = np.ma.masked_invalid(numbers)
    means, spreads = known.mean(axis=0).filled(0.0), known.std(axis=0).filled(0.0)
    return Usual(
        tuple(names), tuple(means.tolist()), tuple(np.maximum(spreads, LEAST_SPREAD).tolist()), math.inf
    )


def _probed(cases: Sequence[Case], layout: Layout, probe: Probe, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    found = []
    for case in cases:
        evidence = probed(probe.first_look, case, case.order(rng)).evidence
        found.append(probe_numbers(layout, evidence, probe.arm.pool, probe.prm, probe.n))
    return np.array([row for row in found if row is not None], dtype=float)
