"""How many workers one driver keeps busy, and what a unit costs on its way through Ray.

`python benchmarks/ray_scaling.py simulate --workers 1 8 64 512` runs the driver of `sweep --engine ray` as it
is (leases, queue, log on disk) with workers that only wait: a policy's pools of 64 samples in two chunks. A
worker has 8 units of 32 samples at a time, each of which takes about 40 seconds: a GPU that writes 3,200
tokens a second, 500 a sample. Times are lognormal (sigma 0.5). Time runs 20 times as fast, so what the driver
does counts 20 times as much as it would. Efficiency is the share of the workers' places that was at work,
from the first lease to the last record: what is lost is waiting for the driver, and the end of a stage, at
which a worker waits for its slowest unit. `--rounds` is the number of units of a stage for each place;
`--problems` fixes the problems instead. `--through ray` sends every unit through a real Ray on this machine,
to actors that wait for many workers.

`python benchmarks/ray_scaling.py overhead` sweeps models that read from a script and take no time: units a
second in this process, and on one and two workers of a real Ray.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
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
from tts_select.training.sweep.units import SampleUnit, units_of

CONCURRENCY = 8
SECONDS = 40 / 20
SIGMA = 0.5
N_HOSTS = 2
TEXT = "We add the numbers, one by one, and see what comes out. " * 9


def seconds_of(unit: SampleUnit) -> float:
    return SECONDS * math.exp(Random(unit.id).gauss(-SIGMA * SIGMA / 2, SIGMA))


async def waited(unit: SampleUnit) -> Pool:
    await asyncio.sleep(seconds_of(unit))
    samples = (Sample("2", False, 500, -1.0, "stop", TEXT, {}) for _ in range(unit.n))
    return Pool(unit.problem.id, unit.policy, unit.settings.temperature, 9, tuple(samples), {}, unit.first)


class Host:
    """An actor that waits for many workers."""

    async def perform(self, _stage: str, unit: SampleUnit, _samples: Sequence[Pool]) -> Pool:
        return await waited(unit)


class Waiting:
    """A worker that only waits, here or in an actor."""

    def __init__(self, name: str, host: Any) -> None:
        self.name, self._host = name, host

    async def arrive(self) -> str:
        return "here"

    async def load(self) -> Mapping[str, ModelCard]:
        return {}

    async def perform(self, stage: str, unit: Any, samples: Sequence[Pool]) -> Pool:
        if self._host is None:
            return await waited(unit)
        found: Pool = await self._host.perform.remote(stage, unit, samples)
        return found

    def end(self) -> None:
        """It holds nothing."""

    def kill(self) -> None:
        """It holds nothing."""


class UpTo:
    """Room for so many workers."""

    def __init__(self, n_workers: int) -> None:
        self._n_workers = n_workers

    def has(self, hired: Sequence[Need], _need: Need) -> bool:
        return len(hired) < self._n_workers


def simulate(n_workers: int, n_problems: int, hosts: Sequence[Any]) -> dict[str, Any]:
    arms = parse_portfolio({"arms": [{"policy": "stub", "method": "majority", "budget": 16}]}, "stub")
    problems = [LoggedProblem(f"p{k}", f"{k} + 1?", str(k + 1)) for k in range(n_problems)]
    sweep = Sweep(arms, problems, n_samples=64, chunk=32)
    ends: list[float] = []
    names = iter(range(1_000_000))

    def hire(need: Need) -> Waiting:
        k = next(names)
        return Waiting(f"{need} {k}", hosts[k % len(hosts)] if hosts else None)

    crew = Crew(hire, UpTo(n_workers), lambda _: None, concurrency=CONCURRENCY, lease_s=3600)
    with tempfile.TemporaryDirectory() as folder:
        manifest = manifest_of(sweep, {"stub": ModelCard("policy", 7_000_000_000, "stub")})
        with Writer(Path(folder) / "log", manifest, problems) as log:
            units = list(units_of(manifest, problems))
            agenda = Agenda(log, units, Enough(), lambda *_: ends.append(time.perf_counter()))
            cpu, began = time.process_time(), time.perf_counter()
            asyncio.run(work(crew, agenda))
            wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    at_work = sum(seconds_of(unit) for unit in units if isinstance(unit, SampleUnit))
    return {
        "workers": n_workers,
        "units": len(units),
        "efficiency": round(at_work / (wall * n_workers * CONCURRENCY), 3),
        "units_a_second": round(len(units) / wall, 1),
        "driver_cpu": round(cpu / wall, 2),
        "wall_s": round(wall, 1),
    }


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
        half = 1.96 * statistics.stdev(found) / math.sqrt(repeats)
        row = {"workers": n_workers, "n": repeats, "units_a_second": round(statistics.fmean(found), 1)}
        print(json.dumps({**row, "plus_minus": round(half, 1)}), flush=True)


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
    from tts_select.training.sweep.engines.cluster import Cluster
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
    parser.add_argument("--through", choices=["process", "ray"], default="process")
    parser.add_argument("--rounds", type=int, default=16)
    parser.add_argument("--problems", type=int)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    if given.what == "overhead":
        overhead(given.problems or 1000, given.repeats)
        return
    hosts: list[Any] = []
    if given.through == "ray":
        import ray

        ray.init(num_cpus=N_HOSTS, include_dashboard=False, object_store_memory=10**8, log_to_driver=False)
        hosts = [ray.remote(num_cpus=1, max_concurrency=100_000)(Host).remote() for _ in range(N_HOSTS)]
    for n_workers in given.workers:
        n_problems = given.problems or given.rounds * n_workers * CONCURRENCY
        row = simulate(n_workers, n_problems, hosts)
        print(json.dumps({"through": given.through, **row}), flush=True)


if __name__ == "__main__":
    main()
