"""Which probes pay? `python benchmarks/probes.py SWEEP` fits a router with each PRM and number.

The probes are of the first policy of the portfolio, the cheapest. All figures are on the training problems,
by models that have not seen the problem: the AUC of the difficulty estimate (solvable within the portfolio or
not), and the cost at the accuracy of the best fixed arm.
"""

import sys
from itertools import product
from pathlib import Path

import numpy as np

from tts_select.selector.portfolio import Portfolio
from tts_select.selector.router import Probe
from tts_select.training.evaluation.fixed import board_of
from tts_select.training.routing.cases import cases_of
from tts_select.training.routing.fit import fit_router
from tts_select.training.sweep.log import read_log


def cost_of(frontier: list[dict[str, float]], accuracy: float) -> float:
    """The cheapest point that is so accurate; NaN if there is none."""
    return min((p["flops"] for p in frontier if p["accuracy"] >= accuracy), default=float("nan"))


def main() -> None:
    log = read_log(Path(sys.argv[1]))
    portfolio = Portfolio(log.manifest.portfolio, log.manifest.arms)
    scores = board_of(cases_of(log), portfolio, 0).scores()
    best = max(scores.values(), key=lambda s: s.accuracy)
    print(f"best fixed arm: {best.accuracy:.3f} for {best.cost:.3g} FLOPs, {len(log.problems)} problems\n")
    print(
        "| probes | AUC | most accurate | cost at the accuracy of the best fixed arm | cost 0.01 below it |"
    )
    print("|---|---|---|---|---|")
    for policy, prm, n in product(portfolio.policies[:1], portfolio.prms, (1, 2, 4)):
        facts = fit_router(log, Probe(policy, prm, n)).facts
        frontier = facts["frontier"]
        costs = [cost_of(frontier, best.accuracy - slack) / best.cost for slack in (0.0, 0.01)]
        most = float(np.max([p["accuracy"] for p in frontier]))
        auc = facts["ablation"]["auc"]["all"]
        print(
            f"| {n} of {policy}, {prm} | {auc:.3f} | {most:.3f} | {costs[0]:.2f} | {costs[1]:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
