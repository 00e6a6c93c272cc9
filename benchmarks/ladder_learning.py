"""How many problems a ladder router needs: trained on some problems of a log, measured on all others.

    python benchmarks/ladder_learning.py LOG [--prior FOLDER] [--policies A,B] [--sizes 24,96] [--repeats 24]

Each repeat picks other training problems. Ladders that start from nothing, ladders that start from a prior,
and, for a single policy, the prior alone are measured on the same problems, against the cheapest fixed arm
within half a point of the best: the accuracy above that arm's at some shares of its cost. LOG may be an
imported log or a sweep; the prior must not have seen it (by default it is the shipped one).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from markdown import table

from tts_select.data.prior.artifacts import PRIOR
from tts_select.selector.routers.ladder import LadderRouter
from tts_select.selector.routers.prior import DEFAULT_BUDGET, PriorRouter
from tts_select.solving.naming import prior_in
from tts_select.training.evaluation.baselines import score_of
from tts_select.training.evaluation.comparing import NEAR
from tts_select.training.evaluation.ladder import climber_over
from tts_select.training.evaluation.prior import PRICES, sampler_over
from tts_select.training.log.reading import read_log
from tts_select.training.log.records import SweepLog
from tts_select.training.replay.cases import cases_of
from tts_select.training.replay.envelope import accuracy_at
from tts_select.training.replay.fixed import Score, cheapest_as_accurate
from tts_select.training.replay.orders import Replay, replay_of, with_policies
from tts_select.training.replay.strategies import fixed_arms
from tts_select.training.routers.ladder.fit import fit_replay, orders_for, prices_for

SHARES = (0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9)
N_ORDERS = 12
"""Of each problem that it is measured on."""
NOTHING, STARTED, PRIOR_ALONE = "ladder from nothing", "ladder from the prior", "prior alone"

Points = Sequence[Score]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("log", type=Path)
    parser.add_argument("--prior", type=Path, default=PRIOR)
    parser.add_argument("--policies", type=lambda text: text.split(","))
    parser.add_argument("--sizes", type=_sizes, default=[24, 48, 96, 192])
    parser.add_argument("--repeats", type=int, default=24)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    log = read_log(options.log)
    if options.policies:
        log = with_policies(log, options.policies)
    prior = prior_in(options.prior)
    tasks = [(n, seed) for n in options.sizes for seed in range(options.repeats)]
    found = Parallel(n_jobs=-1, return_as="generator")(delayed(one)(log, prior, n, seed) for n, seed in tasks)
    rows = []
    for (n, seed), measured in zip(tasks, found, strict=True):
        rows.append({"n": n, "seed": seed, **measured})
        if options.json:
            print(json.dumps(rows[-1]), flush=True)
    if not options.json:
        print("\n".join(summary(rows, options.sizes)))


def one(log: SweepLog, prior: PriorRouter, n: int, seed: int) -> dict[str, list[float]]:
    """Of one choice of training problems: the accuracy of each router above the fixed arm's, at each of
    `SHARES`; NaN below its cheapest point."""
    ids = sorted(case.problem.id for case in cases_of(log))
    order = np.random.default_rng(seed).permutation(ids)
    learning = replay_of(_of(log, order[:n]), n_orders=orders_for(n), seed=seed)
    other = replay_of(_of(log, order[n:]), n_orders=N_ORDERS, seed=seed + 1000)
    prices = prices_for(learning)[::2]
    frontiers: dict[str, Callable[[], Points]] = {
        NOTHING: lambda: climbed(fit_replay(learning, prices, {}, seed=seed), other),
        STARTED: lambda: climbed(fit_replay(learning, prices, {}, seed=seed, prior=prior.prior), other),
    }
    if len(other.draws) == 1:
        frontiers[PRIOR_ALONE] = lambda: sampled(prior, other)
    arm = near_best(other)
    return {name: above(points(), arm) for name, points in frontiers.items()}


def climbed(router: LadderRouter, replay: Replay) -> Points:
    """The frontier of ladders."""
    at = climber_over(router, replay)
    return [at(ladder.price).score for ladder in router.ladders]


def sampled(prior: PriorRouter, replay: Replay) -> Points:
    """The frontier of the prior on the only pool."""
    (pool,) = replay.draws
    at = sampler_over(prior.on(replace(replay.arms[pool], budget=DEFAULT_BUDGET), replay.unit), replay)
    return [at(float(price) / DEFAULT_BUDGET).score for price in PRICES]


def near_best(replay: Replay) -> Score:
    """The cheapest fixed arm that is within half a point of the best."""
    scores = {arm.name: score_of(replay, found) for arm, found in fixed_arms(replay).items()}
    best = max(score.accuracy for score in scores.values())
    return cheapest_as_accurate(scores, best - NEAR)


def above(points: Points, arm: Score) -> list[float]:
    """The accuracy of a frontier at shares of the arm's cost, minus the arm's."""
    every = np.arange(len(arm.correct))
    return [accuracy_at(points, share * arm.cost, every) - arm.accuracy for share in SHARES]


def summary(rows: list[dict[str, Any]], sizes: Sequence[int]) -> list[str]:
    """Means over repeats in points; the last column compares with the last router at the shares that
    both reach, with a 95 % interval of the mean over repeats."""
    shown = []
    names = [name for name in (NOTHING, STARTED, PRIOR_ALONE) if name in rows[0]]
    for n in sizes:
        of = {name: 100 * np.array([row[name] for row in rows if row["n"] == n]) for name in names}
        for name in names:
            cells = [f"{value:+.1f}" for value in np.nanmean(of[name], axis=0)]
            apart = np.nanmean(of[name] - of[names[-1]], axis=1)
            half = 1.96 * apart.std(ddof=1) / len(apart) ** 0.5 if len(apart) > 1 else float("nan")
            last = "" if name == names[-1] else f"{apart.mean():+.2f} ± {half:.2f}"
            shown.append((f"{n}, {name}", *cells, last))
    head = ("training problems, router", *(f"at {share:g}" for share in SHARES), f"beside {names[-1]}")
    return list(table(head, shown))


def _of(log: SweepLog, ids: Iterable[str]) -> SweepLog:
    """With these problems alone."""
    return replace(log, problems={i: log.problems[i] for i in sorted(ids)})


def _sizes(text: str) -> list[int]:
    return [int(value) for value in text.split(",")]


if __name__ == "__main__":
    main()
