"""How many problems a staged router needs: trained on some problems of a log, measured on all others.

    python benchmarks/staged_learning.py LOG [--policies A,B] [--sizes 24,96] [--margins 0.05,0.1]

Each repeat picks other training problems. The measure is the cheapest fixed arm within half a point of the
best on the problems that are left, of at most as many samples as a ladder draws: how much more accurate the
router is at some shares of that arm's cost, and at what share it is as accurate. With two margins
(`training.staged.searching.MARGIN`) both train on the same problems, and their differences are shown too.
LOG may be an imported log or a sweep.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from markdown import table

from tts_select.selector.routers.ladder import LadderRouter
from tts_select.training.evaluation.ladder_report import NEAR, score_of
from tts_select.training.evaluation.ladders import replayed
from tts_select.training.log.reading import read_log
from tts_select.training.log.records import SweepLog
from tts_select.training.replay.fixed import accuracy_at, cheapest_as_accurate, cost_at
from tts_select.training.replay.orders import Replay, replay_of, with_policies
from tts_select.training.replay.strategies import fixed_arms
from tts_select.training.routers.ladder import searching
from tts_select.training.routers.ladder.fit import fit_replay, orders_for, prices_for

SHARES = (0.25, 0.35, 0.5, 0.7)
N_ORDERS = 12
"""Of each problem that it is measured on."""
NEVER = 4.0
"""The share of an arm's cost that stands for never being as accurate."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("log", type=Path)
    parser.add_argument("--policies", type=lambda text: text.split(","))
    parser.add_argument("--sizes", type=_numbers(int), default=[24, 48, 96, 192])
    parser.add_argument("--repeats", type=int, default=24)
    parser.add_argument("--margins", type=_numbers(float), default=[searching.MARGIN])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    log = read_log(options.log)
    if options.policies:
        log = with_policies(log, options.policies)
    tasks = [(n, seed) for n in options.sizes for seed in range(options.repeats)]
    found = Parallel(n_jobs=-1, return_as="generator")(
        delayed(one)(log, n, options.margins, seed) for n, seed in tasks
    )
    rows = []
    for (n, seed), by_margin in zip(tasks, found, strict=True):
        rows += [
            {"n": n, "seed": seed, "margin": margin, **measured} for margin, measured in by_margin.items()
        ]
        if options.json:
            print(json.dumps(rows[-len(by_margin) :]), flush=True)
    if not options.json:
        print("\n".join(summary(rows, options.sizes, options.margins)))


def one(log: SweepLog, n: int, margins: Sequence[float], seed: int) -> dict[float, dict[str, float]]:
    """Of one choice of training problems, for each margin."""
    order = np.random.default_rng(seed).permutation(list(log.problems))
    learning = replay_of(_of(log, order[:n]), n_orders=orders_for(n), seed=seed)
    other = replay_of(_of(log, order[n:]), n_orders=N_ORDERS, seed=seed + 1000)
    prices, measured = prices_for(learning)[::2], {}
    for margin in margins:
        searching.MARGIN = margin
        router = fit_replay(learning, prices, {}, seed=seed)
        measured[margin] = against_fixed(router, other)
    return measured


def against_fixed(router: LadderRouter, replay: Replay) -> dict[str, float]:
    """What the router is against the cheapest fixed arm that is near the best."""
    fixed = fixed_arms(replay).items()
    scores = {a.name: score_of(replay, found) for a, found in fixed if a.budget <= searching.MOST_DRAWS}
    best = max(score.accuracy for score in scores.values())
    arm = cheapest_as_accurate(scores, best - NEAR)
    walked = replayed(router, replay)
    points = [score_of(replay, found) for found in zip(walked.correct, walked.cost, strict=True)]
    every = np.arange(len(arm.correct))
    share = cost_at(points, arm.accuracy, every) / arm.cost
    return {
        "log_share": float(np.log(min(share, NEVER))),
        **{f"at {s}": accuracy_at(points, s * arm.cost, every) - arm.accuracy for s in SHARES},
    }


def summary(rows: list[dict[str, Any]], sizes: Sequence[int], margins: Sequence[float]) -> list[str]:
    """Means over repeats, with 95 % intervals of the mean."""
    columns = [f"at {s}" for s in SHARES]
    shown = []
    for n in sizes:
        of = {m: [r for r in rows if (r["n"], r["margin"]) == (n, m)] for m in margins}
        for margin in margins:
            share = np.exp([r["log_share"] for r in of[margin]])
            cells = [_mean([r[c] for r in of[margin]]) for c in columns]
            shown.append((f"{n}, {margin:g}", f"{np.median(share):.2f}", *cells))
        for margin in margins[1:]:
            pairs = list(zip(of[margin], of[margins[0]], strict=True))
            cells = [_mean([a[c] - b[c] for a, b in pairs]) for c in ["log_share", *columns]]
            shown.append((f"{n}, {margin:g} less {margins[0]:g}", *cells))
    head = ("problems, margin", "share of the cost (median; differences: its logarithm)", *columns)
    return list(table(head, shown))


def _mean(values: Sequence[float]) -> str:
    """A share of the cost that is below every point of a frontier is left out."""
    known = np.array([v for v in values if not np.isnan(v)])
    half = 1.96 * known.std(ddof=1) / len(known) ** 0.5 if len(known) > 1 else float("nan")
    return f"{known.mean():+.3f} ± {half:.3f}"


def _of(log: SweepLog, ids: Iterable[str]) -> SweepLog:
    """With these problems alone."""
    return replace(log, problems={i: log.problems[i] for i in sorted(ids)})


def _numbers(kind: type) -> Any:
    return lambda text: [kind(value) for value in text.split(",")]


if __name__ == "__main__":
    main()
