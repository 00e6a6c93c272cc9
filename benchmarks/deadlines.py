"""How well seconds are predicted, and what deadlines are worth with and without the predictions.

    python benchmarks/deadlines.py                # a slow server made up for it, on this machine
    python benchmarks/deadlines.py --policy world:small
    python benchmarks/deadlines.py --policy world:small --prm world:prm    # best-of-n, with scoring
    python benchmarks/deadlines.py --policy openai:MODEL --base-url URL --problems gsm8k.jsonl -n 12

First problems are asked for 1, 2, 4, ... samples in turn, with a deadline far off: what the policy's latency
predicts before each request is held against what it takes. The first request has no prediction. Then each
problem is solved under each deadline twice, with rounds that are planned by what was learned, and by cutting
alone, as without any measurement; which comes first changes with every problem. A deadline counts as met if
there is an answer in time.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from measuring import as_problems, world_problems

from tts_select import Policy, Problem, RewardModel, Solution, asolve, load_policy, load_prm
from tts_select.core.seeds import derive_seed
from tts_select.data.grading import is_equivalent
from tts_select.data.problems import load_problems
from tts_select.executors.latency import Latency, latency_of
from tts_select.executors.scoring_speed import scoring_speed_of
from tts_select.solving.batch import in_flight
from tts_select.solving.models import Models
from tts_select.testing.server import FakeServer

SHARES = (0.3, 0.6, 1.2, 2.4)
"""Deadlines, in the seconds that the whole budget is predicted to take."""
LATE_SECONDS = 0.25
"""What the answer may be late by: the grading of what was written last."""
FAR_SECONDS = 3600.0
"""A deadline that cuts nothing: under one a server's answers are streamed, which may take longer."""


class CrowdedServer(FakeServer):
    """Writes a token the slower the more samples the last request asked for."""

    seconds_alone = 0.004

    @property
    def token_seconds(self) -> float:  # type: ignore[override]
        n = self.requests[-1].get("n") or 1 if self.requests else 1
        return self.seconds_alone * (1 + 0.25 * n)

    @token_seconds.setter
    def token_seconds(self, seconds: float) -> None:
        if seconds:
            self.seconds_alone = seconds


def written_up(prompt: str, seed: int) -> str:
    """A solution of 40 to 240 words."""
    return "word " * (40 + derive_seed(prompt, seed) % 200) + f"\\boxed{{{derive_seed(seed) % 3}}}"


@dataclass(frozen=True, slots=True)
class Measured:
    """A request, as predicted and as it was."""

    n: int
    predicted: float | None
    real: float


@dataclass(frozen=True, slots=True)
class Kept:
    """What came of one problem under a deadline."""

    is_on_time: bool
    is_answered: bool
    is_whole: bool
    """Whether nothing was cut."""
    is_right: bool
    n_whole: int
    n_tokens: int
    n_tokens_cut: int

    @property
    def is_met(self) -> bool:
        """Whether there is an answer in time."""
        return self.is_on_time and self.is_answered


