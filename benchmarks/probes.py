"""Which probes pay? `python benchmarks/probes.py SWEEP` fits a router with each choice of them.

All figures are on the training problems, by models that have not seen the problem: what the probes cost, the
most accurate point of the frontier, and the cost at the accuracy of the best fixed arm and at 0.03 less.
"""

import sys
from pathlib import Path

import numpy as np

from tts_select.core.plan import Settings
from tts_select.selector.portfolio import Portfolio
from tts_select.selector.routers.lookahead import Probe
from tts_select.training.log.reading import read_log
from tts_select.training.replay.cases import cases_of
from tts_select.training.replay.fixed import board_of
from tts_select.training.routers.lookahead.fit import fit_router

GREEDY, USUAL = 0.0, Settings().temperature
PROBES = (
    Probe("world:small", None, 1, GREEDY),
    Probe("world:small", "world:prm", 1, GREEDY),
    Probe("world:medium", None, 1, GREEDY),
    Probe("world:large", None, 1, GREEDY),
    Probe("world:small", None, 4, USUAL),
    Probe("world:small", "world:prm", 2, USUAL),
    Probe("world:small", "world:prm-narrow", 2, USUAL),
    Probe("world:small", "world:prm", 4, USUAL),
)


def cost_of(frontier: list[dict[str, float]], accuracy: float) -> float:
    """The cheapest point that is so accurate; NaN if there is none."""
    return min((p["flops"] for p in frontier if p["accuracy"] >= accuracy), default=float("nan"))


def main() -> None:
    log = read_log(Path(sys.argv[1]))
    cases = cases_of(log)
    portfolio = Portfolio(log.manifest.portfolio, log.manifest.arms)
    best = max(board_of(cases, portfolio, 0).scores().values(), key=lambda s: s.accuracy)
    print(f"best fixed arm: {best.accuracy:.3f} for {best.cost:.3g} FLOPs, {len(log.problems)} problems\n")
    print("| probes | their FLOPs | most accurate | cost at the best fixed accuracy | at 0.03 less |")
    print("| --- | --- | --- | --- | --- |")
    rng = np.random.default_rng(0)
    orders = [case.order(rng) for case in cases]
    for probe in PROBES:
        own = np.mean([c.outcome(probe.arm, order).flops for c, order in zip(cases, orders, strict=True)])
        frontier = fit_router(log, probe).facts["frontier"]
        most = max(p["accuracy"] for p in frontier)
        equal, below = (cost_of(frontier, best.accuracy - slack) / best.cost for slack in (0.0, 0.03))
        name = probe.arm.name.replace("world:", "")
        print(f"| {name} | {own:.2g} | {most:.3f} | {equal:.2f} | {below:.2f} |", flush=True)


if __name__ == "__main__":
    main()
