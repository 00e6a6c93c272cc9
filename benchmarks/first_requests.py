"""How far off the first predictions of a policy's seconds are, and whether their chances hold.

    python benchmarks/first_requests.py                    # the embedded policies, two minutes
    python benchmarks/first_requests.py --seconds 600

A policy is asked for 1 to 16 samples of a problem, over and over. After each request the next one is
predicted from those so far, with the length that its longest sample turned out to have; then all is
forgotten, and it begins anew. `off` is the root mean square of the logarithm of real to predicted seconds,
with a bootstrap interval over the courses, `said` what the fit says of it. `in time` is the share of the
requests that ended in a time for which the fit gives a chance of 0.8.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import random
import time
from collections.abc import Sequence

import numpy as np
from measuring import as_problems, world_problems

from tts_select import Policy, Problem, load_policy
from tts_select.core.protocols import SampleRequest
from tts_select.executors.accounting import Ledger
from tts_select.executors.latency import Latency
from tts_select.executors.speed_law import Finished, fitted

POLICIES = ("world:small", "world:medium", "world:large")
SIZES = (1, 2, 2, 4, 4, 8, 16)
SHOWN = (1, 2, 3, 4, 6, 8, 12, 16)
CHANCE = 0.8


async def course(policy: Policy, problems: Sequence[Problem], rng: random.Random) -> list[Finished]:
    """As many requests as are shown, and one more, one after the other."""
    latency, meter = Latency(), Ledger().phase("search")
    for _ in range(max(SHOWN) + 1):
        request = SampleRequest(rng.choice(problems).text, n=rng.choice(SIZES), seed=rng.randrange(10**9))
        with latency.watch(request, meter) as watch:
            watch.came_back(await policy.sample(request, watch), policy.step_delimiter)
    return list(latency._requests)


def errors(course: Sequence[Finished]) -> list[tuple[float, float, bool]]:
    """After each number of requests that is shown: how far off the next prediction is, how far it says to be,
    and whether the request ended in a time that it would in 8 of 10 cases."""
    found = []
    for n in SHOWN:
        latency, fit = Latency(), fitted(course[:n])
        for request in course[:n]:
            latency.observe(request)
        predicted, real = fit.seconds(course[n]), course[n].seconds
        is_in_time = float(latency.chance(predicted, real)) <= CHANCE
        found.append((math.log(real / predicted), fit.spread, is_in_time))
    return found


async def measure(seconds: float) -> np.ndarray:
    """Errors of as many courses as there is time for, shape (courses, numbers, 3)."""
    policies, problems = [load_policy(name) for name in POLICIES], as_problems(world_problems(60))
    rng, found, ends_at = random.Random(0), [], time.monotonic() + seconds
    while time.monotonic() < ends_at:
        found.append(errors(await course(policies[len(found) % len(policies)], problems, rng)))
    return np.array(found, dtype=float)


def show(found: np.ndarray) -> None:
    """As a markdown table."""
    picks = np.random.default_rng(0).integers(0, len(found), (2000, len(found)))
    print(f"{len(found)} courses\n\n| requests before | off (95 %) | said | in time, of 0.8 (95 %) |")
    print("| --- | --- | --- | --- |")
    for k, n in enumerate(SHOWN):
        log, said, in_time = found[:, k].T
        off, ends = np.sqrt(np.mean(log[picks] ** 2, axis=1)), in_time[picks].mean(axis=1)
        low, high = np.quantile(off, [0.025, 0.975])
        least, most = np.quantile(ends, [0.025, 0.975])
        figures = f"{np.sqrt(np.mean(log**2)):.2f} ({low:.2f} to {high:.2f}) | {np.mean(said):.2f}"
        print(f"| {n} | {figures} | {in_time.mean():.2f} ({least:.2f} to {most:.2f}) |")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=120.0, help="how long to measure")
    show(asyncio.run(measure(parser.parse_args().seconds)))


if __name__ == "__main__":
    main()
