"""The server under load, on the embedded models: errors, memory, fairness, answers, and throughput.

    python benchmarks/serving_load.py --seconds 60

Two keys ask at once, one with nine times as many requests in flight as the other; every answer must be that
of `solve` with the same seed. Then the same problems go through the server and through the batch of
`solve --problems` with equal concurrency, in turn, each time new ones: neither finds them in a cache.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import itertools
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from tts_select import Problem, Selector
from tts_select.data.world.suite import generate
from tts_select.serving.keys import hash_of
from tts_select.solving.batch import solve_many

KEYS = {"greedy": 180, "modest": 20}
"""The requests in flight of each key."""
CONCURRENCY, WARM_UP, START_S, COMPARED = 64, 32, 120, 100
PROBLEMS = 240
"""Of the load: few enough to come round again, so that caches are full by then and memory is to stay."""
EFFORT = "low"
KIB_IN_MIB = 1024


@dataclass
class Load:
    """What came of it."""

    answers: dict[tuple[str, int], str | None] = field(default_factory=dict)
    """By problem and seed."""
    statuses: Counter[int] = field(default_factory=Counter)
    seconds: dict[str, list[float]] = field(default_factory=lambda: {key: [] for key in KEYS})
    memory: list[tuple[float, float]] = field(default_factory=list)
    """(seconds, MiB) of the server."""


@contextmanager
def server(folder: Path) -> Iterator[tuple[str, int]]:
    """A server of the embedded models: its URL and its process."""
    entries = "\n".join(f"  - {{name: {key}, sha256: {hash_of(key)}}}" for key in KEYS)
    (folder / "keys.yaml").write_text(f"keys:\n{entries}\n")
    log = folder / "server.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [
                sys.executable, "-m", "tts_select", "serve", "--port", "0", "--api-key-file",
                str(folder / "keys.yaml"), "--purses", str(folder / "purses.sqlite"),
                "--concurrency", str(CONCURRENCY),
            ],
            stderr=out,
        )  # fmt: skip
    try:
        yield started(log), process.pid
    finally:
        process.terminate()
        process.wait(60)


def started(log: Path) -> str:
    """The URL, once it is ready."""
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        found = re.search(r"serving at (\S+)/v1", log.read_text())
        with suppress(httpx2.TransportError):  # while it loads it may be slow to answer
            if found and httpx2.get(f"{found[1]}/readyz").status_code == 200:
                return f"{found[1]}/v1"
        time.sleep(0.2)
    raise SystemExit(log.read_text())


async def ask(http: httpx2.AsyncClient, key: str, text: str, seed: int) -> httpx2.Response:
    """One request."""
    body = {
        "model": f"tts-select/{EFFORT}",
        "messages": [{"role": "user", "content": text}],
        "seed": seed,
    }
    return await http.post("chat/completions", json=body, headers={"authorization": f"Bearer {key}"})


async def loaded(url: str, pid: int, seconds: float) -> Load:
    """Ask for so long, with all requests of both keys in flight."""
    found, began = Load(), time.monotonic()
    asked = itertools.cycle(
        (p.problem, k % 3) for k, p in enumerate(generate(PROBLEMS, seed=1, split="test"))
    )

    async def worker(key: str) -> None:
        while time.monotonic() - began < seconds:
            (text, seed), at = next(asked), time.monotonic()
            said = await ask(http, key, text, seed)
            found.statuses[said.status_code] += 1
            found.seconds[key].append(time.monotonic() - at)
            if said.status_code == 200:
                found.answers[text, seed] = said.json()["tts"]["answer"]

    async def watch() -> None:
        while time.monotonic() - began < seconds:
            found.memory.append((time.monotonic() - began, resident(pid)))
            await asyncio.sleep(2)

    limits = httpx2.Limits(max_connections=sum(KEYS.values()))
    async with httpx2.AsyncClient(base_url=url, timeout=600, limits=limits) as http:
        workers = [worker(key) for key, n in KEYS.items() for _ in range(n)]
        await asyncio.gather(watch(), *workers)
    return found


def resident(pid: int) -> float:
    """MiB of memory of a process."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) / KIB_IN_MIB  # type: ignore[index]


