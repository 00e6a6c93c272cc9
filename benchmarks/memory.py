"""Resident memory, in MB as the system counts it, as JSON.

    python benchmarks/memory.py flight      # 256 candidates of 40 steps at the same time
    python benchmarks/memory.py problems    # 1,000 problems, and how much it grows once the caches are full
    python benchmarks/memory.py sweep       # after each of many stages of a sweep

One at a time, each in a process of its own, since what one has freed the next one takes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from measuring import as_problems, solve_all, world_problems

from tts_select import load_policy, load_prm
from tts_select.core.protocols import SampleRequest, forget
from tts_select.data.world.artifacts import folder_of
from tts_select.executors.accounting import Ledger
from tts_select.executors.runtime import cache_budget
from tts_select.selector.portfolio import parse_portfolio
from tts_select.solving.options import SolveOptions
from tts_select.training.log.records import LoggedProblem
from tts_select.training.sweep.plan import Sweep
from tts_select.training.sweep.run import run_sweep

N_CANDIDATES, N_STEPS, STEP_TOKENS = 256, 40, 10
PAGE = 4096


def resident() -> float:
    """MB of this process now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / 1e6


def most() -> float:
    """MB of this process at its highest, since `reset`."""
    line = next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith("VmHWM"))
    return int(line.split()[1]) * 1024 / 1e6


def reset() -> None:
    """Let the highest be what it is now."""
    Path("/proc/self/clear_refs").write_text("5")


async def in_flight(policy: Any, prm: Any) -> dict[str, float]:
    """Candidates that grow by a step at a time, all at once, and are scored after each."""
    problem = world_problems(1)[0].problem
    words = ["Now", "the", "number", "is"]
    steps = [
        " ".join([*words, *(str((k * s) % 10) for s in range(STEP_TOKENS - len(words)))])
        for k in range(N_STEPS)
    ]
    before = resident()
    reset()
    for depth in range(1, N_STEPS):
        candidates = [
            (*steps[: depth - 1], f"{steps[depth - 1]} {c % 10} {c // 10 % 10} {c // 100}")
            for c in range(N_CANDIDATES)
        ]
        ledger = Ledger()
        requests = [
            SampleRequest(problem, steps=c, max_new_tokens=STEP_TOKENS, stop_at_step=True, seed=k)
            for k, c in enumerate(candidates)
        ]
        await asyncio.gather(
            *(policy.sample(r, ledger.phase("write")) for r in requests),
            *(prm.score(problem, c, meter=ledger.phase("score")) for c in candidates),
        )
    found = {"before": before, "highest": most(), "after": resident()}
    await forget(policy)
    await forget(prm)
    return {**found, "after forgetting": resident()}


def growth(policy: Any, prm: Any, n_problems: int) -> dict[str, Any]:
    """MB a thousand problems, once the caches are full, by least squares over the second half."""
    options = SolveOptions(policy=policy, prm=prm, method="beam", budget=4)
    problems = as_problems(world_problems(n_problems))
    sizes = []
    for start in range(0, n_problems, 25):
        asyncio.run(solve_all(problems[start : start + 25], options))
        sizes.append(resident())
    half = sizes[len(sizes) // 2 :]
    slope = float(np.polyfit(np.arange(len(half)) * 25, half, 1)[0]) * 1000
    return {"every 25 problems": [round(s) for s in sizes], "growth a thousand problems": slope}


def sweeping(n_stages: int) -> dict[str, Any]:
    """Highest after each stage of a sweep; a stage is a seed of one search."""
    entry = {"policy": f"{folder_of('policy', 'small')}", "prm": "world:prm", "method": "beam", "budget": 8}
    problems = [LoggedProblem(f"p{k}", p.problem, p.answer) for k, p in enumerate(world_problems(16))]
    asked = Sweep(parse_portfolio({"arms": [entry]}, "memory"), problems, n_samples=1, n_runs=n_stages)
    sizes: list[float] = []

    def note(n_done: int, *_: object) -> None:
        if n_done and n_done % len(problems) == 0:
            sizes.append(most())

    with tempfile.TemporaryDirectory() as folder:
        run_sweep(asked, Path(folder, "log"), progress=note)
    return {"highest after each stage": [round(s) for s in sizes]}


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("flight", "problems", "sweep"))
    parser.add_argument("--problems", type=int, default=1000)
    parser.add_argument("--stages", type=int, default=12)
    parser.add_argument("--budget-mb", type=int, help="Of the prefix caches; a small one is full sooner.")
    arguments = parser.parse_args()
    if arguments.budget_mb:
        cache_budget.CPU_BYTES = arguments.budget_mb << 20
    if arguments.what == "sweep":
        print(json.dumps(sweeping(arguments.stages), indent=1))
        return
    policy, prm = load_policy("world:small", device="cpu"), load_prm("world:prm", device="cpu")
    asyncio.run(solve_all(as_problems(world_problems(1)), SolveOptions(policy=policy, prm=prm, budget=1)))
    if arguments.what == "flight":
        print(json.dumps(asyncio.run(in_flight(policy, prm)), indent=1))
    else:
        print(json.dumps(growth(policy, prm, arguments.problems), indent=1))


if __name__ == "__main__":
    main()
