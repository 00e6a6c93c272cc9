"""How many workers one driver keeps busy, and what a unit costs on its way through Ray.

`python benchmarks/ray_scaling.py simulate --workers 1 8 64 512` runs the driver of `sweep --engine ray` as it
is (leases, queue, log on disk) with workers that only wait: a policy's pools of 64 samples in two chunks. A
worker has 8 units of 32 samples at a time, each of which takes about 40 seconds: a GPU that writes 3,200
tokens a second, 500 a sample. Times are lognormal (sigma 0.5). Nobody waits for them: the clock jumps to what
comes next, and else moves by the CPU time of the driver, so a busy machine changes nothing; what the disk
takes is not counted. Efficiency is the share of the workers' places that was at work, from the first lease to
the last record: what is lost is waiting for the driver, and the end of a stage, at which a worker waits for
its slowest unit. `--rounds` is the number of units of a stage for each place; `--problems` fixes the problems
instead; `--seconds` is another time for a unit. `possible` is the efficiency of handing the same units, in
the same order, to whatever place is free, at once and without stages.

`python benchmarks/ray_scaling.py overhead` sweeps models that read from a script and take no time: units a
second in this process, and on one and two workers of a real Ray.
"""

from __future__ import annotations

import argparse
import asyncio
import heapq
import json
import math
import selectors
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

from tts_select.core.protocols import SampleRequest
from tts_select.executors.registry import Loaders
from tts_select.selector.portfolio import parse_portfolio
from tts_select.testing import FakePolicy, FakeRewardModel
from tts_select.training.log.records import LoggedProblem, ModelCard, Pool, Sample
from tts_select.training.log.writer import Writer
from tts_select.training.sweep.agenda import Agenda
from tts_select.training.sweep.ending import Enough
from tts_select.training.sweep.engines.crew import Crew
from tts_select.training.sweep.engines.needs import Need
from tts_select.training.sweep.engines.shift import work
from tts_select.training.sweep.plan import Sweep, manifest_of
from tts_select.training.sweep.run import run_units
from tts_select.training.sweep.units import units_of

CONCURRENCY = 8
SECONDS = 40.0
SIGMA = 0.5
TEXT = "We add the numbers, one by one, and see what comes out. " * 9


class Waiting:
    """A worker that only waits."""

    def __init__(self, name: str, seconds: float) -> None:
        self.name, self._seconds = name, seconds

    async def arrive(self) -> str:
        return "here"

    async def load(self) -> Mapping[str, ModelCard]:
        return {}

    async def perform(self, _stage: str, unit: Any, _samples: Sequence[Pool]) -> Pool:
        await asyncio.sleep(seconds_of(unit, self._seconds))
        samples = (Sample("2", False, 500, -1.0, "stop", TEXT, {}) for _ in range(unit.n))
        temperature = unit.settings.temperature
        return Pool(unit.problem.id, unit.policy, temperature, 9, tuple(samples), {}, unit.first)

    def end(self) -> None:
        """It holds nothing."""

    def kill(self) -> None:
        """It holds nothing."""


def seconds_of(unit: Any, mean: float) -> float:
    return mean * math.exp(Random(unit.id).gauss(-SIGMA * SIGMA / 2, SIGMA))


class Jumping(asyncio.SelectorEventLoop):
    """A loop whose clock is the CPU time of this process, and jumps over what it would wait."""

    def __init__(self) -> None:
        super().__init__(_NoWaiting(self))
        self.jumped = 0.0

    def time(self) -> float:
        return time.process_time() + self.jumped


class _NoWaiting(selectors.SelectSelector):
    def __init__(self, loop: Jumping) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = super().select(0)
        if not found and timeout:
            self._loop.jumped += timeout
        return found


class UpTo:
    """Room for so many workers."""

    def __init__(self, n_workers: int) -> None:
        self._n_workers = n_workers

    def has(self, hired: Sequence[Need], _need: Need) -> bool:
        return len(hired) < self._n_workers