class Benchmark:
    """Votes of one policy on some problems, weighted by a PRM if there is one."""

    def __init__(
        self,
        policy: Policy,
        problems: list[Problem],
        *,
        budget: int,
        concurrency: int,
        max_new_tokens: int | None,
        prm: RewardModel | None = None,
    ) -> None:
        self.policy, self.problems = policy, problems
        self.budget, self.concurrency, self.prm = budget, concurrency, prm
        method = "majority" if prm is None else "best_of_n"
        self.options: dict[str, Any] = {"policy": policy, "prm": prm, "method": method}
        if max_new_tokens is not None:
            self.options["max_new_tokens"] = max_new_tokens

    @property
    def latency(self) -> Latency:
        return latency_of(self.policy)

    def predicted(self, n: int) -> float | None:
        """The seconds of writing and of scoring."""
        writing = self.latency.seconds(n)
        scoring = scoring_speed_of(self.prm).seconds(n) if self.prm is not None else 0.0
        return None if writing is None or scoring is None else writing + scoring

    async def predictions(self, most: int) -> list[Measured]:
        """Each problem with one of the budgets 1, 2, 4, ..., in turn."""
        budgets = itertools.cycle(2**k for k in range(self.budget.bit_length()))
        work = list(zip(self.problems, budgets, range(most), strict=False))
        return await in_flight(lambda item: self._measured(item[0], item[1]), work, self.concurrency)

    async def deadline(self, seconds: float, *, is_planned: bool, k: int) -> Kept:
        """One problem under a deadline."""
        with nullcontext() if is_planned else unmeasured():
            began = time.monotonic()
            solution = await self._solve(self.problems[k], budget=self.budget, deadline=seconds)
            took = time.monotonic() - began
        gold, answer = self.problems[k].answer, solution.answer
        candidates = [c.candidate for c in solution.candidates]
        return Kept(
            is_on_time=took <= seconds + LATE_SECONDS,
            is_answered=answer is not None,
            is_whole=not any(c.finish == "deadline" for c in candidates),
            is_right=bool(answer and gold and is_equivalent(answer, gold)),
            n_whole=sum(c.finish in ("stop", "length") for c in candidates),
            n_tokens=sum(c.n_tokens for c in candidates),
            n_tokens_cut=sum(c.n_tokens for c in candidates if c.finish == "deadline"),
        )

    async def _measured(self, problem: Problem, n: int) -> Measured:
        predicted = self.predicted(n)
        solution = await self._solve(problem, budget=n, deadline=FAR_SECONDS)
        return Measured(n, predicted, solution.bill.phases["search"].seconds)

    async def _solve(self, problem: Problem, **more: Any) -> Solution:
        return await asolve(problem, **self.options, **more)

    async def both(self, seconds: float, n_problems: int) -> dict[bool, list[Kept]]:
        """The first problems under a deadline, with plans and without, in turn: the load is the same."""
        found: dict[bool, list[Kept]] = {True: [], False: []}
        for first in range(0, n_problems, self.concurrency):
            some = range(first, min(n_problems, first + self.concurrency))
            order = (True, False) if (first // self.concurrency) % 2 else (False, True)
            for is_planned in order:
                work = (self.deadline(seconds, is_planned=is_planned, k=k) for k in some)
                found[is_planned] += await asyncio.gather(*work)
        return found


@contextmanager
def unmeasured() -> Iterator[None]:
    """Sessions know no latency, as before the first request."""
    with patch.object(Models, "latency", return_value=None):
        yield


def ratios(measured: Sequence[Measured]) -> dict[str, Any]:
    """Real over predicted seconds: the median with a bootstrap interval, and quantiles."""
    found = np.array([m.real / m.predicted for m in measured if m.predicted])
    if not len(found):
        return {"n": 0}
    rng = np.random.default_rng(0)
    medians = np.median(rng.choice(found, (2000, len(found))), axis=1)
    low, high = np.quantile(medians, [0.025, 0.975])
    p10, p90 = np.quantile(found, [0.1, 0.9])
    return {
        "n": len(found),
        "median": float(np.median(found)),
        "low": float(low),
        "high": float(high),
        "p10": float(p10),
        "p90": float(p90),
    }


def summary(kept: Sequence[Kept]) -> dict[str, float]:
    """Shares of the problems and of the tokens."""
    return {
        "met": statistics.mean(k.is_met for k in kept),
        "on_time": statistics.mean(k.is_on_time for k in kept),
        "nothing_cut": statistics.mean(k.is_whole for k in kept),
        "right": statistics.mean(k.is_right for k in kept),
        "whole_samples": statistics.mean(k.n_whole for k in kept),
        "tokens": statistics.mean(k.n_tokens for k in kept),
        "tokens_cut": sum(k.n_tokens_cut for k in kept) / max(1, sum(k.n_tokens for k in kept)),
    }


async def run(
    benchmark: Benchmark, *, n_problems: int, n_requests: int, deadlines: Sequence[float]
) -> dict[str, Any]:
    """The whole measurement."""
    measured = await benchmark.predictions(n_requests)
    whole = benchmark.predicted(benchmark.budget) or 0.0
    rows = []
    for seconds in deadlines or [share * whole for share in SHARES]:
        kept = await benchmark.both(seconds, n_problems)
        for is_planned, name in ((False, "cut"), (True, "planned")):
            figures = summary(kept[is_planned])
            rows.append({"deadline": seconds, "how": name, "n": len(kept[is_planned]), **figures})
    by_n = {n: ratios([m for m in measured if m.n == n]) for n in sorted({m.n for m in measured})}
    return {"whole_budget_seconds": whole, "ratio": ratios(measured), "by_n": by_n, "deadlines": rows}


def show(found: dict[str, Any]) -> None:
    """As markdown tables."""
    print(f"The whole budget is predicted to take {found['whole_budget_seconds']:.2f} s.\n")
    print("| samples | requests | real / predicted, median (95 %) | 10 %, 90 % |\n| --- | --- | --- | --- |")
    for n, r in {"all": found["ratio"], **found["by_n"]}.items():
        if r["n"]:
            interval = f"{r['median']:.2f} ({r['low']:.2f} to {r['high']:.2f})"
            print(f"| {n} | {r['n']} | {interval} | {r['p10']:.2f}, {r['p90']:.2f} |")
    names = ("met", "on_time", "nothing_cut", "right", "whole_samples", "tokens", "tokens_cut")
    print("\n| deadline, s | rounds | problems | " + " | ".join(n.replace("_", " ") for n in names) + " |")
    print("| --- " * (3 + len(names)) + "|")
    for row in found["deadlines"]:
        figures = " | ".join(f"{row[name]:.0f}" if name == "tokens" else f"{row[name]:.2f}" for name in names)
        print(f"| {row['deadline']:.1f} | {row['how']} | {row['n']} | {figures} |")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--policy", help="without it, a slow server is made up")
    parser.add_argument("--base-url")
    parser.add_argument("--prm", help="a PRM; without it, majority votes")
    parser.add_argument("--problems", type=Path, help="without it, problems of the embedded world")
    parser.add_argument("-n", type=int, default=12, help="problems")
    parser.add_argument("--requests", type=int, default=24, help="requests before the deadlines")
    parser.add_argument("--budget", type=int, default=16)
    parser.add_argument("--concurrency", type=int, default=1, help="problems in flight")
    parser.add_argument("--max-new-tokens", type=int)
    shares = "seconds; without it, shares of what the budget takes"
    parser.add_argument("--deadlines", type=float, nargs="*", default=[], help=shares)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    problems = as_problems(world_problems(max(args.n, args.requests)))
    if args.problems:
        problems = list(itertools.islice(load_problems(args.problems), max(args.n, args.requests)))
    with nullcontext() if args.policy else CrowdedServer(written_up) as server:
        at = {"base_url": args.base_url or server.url} if server or args.base_url else {}
        policy = load_policy(args.policy or "openai:fake", fresh=True, **at)
        benchmark = Benchmark(
            policy,
            problems,
            budget=args.budget,
            concurrency=args.concurrency,
            max_new_tokens=args.max_new_tokens,
            prm=load_prm(args.prm, fresh=True) if args.prm else None,
        )
        work = run(benchmark, n_problems=args.n, n_requests=args.requests, deadlines=args.deadlines)
        found = asyncio.run(work)
    if args.json:
        print(json.dumps(found, indent=1))
    else:
        show(found)


if __name__ == "__main__":
    main()
