"""What the prior would gain if the first of its samples were the greedy one.

    python benchmarks/greedy_first.py SWEEP --policy large

Replays the prior on the samples of one policy of a sweep, in random orders, as it is and with the greedy
solution before the samples, at the prices of its efforts and at dearer ones: accuracy, tokens a problem, ECE.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from tts_select.data.prior.artifacts import PRIOR
from tts_select.solving.naming import prior_in
from tts_select.training.log.manifest import pools_of
from tts_select.training.log.reading import read_log
from tts_select.training.log.records import SweepLog
from tts_select.training.replay.calibration_error import calibrated
from tts_select.training.replay.cases import Case, Order, cases_of
from tts_select.training.replay.orders import single_sample, with_policies
from tts_select.training.replay.walks import Walk, walk_in

DEARER = {"price 0.06": 0.06, "price 0.2": 0.2}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sweep", type=Path)
    parser.add_argument("--policy", required=True)
    parser.add_argument("--orders", type=int, default=8)
    asked = parser.parse_args()
    log = with_policies(read_log(asked.sweep), [asked.policy])
    plans = {plan.arm.temperature > 0: plan.arm for plan in pools_of(log.manifest.arms).values()}
    arm, prior = plans[True], prior_in(PRIOR)
    begun = with_first(log, plans[False].pool, arm.pool)
    for what, swept, n_first in (("as it is", log, 0), ("greedy first", begun, 1)):
        cases = [case for case in cases_of(swept) for _ in range(asked.orders)]
        orders = orders_of(cases, arm.pool, n_first)
        most = max(len(case.observed[arm.pool]) for case in cases)
        router = prior.on(replace(single_sample(arm), budget=most))
        for name, price in {**router.prices, **DEARER}.items():
            _show(f"{what:13} {name:10}", walk_in(router, cases, orders, price))


def with_first(log: SweepLog, greedy: str, pool: str) -> SweepLog:
    """The log with the greedy solution of each problem before its samples."""
    joined = {
        (i, pool): replace(
            log.pools[i, pool], samples=log.pools[i, greedy].samples + log.pools[i, pool].samples
        )
        for i in log.problems
    }
    return replace(log, pools={**log.pools, **joined})


def orders_of(cases: Sequence[Case], pool: str, n_first: int) -> list[Order]:
    """A random order of the pool of each case, whose first samples stay where they are."""
    rng = np.random.default_rng(0)
    rest = (rng.permutation(len(case.observed[pool]) - n_first) + n_first for case in cases)
    return [Order({pool: np.append(np.arange(n_first), places)}, 0) for places in rest]


def _show(what: str, walks: Sequence[Walk]) -> None:
    right = np.array([walk.correct for walk in walks])
    tokens = np.mean([walk.tokens for walk in walks])
    ece = calibrated(np.array([walk.confidence for walk in walks]), right)["ece"]
    print(f"{what} {right.mean():.3f} for {tokens:.0f} tokens, ECE {ece:.3f}")


if __name__ == "__main__":
    main()
