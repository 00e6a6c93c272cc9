"""What the prior saves on a model that is really served, against majority voting and the margin rule.

    python benchmarks/prior_live.py --policy openai:MODEL --base-url URL --problems gsm8k_test.jsonl -n 40

The same problems are solved three times, live: by the prior, by the margin rule and by a majority vote of the
whole budget, with the same seed, so that they see the same samples as far as each draws them. Printed are
accuracy, samples and generated tokens, the calibration of the confidence, and, where the server is vLLM or
llama.cpp, its own count of tokens beside the bills'. Intervals are 95 % bootstrap intervals over problems;
what is compared with the majority vote is compared problem by problem.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
from markdown import table

from tts_select import Problem, Solution, asolve, load_policy
from tts_select.data.grading import is_equivalent
from tts_select.data.problems import load_problems
from tts_select.solving.batch import in_flight
from tts_select.training.replay.metrics import bootstrap

PRIOR, MARGIN, MAJORITY = "prior", "margin", "majority"
PATIENCE = 3600.0
"""Seconds that a request may wait on a slow server."""
COUNTERS = ("vllm:generation_tokens_total", "llamacpp:tokens_predicted_total")
"""What servers call their own count of generated tokens."""


@dataclass(frozen=True, slots=True)
class Solved:
    """What came of one problem."""

    id: str
    answer: str | None
    is_right: bool
    confidence: float
    n_samples: int
    n_tokens: int


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--policy", required=True)
    parser.add_argument("--base-url")
    parser.add_argument("--problems", required=True)
    parser.add_argument("-n", type=int, default=40)
    parser.add_argument("--first", type=int, default=0, help="skip so many problems")
    parser.add_argument("--budget", type=int, default=16)
    parser.add_argument("--effort", default="medium")
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--max-new-tokens", type=int, default=384)
    parser.add_argument("--out", type=Path, help="a JSON file for every result")
    options = parser.parse_args()
    problems = list(islice(load_problems(options.problems), options.first, options.first + options.n))
    policy = load_policy(options.policy, base_url=options.base_url, timeout=PATIENCE)
    common = {"policy": policy, "budget": options.budget, "max_new_tokens": options.max_new_tokens}
    runs: dict[str, dict[str, Any]] = {
        PRIOR: {**common, "effort": options.effort},
        MARGIN: {**common, "method": "margin"},
        MAJORITY: {**common, "method": "majority"},
    }
    found, counted = {}, {}
    for name, how in runs.items():
        before = tokens_written(options.base_url)
        found[name] = asyncio.run(solved_all(problems, how, options.concurrency))
        counted[name] = tokens_written(options.base_url) - before
        print(name, "done", flush=True)
        if options.out:  # after each run, which may take long
            every = {name: [asdict(one) for one in some] for name, some in found.items()}
            options.out.write_text(json.dumps({"runs": every, "server_tokens": counted}, indent=1) + "\n")
    print("\n".join(summary(found, counted)))


async def solved_all(problems: list[Problem], how: dict[str, Any], concurrency: int) -> list[Solved]:
    async def one(problem: Problem) -> Solved:
        return as_solved(problem, await asolve(problem, **how, seed=0))

    return await in_flight(one, problems, concurrency)


def as_solved(problem: Problem, solution: Solution) -> Solved:
    """Grade a solution."""
    right = solution.answer is not None and is_equivalent(solution.answer, problem.answer or "")
    cost = solution.bill.total
    return Solved(
        problem.id,
        solution.answer,
        right,
        solution.confidence or 0.0,
        len(solution.candidates),
        cost.policy_generated_tokens,
    )


def tokens_written(base_url: str | None) -> float:
    """The server's own count of generated tokens; NaN where it has none."""
    if base_url is None:
        return float("nan")
    try:
        response = httpx2.get(base_url.removesuffix("/").removesuffix("/v1") + "/metrics")
    except httpx2.HTTPError:
        return float("nan")
    counts = [line.split()[-1] for line in response.text.splitlines() if line.startswith(COUNTERS)]
    return sum(map(float, counts)) if counts else float("nan")


def summary(found: dict[str, list[Solved]], counted: dict[str, float]) -> list[str]:
    """A table of the runs."""
    votes, rows = found[MAJORITY], []
    for name, some in found.items():
        right = np.array([float(one.is_right) for one in some])
        apart = right - np.array([float(one.is_right) for one in votes])
        tokens = np.array([float(one.n_tokens) for one in some])
        all_tokens = np.array([float(one.n_tokens) for one in votes])
        rows.append(
            (
                name,
                interval(right, "{:.3f}"),
                interval(100 * apart, "{:+.1f}"),
                f"{np.mean([one.n_samples for one in some]):.1f}",
                f"{tokens.mean():,.0f}",
                share_of(tokens, all_tokens),
                f"{counted[name] / tokens.sum():.4f}",
                f"{brier(some):.3f}, {ece(some):.3f}",
            )
        )
    head = (
        f"{len(votes)} problems",
        "accuracy",
        "points above majority",
        "samples",
        "tokens",
        "share of majority's tokens",
        "server's tokens / bill's",
        "Brier, ECE (5 bins) of the confidence",
    )
    return list(table(head, rows))


def interval(values: np.ndarray, form: str) -> str:
    found = bootstrap(lambda places: float(values[places].mean()), len(values))
    return f"{form.format(found.value)} ({form.format(found.low)} to {form.format(found.high)})"


def share_of(some: np.ndarray, whole: np.ndarray) -> str:
    found = bootstrap(lambda places: float(some[places].mean() / whole[places].mean()), len(some))
    return f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f})"


def brier(some: list[Solved]) -> float:
    return float(np.mean([(one.confidence - one.is_right) ** 2 for one in some]))


def ece(some: list[Solved], n_bins: int = 5) -> float:
    """Expected calibration error in bins of equally many problems."""
    ranked = sorted(some, key=lambda one: one.confidence)
    bins = [part for part in np.array_split(np.array(range(len(ranked))), n_bins) if len(part)]
    off = [
        len(part) * abs(np.mean([ranked[k].confidence - ranked[k].is_right for k in part])) for part in bins
    ]
    return float(sum(off) / len(ranked))


if __name__ == "__main__":
    main()
