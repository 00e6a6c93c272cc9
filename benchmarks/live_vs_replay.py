"""What a router does live, on fresh test problems of the embedded world.

    python benchmarks/live_vs_replay.py ROUTER [low=2000 medium=2000 high=600] > live.json

Solves so many fresh problems with the router at each effort (240, if none is named): accuracy and FLOPs, each
as a mean with its 95 % interval over problems. `benchmarks/results_page.py` sets them beside the replayed
figures of a report, which are of other problems. Then solves some one at a time, and says what share of a
solve the decisions are. Prints JSON.
"""

import asyncio
import json
import statistics
import sys
import time

import numpy as np

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
COUNTS = {"low": 240, "medium": 240, "high": 240}


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

    async def timed(session: Session, **how: bool):
        began = time.perf_counter()
        try:
            return await decide(session, **how)
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
    router, *asked = sys.argv[1:]
    counts = {effort: int(n) for effort, n in (word.split("=") for word in asked)} or COUNTS
    problems = [
        Problem(p.problem, p.id, p.answer) for p in generate(max(counts.values()), seed=SEED, split="test")
    ]
    efforts = {}
    for effort, n in counts.items():
        right, flops = asyncio.run(measure(_fresh(router), problems[:n], effort))
        efforts[effort] = {
            "n_problems": n,
            "accuracy": mean_interval(np.array(right)).as_dict(),
            "flops": mean_interval(np.array(flops)).as_dict(),
        }
        print(f"{effort}: {efforts[effort]}", file=sys.stderr, flush=True)
    decision, solve, share = decision_share(_fresh(router), problems[:N_TIMED])
    timed = {"n_problems": N_TIMED, "decision_ms": decision, "solve_s": solve, "share": share}
    print(json.dumps({"efforts": efforts, "timed": timed}, indent=1))


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
