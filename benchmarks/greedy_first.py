"""What the prior gains by a greedy solution as the first of its samples.

    python benchmarks/greedy_first.py SWEEP --policy large --max-samples 4

Replays the prior on the samples of one policy of a sweep, in random orders, with its greedy solution and
without it, at the prices of its efforts and at dearer ones: accuracy, tokens a problem, ECE; and how many
points more often it is right with it, with a 95 % bootstrap interval over problems.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from tts_select.data.prior.artifacts import PRIOR
from tts_select.solving.naming import prior_in
from tts_select.training.log.reading import read_log
from tts_select.training.replay.calibration_error import calibrated
from tts_select.training.replay.cases import cases_of
from tts_select.training.replay.metrics import mean_interval
from tts_select.training.replay.orders import random_orders, with_policies
from tts_select.training.replay.walks import Walk, walk_in
from tts_select.training.routers.prior.binding import on_log

DEARER = {"price 0.06": 0.06, "price 0.2": 0.2}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sweep", type=Path)
    parser.add_argument("--policy", required=True)
    parser.add_argument("--max-samples", type=int, default=4)
    parser.add_argument("--orders", type=int, default=32)
    asked = parser.parse_args()
    log = with_policies(read_log(asked.sweep), [asked.policy])
    begun = on_log(prior_in(PRIOR), log, asked.max_samples)
    cases = cases_of(log)
    drawn = [order for some in random_orders(cases, asked.orders, 0) for order in some]
    each = [case for case in cases for _ in range(asked.orders)]
    for name, price in {**begun.prices, **DEARER}.items():
        right = {}
        for what, router in (("samples alone", replace(begun, greedy=None)), ("greedy first", begun)):
            right[what] = _shown(f"{what:13} {name:10}", walk_in(router, each, drawn, price))
        gain = 100 * (right["greedy first"] - right["samples alone"]).reshape(len(cases), -1).mean(axis=1)
        found = mean_interval(gain)
        print(f"{name:24} {found.value:+.1f} points ({found.low:+.1f} to {found.high:+.1f})")


def _shown(what: str, walks: Sequence[Walk]) -> np.ndarray:
    right = np.array([walk.correct for walk in walks])
    tokens = np.mean([walk.tokens for walk in walks])
    ece = calibrated(np.array([walk.confidence for walk in walks]), right)["ece"]
    print(f"{what} {right.mean():.3f} for {tokens:.0f} tokens, ECE {ece:.3f}")
    return right


if __name__ == "__main__":
    main()
