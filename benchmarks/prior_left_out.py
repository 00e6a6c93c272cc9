"""What a prior saves on models and problems that it has not seen: each log, or each policy, left out in turn.

    python benchmarks/prior_left_out.py aime24/ math500/ gsm8k/ --out report.json

For each policy with samples enough a prior is fitted to the other logs (`log`), or to all but this policy
(`model`), and measured on it: its cost at the accuracy of the margin rule over the rule's cost, its accuracy
and cost at each effort beside majority voting at the whole budget, its calibration, and its accuracy minus
that of the margin rule at equal cost. Intervals are 95 % bootstrap intervals over problems.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import click
import numpy as np

from tts_select.commands._terminal import say
from tts_select.core.imported import plain_name
from tts_select.selector.routers.prior import DEFAULT_BUDGET, PriorRouter
from tts_select.training.evaluation.baselines import score_of
from tts_select.training.evaluation.frontier import Part
from tts_select.training.evaluation.measured import Measured
from tts_select.training.evaluation.measuring import measure
from tts_select.training.log.manifest import policies, pools_of
from tts_select.training.log.reading import read_log
from tts_select.training.log.records import SweepLog
from tts_select.training.replay import many
from tts_select.training.replay.cases import cases_of
from tts_select.training.replay.envelope import accuracy_at, cost_at
from tts_select.training.replay.fixed import Score
from tts_select.training.replay.metrics import bootstrap, reliability, resamples
from tts_select.training.replay.orders import with_policies, without_prms
from tts_select.training.replay.strategies import RULES, Votes, stopped
from tts_select.training.routers.prior.binding import on_log
from tts_select.training.routers.prior.fit import fit_prior

N_RESAMPLES = 1000
MOST_PROBLEMS = 100_000
"""All problems of a log at once: of parts, draws are kept at one price alone."""


@dataclass(frozen=True)
class Cell:
    """A policy of a log, measured with a prior that has not seen it."""

    log: str
    policy: str
    measured: Measured

    @property
    def points(self) -> Sequence[Score]:
        """The prior's frontier."""
        return self.measured.frontier.scores

    @cached_property
    def margin(self) -> Score:
        """The margin rule."""
        (replay,) = self.measured.replay.parts()
        (draws,) = replay.draws.values()
        votes = Votes.of(draws)
        return score_of(replay, stopped(votes, RULES["margin"](votes)).outcome)

    @cached_property
    def majority(self) -> Score:
        """Majority voting at the whole budget."""
        arm = max(self.measured.board.arms, key=lambda arm: arm.budget)
        return self.measured.board.score(arm.name)

    def ratio(self, places: np.ndarray) -> float:
        """The prior's cost at the accuracy of the margin rule over the rule's cost."""
        accuracy = float(self.margin.correct[places].mean())
        return cost_at(self.points, accuracy, places) / float(self.margin.flops[places].mean())

    def gap(self, places: np.ndarray) -> float:
        """The prior's accuracy minus that of the margin rule at the rule's cost."""
        reached = accuracy_at(self.points, float(self.margin.flops[places].mean()), places)
        return reached - float(self.margin.correct[places].mean())

    def figures(self) -> dict[str, Any]:
        """All that is reported of the cell."""
        n = len(self.measured.cases)
        return {
            "log": self.log,
            "policy": self.policy,
            "n_problems": n,
            "budget": max(arm.budget for arm in self.measured.board.arms),
            "majority": self.majority.accuracy,
            "margin": {"accuracy": self.margin.accuracy, "cost": self.margin.cost / self.majority.cost},
            "ratio": bootstrap(self.ratio, n).as_dict(),
            "gap": bootstrap(self.gap, n).as_dict(),
            "at_price_0": self.points[0].accuracy - self.majority.accuracy,
            "efforts": {name: self._effort(name) for name in self.measured.efforts},
        }

    def _effort(self, name: str) -> dict[str, Any]:
        price, score = self.measured.efforts[name]
        frontier = self.measured.frontier
        walked = frontier.walked[int(np.abs(np.array(frontier.prices) - price).argmin())]
        difference = score.correct - self.majority.correct
        return {
            "accuracy": bootstrap(lambda places: float(difference[places].mean()), len(difference)).as_dict(),
            "cost": score.cost / self.majority.cost,
            "ece": reliability(walked.confidence.ravel(), walked.correct.ravel())["ece"],
        }


