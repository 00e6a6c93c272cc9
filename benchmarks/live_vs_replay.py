"""Does a live router do what its replay says? `python benchmarks/live_vs_replay.py ROUTER REPORT.json [N]`.

Solves N fresh test problems (default 240) with the router at each effort, and sets accuracy and mean
FLOPs beside the replayed figures of the report, which are of other problems; 95 % intervals over problems.
Then solves some one at a time, and says what share of a solve the decisions are.
"""

import asyncio
import json
import statistics
import sys
import time
from pathlib import Path

from tts_select import Selector
from tts_select.core.problem import Problem
from tts_select.data.grading import is_equivalent
from tts_select.data.world.suite import generate
from tts_select.executors.registry import Loaders, load_policy, load_prm
from tts_select.solving.batch import in_flight
from tts_select.solving.session import Session
from tts_select.training.replay.metrics import mean_interval

SEED = 29
N_TIMED = 40


async def measure(
    selector: Selector, problems: list[Problem], effort: str
) -> tuple[list[float], list[float]]:
    async def one(problem: Problem) -> tuple[float, float]:
        # fresh models would cost a load a problem; caches are per prompt, so another problem's reuse nothing
        solution = await selector.asolve(problem, effort=effort)
        right = solution.answer is not None and is_equivalent(solution.answer, problem.answer or "")
        return float(right), solution.bill.total.flops

    found = await in_flight(one, problems, 64)
    return [right for right, _ in found], [flops for _, flops in found]


def decision_share(selector: Selector, problems: list[Problem]) -> tuple[float, float, float]:
    """(median milliseconds of a decision, median seconds of a solve, share of all solves that decides)."""
    decisions: list[float] = []
    decide = Session.decide

    def timed(session: Session):
        began = time.perf_counter()
        try:
            return decide(session)
        finally:
            decisions.append(time.perf_counter() - began)

    Session.decide = timed
    solves = []
    for problem in problems:
        began = time.perf_counter()
        selector.solve(problem)
        solves.append(time.perf_counter() - began)
    Session.decide = decide
    return 1000 * statistics.median(decisions), statistics.median(solves), sum(decisions) / sum(solves)


def main() -> None:
    import numpy as np

    report = json.loads(Path(sys.argv[2]).read_text())
    n = int(sys.argv[3]) if len(sys.argv) > 3 else 240
    problems = [Problem(p.problem, p.id, p.answer) for p in generate(n, seed=SEED, split="test")]
    replayed = report["n_problems"]
    print(f"| effort | accuracy, live (n = {n}) | replay (n = {replayed}) | FLOPs, live | replay |")
    print("|---|---|---|---|---|")
    for effort, point in report["router"]["efforts"].items():
        selector = _fresh(sys.argv[1])
        right, flops = asyncio.run(measure(selector, problems, effort))
        a, c = mean_interval(np.array(right)), mean_interval(np.array(flops))
        print(
            f"| {effort} | {a.value:.3f} ({a.low:.3f} to {a.high:.3f}) "
            f"| {point['accuracy']:.3f} ({point['low']:.3f} to {point['high']:.3f}) "
            f"| {c.value:.3g} ({c.low:.3g} to {c.high:.3g}) | {point['cost']:.3g} |"
        )

    decision, solve, share = decision_share(_fresh(sys.argv[1]), problems[:N_TIMED])
    print(
        f"\nOne at a time, medium effort, {N_TIMED} problems: a decision takes {decision:.1f} ms, a solve "
        f"{solve:.2f} s (medians), so one decision is {decision / solve / 1000:.1%} of a median solve; all "
        f"decisions together take {share:.1%} of the time."
    )


def _fresh(router: str) -> Selector:
    return Selector(
        Selector.load(router).router,
        loaders=Loaders(
            _once(lambda spec: load_policy(spec, fresh=True)),
            _once(lambda spec: load_prm(spec, fresh=True)),
        ),
    )


def _once(load):
    """Each model is loaded once an effort, with empty caches."""
    known = {}
    return lambda spec: known[spec] if spec in known else known.setdefault(spec, load(spec))


if __name__ == "__main__":
    main()