async def through_server(url: str, problems: Sequence[Problem]) -> float:
    """Problems a second, all of which are asked at once: the server takes so many at a time."""
    limits = httpx2.Limits(max_connections=len(problems))
    async with httpx2.AsyncClient(base_url=url, timeout=600, limits=limits) as http:

        async def one(problem: Problem) -> None:
            (await ask(http, "greedy", problem.text, 0)).raise_for_status()

        began = time.perf_counter()
        await asyncio.gather(*map(one, problems))
        return len(problems) / (time.perf_counter() - began)


def through_batch(selector: Selector, problems: Sequence[Problem]) -> float:
    """Problems a second of what `solve --problems` runs."""

    async def run() -> float:
        began = time.perf_counter()
        await solve_many(
            problems,
            lambda problem: selector.asolve(problem, effort=EFFORT),
            io.StringIO(),
            concurrency=CONCURRENCY,
            progress=lambda _: None,
        )
        return len(problems) / (time.perf_counter() - began)

    return asyncio.run(run())


def compared(url: str, selector: Selector, repeats: int, n: int) -> list[tuple[float, float]]:
    """(server, batch) in problems a second, for new problems each time; who is first changes."""
    found = []
    for k in range(-1, repeats):  # the first time warms up
        problems = [Problem(p.problem) for p in generate(n if k >= 0 else WARM_UP, seed=50 + k, split="test")]
        sides = [lambda p: asyncio.run(through_server(url, p)), lambda p: through_batch(selector, p)]
        order = (0, 1) if k % 2 else (1, 0)
        speeds = {side: sides[side](problems) for side in order}
        if k >= 0:
            found.append((speeds[0], speeds[1]))
    return found


async def wrong(selector: Selector, answers: dict[tuple[str, int], str | None]) -> int:
    """How many of these answers are not those of `solve`."""
    keys = list(answers)
    alone = await asyncio.gather(*(selector.asolve(text, seed=seed, effort=EFFORT) for text, seed in keys))
    return sum(answers[key] != solution.answer for key, solution in zip(keys, alone, strict=True))


def tell(load: Load, seconds: float) -> None:
    """Print what came of the load."""
    n = sum(load.statuses.values())
    print(
        f"{n} requests in {seconds:.0f} s at {sum(KEYS.values())} in flight; by status: {dict(load.statuses)}"
    )
    for key, took in load.seconds.items():
        print(
            f"  {key:8} {KEYS[key]:4} in flight: {len(took):5} answered, "
            f"median {statistics.median(took):.2f} s, longest {max(took):.2f} s"
        )
    settled = [mib for at, mib in load.memory if at > seconds / 3]
    marks = [settled[0], settled[len(settled) // 2], settled[-1]]
    told = ", ".join(f"{mib:.0f}" for mib in marks)
    print(f"  memory after one third, two thirds and all of the time: {told} MiB")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="of load")
    parser.add_argument("--repeats", type=int, default=3, help="of the comparison")
    parser.add_argument("--problems", type=int, default=192, help="of each comparison")
    options = parser.parse_args()
    selector = Selector.load()
    selector.models.load(selector.router.portfolio)
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    with tempfile.TemporaryDirectory() as folder, server(Path(folder)) as (url, pid):
        load = asyncio.run(loaded(url, pid, options.seconds))
        tell(load, options.seconds)
        pairs = compared(url, selector, options.repeats, options.problems)
    some = dict(itertools.islice(load.answers.items(), 0, None, max(1, len(load.answers) // COMPARED)))
    print(f"  {asyncio.run(wrong(selector, some))} of {len(some)} answers differ from those of solve")
    ratios = sorted(ours / batch for ours, batch in pairs)
    told = ", ".join(f"{ours:.1f} against {batch:.1f}" for ours, batch in pairs)
    print(f"problems a second at {CONCURRENCY} in flight, server against solve --problems: {told}")
    print(
        f"  ratio {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}, {len(ratios)} pairs)"
    )


if __name__ == "__main__":
    main()
