"""What the prior would gain if the first of its samples were the greedy one.

    python benchmarks/greedy_first.py SWEEP --policy large

Replays the prior on the samples of one policy of a sweep, in random orders, as it is and with the greedy
solution before the samples, at the prices of its efforts and at dearer ones: accuracy, tokens a problem, ECE.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tts_select.data.prior.artifacts import PRIOR
from tts_select.selector.deciding import Answer, Caps
from tts_select.selector.evidence import Evidence, SolutionEvidence
from tts_select.selector.routers.prior import PriorRouter
from tts_select.solving.naming import prior_in
from tts_select.training.log.manifest import pools_of
from tts_select.training.log.reading import read_log
from tts_select.training.replay.calibration_error import calibrated
from tts_select.training.replay.cases import Case, cases_of
from tts_select.training.replay.orders import single_sample, with_policies

DEARER = {"price 0.06": 0.06, "price 0.2": 0.2}


@dataclass(slots=True)
class Row:
    """One problem in one order: what is drawn first, and how far it has come."""

    case: Case
    samples: list[SolutionEvidence]
    n: int = 2
    surest: Answer | None = None

    @property
    def tokens(self) -> int:
        return sum(sample.n_tokens for sample in self.samples[: self.n])

    @property
    def is_right(self) -> float:
        return self.case.is_right(self.surest.group) if self.surest else 0.0


def replayed(router: PriorRouter, rows: list[Row], price: float) -> list[Row]:
    """Draw for each row until the router stops, or its samples are at an end."""
    going = rows
    while going:
        evidences = [_evidence(row, router) for row in going]
        decisions = router.decide(evidences, price, [Caps()] * len(going))
        later = []
        for row, decision in zip(going, decisions, strict=True):
            row.surest = decision.surest
            n = min(decision.n, len(row.samples))
            if decision.arm is not None and n > row.n:
                row.n = n
                later.append(row)
        going = later
    return rows


def _evidence(row: Row, router: PriorRouter) -> Evidence:
    return Evidence("", {router.arm.pool: row.samples[: row.n]})


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sweep", type=Path)
    parser.add_argument("--policy", required=True)
    parser.add_argument("--orders", type=int, default=8)
    asked = parser.parse_args()
    log = with_policies(read_log(asked.sweep), [asked.policy])
    plans = {plan.arm.temperature > 0: plan for plan in pools_of(log.manifest.arms).values()}
    greedy, sampled = plans[False].arm.pool, plans[True].arm
    cases = cases_of(log)
    for is_greedy_first in (False, True):
        most = max(len(case.observed[sampled.pool]) for case in cases) + is_greedy_first
        router = prior_in(PRIOR).on(replace(single_sample(sampled), budget=most))
        for name, price in {**router.prices, **DEARER}.items():
            rows = _rows(cases, greedy, sampled.pool, asked.orders, is_greedy_first=is_greedy_first)
            _show(name, is_greedy_first, replayed(router, rows, price))


def _rows(cases: list[Case], greedy: str, pool: str, n_orders: int, *, is_greedy_first: bool) -> list[Row]:
    rng = np.random.default_rng(0)
    return [
        Row(
            case, [*case.observed[greedy][:is_greedy_first], *(drawn[k] for k in rng.permutation(len(drawn)))]
        )
        for case in cases
        for drawn in [case.observed[pool]]
        for _ in range(n_orders)
    ]


def _show(name: str, is_greedy_first: bool, rows: list[Row]) -> None:
    said = np.array([(row.surest.p_correct or 0.0) if row.surest else 0.0 for row in rows])
    right = np.array([row.is_right for row in rows])
    tokens = np.mean([row.tokens for row in rows])
    ece = calibrated(said, right)["ece"]
    first = "greedy first" if is_greedy_first else "as it is"
    print(f"{first:13} {name:10} {right.mean():.3f} for {tokens:.0f} tokens, ECE {ece:.3f}")


if __name__ == "__main__":
    main()
