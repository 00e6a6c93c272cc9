"""Live measurements of `real_models.py`: how fast the servers are; and a router, an arm, a rule and the
prior on the same problems, with the servers' own counters beside the bills."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from prior_live import tokens_written

from tts_select import Problem, Selector, Solution
from tts_select.config import load_config
from tts_select.config.using import ModelGroup, loaders_for
from tts_select.core.protocols import SampleRequest
from tts_select.data.grading import is_equivalent
from tts_select.data.problems import load_problems
from tts_select.executors.accounting import Ledger
from tts_select.solving.batch import in_flight

RATE_PROBLEMS, RATE_SAMPLES = 8, 8
ROUTER = "router"
FIXED = "best fixed arm"
RULE = "margin rule"
PRIOR = "prior"


@dataclass(frozen=True, slots=True)
class Solved:
    """What came of one live problem."""

    id: str
    is_right: bool
    confidence: float | None
    tokens: dict[str, int]
    """Generated, by policy."""
    flops: float
    seconds: float
    ran: str


def measure_rates(config: Path, problems: Path, policies: tuple[str, ...]) -> dict[str, float]:
    """The seconds of the server for a million generated tokens of each policy, at a full load."""
    read = load_config(config)
    some = list(islice(load_problems(str(problems)), RATE_PROBLEMS))
    found = {}
    for name in policies:
        policy = loaders_for(read, [ModelGroup([name], [])]).policy(name)
        most = read.policy(name).max_new_tokens or 384
        requests = [SampleRequest(p.text, n=RATE_SAMPLES, max_new_tokens=most, seed=7) for p in some]

        async def all_of_them(policy: Any = policy, requests: Any = requests) -> int:
            meter = Ledger().phase("rate")
            written = await asyncio.gather(*(policy.sample(r, meter) for r in requests))
            return sum(c.n_tokens for continuations in written for c in continuations)

        began = time.perf_counter()
        n = asyncio.run(all_of_them())
        found[name] = 1e6 * (time.perf_counter() - began) / n
    return found


def measure_live(
    out: Path, config: Path, urls: Mapping[str, str | None], *, swept: int, samples: int, concurrency: int
) -> None:
    """Solve the live problems by the best router on the test problems, at the price at which it is as
    accurate as the best fixed arm there; by that arm; and by the margin rule and the prior on at most so many
    samples of the larger policy, of which the sweep has `swept`. A run whose results are in `live.json`
    already is not made again."""
    found = _begun(out, swept)
    method, budget, policy = _parts(found["fixed"])
    larger = list(urls)[-1]
    runs: dict[str, dict[str, Any]] = {
        ROUTER: {"router": str(out / "routers" / found["router"]), "price": found["price"]},
        FIXED: {"policy": policy, "method": method, "budget": budget},
        RULE: {"policy": larger, "method": "margin", "budget": samples},
        PRIOR: {"policy": larger, "budget": samples},
    }
    problems = list(load_problems(str(out / "problems" / "live.jsonl")))
    for name, how in runs.items():
        if name in found["runs"]:
            continue
        before = {model: tokens_written(url) for model, url in urls.items()}
        began = time.perf_counter()
        solved = asyncio.run(_solve_all(problems, how, config, concurrency))
        found["runs"][name] = {
            "seconds": time.perf_counter() - began,
            "server_tokens": {m: tokens_written(url) - before[m] for m, url in urls.items()},
            "problems": [asdict(one) for one in solved],
        }
        (out / "live.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _begun(out: Path, swept: int) -> dict[str, Any]:
    """What is measured, with the runs that are there."""
    if (out / "live.json").exists():
        found: dict[str, Any] = json.loads((out / "live.json").read_text(encoding="utf-8"))
        return found
    chosen = best_router(out)
    point, arm = chosen["point"], chosen["report"]["best_fixed"]["name"]
    router = {"router": chosen["name"], "price": chosen["price"], "swept": swept}
    return {**router, "replayed": point, "fixed": arm, "runs": {}}


def best_router(out: Path) -> dict[str, Any]:
    """The router that is cheapest at the accuracy of the best fixed arm, and its price there; where none is
    as accurate, the most accurate one."""
    candidates = []
    for folder in sorted((out / "reports").glob("*-flops")):
        report = json.loads((folder / "report.json").read_text())
        enough = [
            p for p in report["router"]["frontier"] if p["accuracy"] >= report["best_fixed"]["accuracy"]
        ]
        points = enough or [max(report["router"]["frontier"], key=lambda p: p["accuracy"])]
        point = min(points, key=lambda p: p["cost"])
        rank = (not enough, point["cost"] if enough else -point["accuracy"])
        name = folder.name.removesuffix("-flops")
        candidates.append((rank, {"name": name, "price": point["price"], "point": point, "report": report}))
    return min(candidates, key=lambda pair: pair[0])[1]


async def _solve_all(
    problems: list[Problem], how: dict[str, Any], config: Path, concurrency: int
) -> list[Solved]:
    read = load_config(config)
    terms = dict(how)
    if router := terms.pop("router", None):
        selector = Selector.from_config(read, router)
        more: dict[str, Any] = {"price": terms["price"]}
    else:
        selector, more = Selector.of(config=read, **terms), {}

    async def one(problem: Problem) -> Solved:
        began = time.perf_counter()
        solution = await selector.asolve(problem, seed=0, **more)
        right = solution.answer is not None and is_equivalent(solution.answer, problem.answer or "")
        return Solved(
            problem.id,
            right,
            solution.confidence,
            _by_policy(solution),
            solution.bill.total.flops,
            time.perf_counter() - began,
            f"{solution.plan.method}@{solution.plan.budget} {solution.plan.policy}",
        )

    return await in_flight(one, problems, concurrency)


def _by_policy(solution: Solution) -> dict[str, int]:
    found: dict[str, int] = {}
    for step in solution.steps:
        policy = _parts(step.arm)[2]
        found[policy] = found.get(policy, 0) + step.cost.policy_generated_tokens
    return found


def _parts(arm: str) -> tuple[str, int, str]:
    """The method, the budget and the policy in an arm's name."""
    head, policy, *_ = arm.split()
    method, _, budget = head.partition("@")
    return method, int(budget), policy