def cells(logs: Mapping[str, SweepLog], left_out: str, fewest: int) -> Iterator[Cell]:
    """Each policy that has so many samples of a problem, with its prior."""
    for name, log in logs.items():
        fitted = None
        for policy in policies(log.manifest):
            own = with_policies(log, [policy])
            pools = pools_of(own.manifest.arms)
            sizes = [len(pool.samples) for (_, pool_name), pool in own.pools.items() if pool_name in pools]
            if max(sizes, default=0) < fewest:
                continue
            if fitted is None or left_out == "model":
                others = {other: read for other, read in logs.items() if other != name}
                rest = [p for p in policies(log.manifest) if p != policy]
                if left_out == "model" and rest:
                    others[name] = with_policies(log, rest)
                fitted = fit_prior(others).router
            say(f"without the {left_out}: {name} {plain_name(policy)}")
            yield Cell(name, plain_name(policy), _measured(fitted, own))


def _measured(prior: PriorRouter, log: SweepLog) -> Measured:
    cases = cases_of(log)
    part = Part(on_log(prior, log, DEFAULT_BUDGET), {}, np.arange(len(cases)))
    return measure([[part]], log, cases, seed=1, note=lambda _: None, most_samples=DEFAULT_BUDGET)


def mean_ratio(found: Sequence[Cell]) -> dict[str, float]:
    """The geometric mean of the ratios; the problems of every cell are resampled at once."""

    def logs(places: Sequence[np.ndarray]) -> float:
        return float(np.mean([np.log(cell.ratio(some)) for cell, some in zip(found, places, strict=True)]))

    whole = [np.arange(len(cell.measured.cases)) for cell in found]
    drawn = [resamples(len(some), N_RESAMPLES, 0) for some in whole]
    found_in = [logs(some) for some in zip(*drawn, strict=True)]
    low, high = np.quantile(found_in, [0.025, 0.975], method="nearest")  # some may be infinite
    return {"value": float(np.exp(logs(whole))), "low": float(np.exp(low)), "high": float(np.exp(high))}


def show(left_out: str, found: Mapping[str, Any]) -> None:
    """Print a line for each cell."""
    for cell in found["cells"]:
        efforts = ", ".join(
            f"{name} {100 * e['accuracy']['value']:+.1f} at {e['cost']:.2f} (ECE {e['ece']:.3f})"
            for name, e in cell["efforts"].items()
        )
        ratio, margin = cell["ratio"], cell["margin"]
        print(
            f"{cell['log']} {cell['policy']}: majority {cell['majority']:.3f}, "
            f"margin {margin['accuracy']:.3f} "
            f"at {margin['cost']:.2f}, ratio {ratio['value']} ({ratio['low']} to {ratio['high']}), gap "
            f"{100 * cell['gap']['value']:+.2f}, price 0 {100 * cell['at_price_0']:+.2f}; {efforts}"
        )
    print(f"without the {left_out}: {found['mean_ratio']}")


@click.command()
@click.argument("logs", type=Path, nargs=-1, required=True)
@click.option("--left-out", type=click.Choice(["log", "model"]), multiple=True, default=("log", "model"))
@click.option(
    "--fewest", type=int, default=8, show_default=True, help="Samples of a policy that is measured."
)
@click.option("--out", type=Path, required=True, help="A JSON file for all figures.")
def main(logs: tuple[Path, ...], left_out: tuple[str, ...], fewest: int, out: Path) -> None:
    """Measure priors on what they have not seen."""
    many.AT_ONCE = MOST_PROBLEMS
    read = {folder.absolute().name: without_prms(read_log(folder)) for folder in logs}
    report: dict[str, Any] = {}
    for kind in left_out:
        found = list(cells(read, kind, fewest))
        report[kind] = {"cells": [cell.figures() for cell in found], "mean_ratio": mean_ratio(found)}
        out.write_text(json.dumps(report, indent=1) + "\n")
        show(kind, report[kind])


if __name__ == "__main__":
    main()