def simulate(n_workers: int, n_problems: int, seconds: float, seed: int) -> dict[str, float]:
    arms = parse_portfolio({"arms": [{"policy": "stub", "method": "majority", "budget": 16}]}, "stub")
    problems = [LoggedProblem(f"{seed}-{k}", f"{k} + 1?", str(k + 1)) for k in range(n_problems)]
    sweep = Sweep(arms, problems, n_samples=64, chunk=32)
    names = iter(range(1_000_000))

    def hire(need: Need) -> Waiting:
        return Waiting(f"{need} {next(names)}", seconds)

    crew = Crew(hire, UpTo(n_workers), lambda _: None, concurrency=CONCURRENCY, lease_s=3600)
    with tempfile.TemporaryDirectory() as folder:
        manifest = manifest_of(sweep, {"stub": ModelCard("policy", 7_000_000_000, "stub")})
        with Writer(Path(folder) / "log", manifest, problems) as log:
            units = list(units_of(manifest, problems))
            agenda = Agenda(log, units, Enough(), lambda *_: None)
            with asyncio.Runner(loop_factory=Jumping) as runner:
                loop, cpu = runner.get_loop(), time.process_time()
                began = loop.time()
                runner.run(work(crew, agenda))
                wall, cpu = loop.time() - began, time.process_time() - cpu
    took = [seconds_of(unit, seconds) for unit in units]
    places = n_workers * CONCURRENCY
    return {
        "efficiency": sum(took) / (wall * places),
        "possible": sum(took) / (_without_stages(took, places) * places),
        "units_a_second": len(units) / wall,
        "driver_busy": cpu / wall,
        "driver_ms_a_unit": 1000 * cpu / len(units),
    }


def _without_stages(took: Sequence[float], places: int) -> float:
    free = [0.0] * places
    for seconds in took:
        heapq.heapreplace(free, free[0] + seconds)
    return max(free)


def told(found: Sequence[dict[str, float]]) -> dict[str, str]:
    """Means with 95 % intervals."""
    row = {}
    for name in found[0]:
        values = [one[name] for one in found]
        half = 1.96 * statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else math.nan
        row[name] = f"{statistics.fmean(values):.4g} +- {half:.2g}"
    return row


def in_no_time(_need: Any = None) -> Loaders:
    def writes(_request: SampleRequest, index: int) -> str:
        return f"We add them.\n\nIt is \\boxed{{{index % 3}}}"

    return Loaders(
        lambda spec: FakePolicy(writes, name=spec),
        lambda spec: FakeRewardModel(lambda _, steps: [0.5] * len(steps), name=spec),
    )


def overhead(n_problems: int, repeats: int) -> None:
    arms = [{"policy": "a", "method": "majority", "budget": 8}]
    problems = [LoggedProblem(f"p{k}", f"{k} + 1?", str(k + 1)) for k in range(n_problems)]
    sweep = Sweep(parse_portfolio({"arms": arms}, "stub"), problems, n_samples=8, concurrency=16)
    for n_workers in (0, 1, 2):
        found = [_units_a_second(sweep, n_workers) for _ in range(repeats)]
        row = told([{"units_a_second": speed} for speed in found])
        print(json.dumps({"workers": n_workers, "n": repeats, **row}), flush=True)


def _units_a_second(sweep: Sweep, n_workers: int) -> float:
    times: list[float] = []

    def note(*_: object) -> None:
        times.append(time.perf_counter())

    with tempfile.TemporaryDirectory() as folder:
        into = Path(folder) / "log"
        if n_workers:
            run_units(sweep, into, engine=_on_ray(sweep, into, n_workers), progress=note)
        else:
            run_units(sweep, into, loaders=in_no_time(), progress=note)
    return (len(times) - 2) / (times[-1] - times[1])  # from the first record on: workers are there


def _on_ray(sweep: Sweep, into: Path, n_workers: int) -> Any:
    from tts_select.solving.remote.cluster import Cluster
    from tts_select.training.sweep.engines.on_ray import OnRay, Terms

    return OnRay(
        Cluster(None),
        in_no_time,
        Terms(sweep.concurrency, n_workers),
        gpus_of={},
        folder=into / "workers",
        known={},
        watch=lambda _: None,
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["simulate", "overhead"])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 8, 64, 512])
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--rounds", type=int, default=16)
    parser.add_argument("--problems", type=int)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    if given.what == "overhead":
        overhead(given.problems or 1000, given.repeats)
        return
    for n_workers in given.workers:
        n_problems = given.problems or given.rounds * n_workers * CONCURRENCY
        found = [simulate(n_workers, n_problems, given.seconds, seed) for seed in range(given.repeats)]
        said = {"workers": n_workers, "problems": n_problems, "seconds": given.seconds, "n": given.repeats}
        print(json.dumps({**said, **told(found)}), flush=True)


if __name__ == "__main__":
    main()
