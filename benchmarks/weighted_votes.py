"""Votes weighed by what a policy thinks of its own solutions, beside plain ones, on the samples of a log.

    tts-select world problems -n 72 --seed 29 --split validation --out problems.jsonl
    tts-select sweep --problems problems.jsonl --portfolio arms.yaml --samples 32 --out sweep/
    python benchmarks/weighted_votes.py sweep/ --samples 8

with the portfolio

    arms: [{policy: [world:small, world:large], method: self_certainty, budget: 8}]

For each pool that has certainties: the accuracy of each vote of `--samples` samples, in the mean over
`--orders` random orders of them, and what each gains over the plain one; and the AUC, within the problems
that have right and wrong solutions, by which a solution's likelihood and certainty tell them apart. 95 %
bootstrap intervals over problems.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from tts_select.core.arm import Arm
from tts_select.core.voting import likelihood
from tts_select.selector.evidence import SolutionEvidence
from tts_select.training.log.reading import read_log
from tts_select.training.replay.cases import Case, cases_of
from tts_select.training.replay.metrics import Interval, auc, mean_interval

METHODS = ("majority", "weighted_majority", "self_certainty")


def right(cases: Sequence[Case], arm: Arm, *, n_orders: int, seed: int) -> np.ndarray:
    """How often the arm is right, of each problem; the orders are the same for every arm."""
    rng = np.random.default_rng(seed)
    orders = [[case.order(rng) for _ in range(n_orders)] for case in cases]
    found = [
        np.mean([case.outcome(arm, order).correct for order in own])
        for case, own in zip(cases, orders, strict=True)
    ]
    return np.array(found)


def aucs(cases: Sequence[Case], pool: str) -> dict[str, Interval]:
    """Of the solutions that answer."""
    rated: dict[str, list[float]] = {"likelihood": [], "certainty": []}
    for case in cases:
        some = [s for s in case.observed[pool] if s.group >= 0]
        is_right = [case.is_right(s.group) == 1 for s in some]
        if any(is_right) and not all(is_right):
            rated["likelihood"].append(auc(np.array([_likelihood(s) for s in some]), is_right))
            rated["certainty"].append(auc(np.array([s.certainty for s in some]), is_right))
    return {name: mean_interval(np.array(values)) for name, values in rated.items() if values}


def _likelihood(solution: SolutionEvidence) -> float:
    found = likelihood(solution.logprob, solution.n_tokens)
    return math.nan if found is None else found


def _interval(found: Interval) -> str:
    return f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("log", type=Path)
    parser.add_argument("--samples", type=int, default=8)
    parser.add_argument("--orders", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    cases = cases_of(read_log(asked.log))
    arms = {
        name: Arm(pool.policy, None, "majority", asked.samples)
        for name, pool in cases[0].pools.items()
        if pool.temperature and all(s.certainty is not None for s in pool.samples)
    }
    for name, arm in arms.items():
        each = {
            method: right(cases, replace(arm, method=method), n_orders=asked.orders, seed=asked.seed)
            for method in METHODS
        }
        told = {f"{method}@{asked.samples}": _interval(mean_interval(of)) for method, of in each.items()}
        for method in METHODS[1:]:
            told[f"{method} - majority"] = _interval(mean_interval(each[method] - each["majority"]))
        told |= {f"AUC of {rating}": _interval(found) for rating, found in aucs(cases, name).items()}
        print(f"{name}, {len(cases)} problems, {len(cases[0].observed[name])} samples")
        for what, figure in told.items():
            print(f"  {what:<28} {figure}")


if __name__ == "__main__":
    main()
