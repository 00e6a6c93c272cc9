"""What a router does live, on fresh test problems of the embedded world, beside fixed arms on the same ones.

    python benchmarks/live_vs_replay.py runs/ --router ROUTER --counts low=2000 medium=2000 high=600 \\
        --arms "cot@1 world:base-story" "dvts@4 world:base-story world:prm" > live.json
    python benchmarks/live_vs_replay.py runs/ ... --only medium      # that run alone, beside others elsewhere

Solves so many fresh problems with the router at each effort, and the first ones of them with each arm;
every run is kept in a file of the folder and not made again. Prints JSON: accuracy and FLOPs, each as a
mean with its 95 % interval over problems, and how far each effort is above the frontier of these arms at
its own cost, on the problems that both have solved. Arms are to be picked on other problems: the corners of
a report's frontier. `benchmarks/results_page.py` sets the efforts beside the replayed figures of a report.
Then some problems are solved one at a time, to say what share of a solve the decisions are.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from kept import rounded

from tts_select import Selector
from tts_select.core.problem import Problem
from tts_select.data.grading import is_equivalent
from tts_select.data.world.suite import generate
from tts_select.executors.registry import Loaders, load_policy, load_prm
from tts_select.solving.batch import in_flight
from tts_select.solving.session import Session
from tts_select.training.replay.envelope import Envelope
from tts_select.training.replay.metrics import bootstrap, mean_interval

SEED = 29
N_TIMED = 40
IN_FLIGHT = 64


@dataclass(frozen=True)
class Run:
    """What came of the problems, in their order: whether each was right, and its FLOPs; shape (problems,)."""

    right: np.ndarray
    flops: np.ndarray

    def described(self) -> dict[str, Any]:
        """Its figures."""
        return {
            "n_problems": len(self.right),
            "accuracy": mean_interval(self.right).as_dict(),
            "flops": mean_interval(self.flops).as_dict(),
        }


async def solved(selector: Selector, problems: list[Problem], **how: Any) -> Run:
    async def one(problem: Problem) -> tuple[float, float]:
        # fresh models would cost a load a problem; caches are per prompt, so another problem's reuse nothing
        solution = await selector.asolve(problem, **how)
        right = solution.answer is not None and is_equivalent(solution.answer, problem.answer or "")
        return float(right), solution.bill.total.flops

    return Run(*np.array(await in_flight(one, problems, IN_FLIGHT)).T)


def above(router: Run, arms: list[Run]) -> dict[str, float]:
    """Accuracy of the router minus that of the arms' frontier at its cost, on the problems of all of them."""
    n = min(len(run.right) for run in (router, *arms))

    def difference(places: np.ndarray) -> float:
        points = [(arm.flops[places].mean(), arm.right[places].mean()) for arm in arms]
        frontier = Envelope.of(*np.array(points).T)
        return float(router.right[places].mean()) - frontier.accuracy_at(float(router.flops[places].mean()))

    return {**bootstrap(difference, n).as_dict(), "n_problems": n}


def kept_run(name: str, asked: argparse.Namespace, counts: dict[str, int], problems: list[Problem]) -> Run:
    """The run of this name, from its file if it has been made."""
    file = asked.folder / f"{name.replace(' ', '_').replace(':', '-')}.json"
    if not file.exists():
        if name in counts:
            run = asyncio.run(solved(_router(asked.router), problems[: counts[name]], effort=name))
        else:
            run = asyncio.run(solved(_arm(name), problems[: asked.n_arms]))
        file.write_text(json.dumps({"right": run.right.tolist(), "flops": run.flops.tolist()}) + "\n")
        print(f"{name}: {run.described()}", file=sys.stderr, flush=True)
    found = json.loads(file.read_text())
    return Run(np.array(found["right"]), np.array(found["flops"]))


def decision_share(selector: Selector, problems: list[Problem]) -> dict[str, float]:
    """Median milliseconds of a decision, median seconds of a solve, and the share of all that time that
    decides."""
    decisions: list[float] = []
    decide = Session.decide

    async def timed(session: Session, **how: bool) -> Any:
        began = time.perf_counter()
        try:
            return await decide(session, **how)
        finally:
            decisions.append(time.perf_counter() - began)

    Session.decide = timed  # type: ignore[method-assign]
    solves = []
    for problem in problems:
        began = time.perf_counter()
        selector.solve(problem)
        solves.append(time.perf_counter() - began)
    Session.decide = decide  # type: ignore[method-assign]
    return {
        "n_problems": len(problems),
        "decision_ms": 1000 * statistics.median(decisions),
        "solve_s": statistics.median(solves),
        "share": sum(decisions) / sum(solves),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--router", required=True)
    parser.add_argument("--counts", nargs="+", default=["low=240", "medium=240", "high=240"])
    parser.add_argument("--arms", nargs="*", default=[])
    parser.add_argument("--n-arms", type=int, default=1000, help="Problems that each arm solves at most.")
    parser.add_argument("--only", nargs="*", help="Make these runs, and nothing of all runs.")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    counts = {effort: int(n) for effort, n in (word.split("=") for word in asked.counts)}
    problems = [
        Problem(p.problem, p.id, p.answer) for p in generate(max(counts.values()), seed=SEED, split="test")
    ]
    names = [name for name in (*counts, *asked.arms) if asked.only is None or name in asked.only]
    runs = {name: kept_run(name, asked, counts, problems) for name in names}
    if asked.only is None:
        timed = decision_share(_router(asked.router), problems[:N_TIMED])
        print(json.dumps(rounded({**_compared(runs, counts), "timed": timed}), indent=1))


def _compared(runs: dict[str, Run], counts: dict[str, int]) -> dict[str, Any]:
    arms = {name: run for name, run in runs.items() if name not in counts}
    efforts = {}
    for effort in counts:
        more = {"above_arms": above(runs[effort], list(arms.values()))} if arms else {}
        efforts[effort] = {**runs[effort].described(), **more}
    return {"efforts": efforts, "arms": {name: run.described() for name, run in arms.items()}}


def _router(folder: str) -> Selector:
    return Selector(Selector.load(folder).router, loaders=_fresh_models())


def _arm(name: str) -> Selector:
    method, policy, *prm = name.split()
    method, _, budget = method.partition("@")
    models = _fresh_models()
    judge = {"prm": models.prm(prm[0])} if prm else {}
    return Selector.of(policy=models.policy(policy), method=method, budget=int(budget), **judge)


def _fresh_models() -> Loaders:
    """Each model is loaded once a run, with empty caches."""
    return Loaders(cache(partial(load_policy, fresh=True)), cache(partial(load_prm, fresh=True)))


if __name__ == "__main__":
    main()
