"""How a router behaves: is it as sure as it should be, what does it run and refuse, how fast is it?"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from tts_select.selector.deciding import Caps
from tts_select.selector.difficulty import bin_of
from tts_select.training.evaluation.difficulty import Estimate, estimates, first_looks
from tts_select.training.evaluation.frontier import PROBES
from tts_select.training.evaluation.kinds import kind_of
from tts_select.training.evaluation.measured import Measured
from tts_select.training.evaluation.records import DecisionTime
from tts_select.training.evaluation.timing import N_TIMED, decision_times
from tts_select.training.replay.calibration_error import ReliabilityRecord, in_views

BINS = ("easy", "medium", "hard")


def calibrations(measured: Measured, estimate: Estimate | None) -> dict[str, ReliabilityRecord]:
    """Of the estimated difficulty, of what is particular to the kind, and of the confidence in the answers at
    the middle price; what a router does not say is left out."""
    found = {**_difficulty(measured, estimate), **kind_of(measured.parts[0].router).calibrations(measured)}
    walked = measured.frontier.walked[measured.middle]
    draw = np.repeat(np.arange(len(walked.correct)), walked.correct.shape[1])
    said, right = walked.confidence.ravel(), walked.correct.ravel()
    if (known := ~np.isnan(said)).any():
        found["confidence"] = in_views(said[known], right[known], draw[known])
    return found


def _difficulty(measured: Measured, estimate: Estimate | None) -> dict[str, ReliabilityRecord]:
    """Of all policies if the router estimates them, else of the one that `estimate` is about."""
    if found := estimates(measured.parts, measured.cases, measured.seed):
        said = np.concatenate([e.pass_at_1 for e in found.values()])
        known = np.concatenate([measured.pass_at_1_of(policy) for policy in found])
        view = np.repeat(list(found), len(measured.cases))
        return {"difficulty": in_views(said, known, view)}
    if estimate is None:
        return {}
    view = np.repeat([measured.policy], len(measured.cases))
    return {"difficulty": in_views(estimate.pass_at_1, measured.pass_at_1, view)}


def choices(measured: Measured) -> dict[str, dict[str, float]]:
    """By the difficulty of the problems: what ran last at the middle price, as shares. Where every arm is a
    vote of samples that are drawn one by one, it is the policy that drew last."""
    policy_of = {arm.name: arm.policy for part in measured.parts for arm in part.router.portfolio.arms}
    counts: dict[str, Counter[str]] = {name: Counter() for name in BINS}
    for walks in measured.frontier.walked[measured.middle].last:
        for pass_at_1, last in zip(measured.pass_at_1, walks, strict=True):
            label = policy_of.get(last, PROBES) if measured.is_imported else last
            counts[bin_of(float(pass_at_1))][label] += 1
    return {k: {name: n / c.total() for name, n in c.most_common()} for k, c in counts.items() if c}


def unfamiliar_share(measured: Measured) -> float:
    """Of the problems, those that the router refused as unlike its training problems."""
    return float(measured.frontier.walked[measured.middle].is_unfamiliar.mean())


def decision_ms(measured: Measured) -> DecisionTime:
    """One decision, features included, after the first look."""
    part, price = measured.parts[0], measured.frontier.prices[measured.middle]
    timed = replace(part, places=part.places[:N_TIMED])
    evidences = [w.evidence for _, looks in first_looks(timed, measured.cases, 0) for w in looks]
    part.router.decide(evidences[:1], price, [Caps()])
    return decision_times(part.router, evidences, price)
