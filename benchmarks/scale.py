"""How training, evaluating and merging grow with the number of problems of a log.

    python benchmarks/scale.py FOLDER --problems 1000 3000 10000
    python benchmarks/scale.py FOLDER --problems 100000 --tasks merge

Logs are made in FOLDER (`grown_logs.py`) and kept there. Each measurement is one process of the command line:
its seconds of CPU time and its highest resident memory (`ru_maxrss`). The exponent b of a*n^b is the slope of
a line through the logarithms; memory has one too.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

N_TRAINED = 300
"""Problems of the log that the measured router was trained on."""
KINDS = {"samples": "ladder", "sweep": "look-ahead"}
"""What is trained on each shape of log."""


@dataclass(frozen=True)
class Measurement:
    """One process."""

    shape: str
    task: str
    n_problems: int
    seconds: float
    """Of CPU time."""
    wall_seconds: float
    peak_mb: float


def measured(arguments: Sequence[str]) -> tuple[float, float, float]:
    """Run the command line once; return its seconds of CPU time, its seconds and its peak in MB."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "tts_select", *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    said = process.stderr.read().decode()
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(
            f"{' '.join(arguments)} ended with {os.waitstatus_to_exitcode(status)}: {said[-2000:]}"
        )
    return used.ru_utime + used.ru_stime, time.perf_counter() - began, used.ru_maxrss * 1024 / 1e6


class Bench:
    """The logs in a folder, and what is run on them."""

    def __init__(self, folder: Path, asked: argparse.Namespace) -> None:
        self.shape, self.policies = asked.shape, asked.policies
        self.kind = asked.kind or KINDS[asked.shape]
        self.more = ["--orders", str(asked.orders)] if asked.orders else []
        self.folder = folder / self.shape / "+".join(self.policies).replace(":", "-")

    def log(self, n_problems: int, *, seed: int) -> Path:
        """A whole log, which is made once."""
        return self._made(f"log-{n_problems}-{seed}", n_problems, seed=seed)

    def shards(self, n_problems: int) -> Path:
        """The same problems as two shards."""
        return self._made(f"shards-{n_problems}", n_problems, seed=1, n_shards=2)

    def router(self) -> Path:
        """What is evaluated: it was trained on a small log, and was measured on none of its problems."""
        out = self.folder / f"router-{self.kind}"
        if not out.exists():
            log = self.log(N_TRAINED, seed=2)
            measured(["train", str(log), "--kind", self.kind, "--out", str(out)])
        return out

    def run(self, task: str, n_problems: int) -> Measurement:
        """Measure a task once; what it writes is thrown away."""
        out = self.folder / "out"
        arguments = {
            "train": lambda: ["train", str(self.log(n_problems, seed=1)), "--kind", self.kind],
            "evaluate": lambda: [
                "evaluate",
                str(self.router()),
                str(self.log(n_problems, seed=1)),
                *self.more,
            ],
            "merge": lambda: ["sweep", "merge", str(self.shards(n_problems))],
        }[task]()
        shutil.rmtree(out, ignore_errors=True)
        try:
            seconds, wall, peak = measured([*arguments, "--out", str(out)])
        finally:
            shutil.rmtree(out, ignore_errors=True)
        return Measurement(self.shape, task, n_problems, round(seconds, 1), round(wall, 1), round(peak))

    def _made(self, name: str, n_problems: int, *, seed: int, n_shards: int = 0) -> Path:
        """In a process of its own: what this one has in memory counts for those that it starts."""
        folder = self.folder / name
        if not folder.exists():
            partial = folder.with_name(f"{name}.partial")
            shutil.rmtree(partial, ignore_errors=True)
            asked = [str(partial), str(n_problems), "--shape", self.shape, "--seed", str(seed)]
            asked += ["--shards", str(n_shards), "--policies", *self.policies]
            subprocess.run([sys.executable, Path(__file__).with_name("grown_logs.py"), *asked], check=True)
            partial.rename(folder)
        return folder


def exponent(sizes: Sequence[int], values: Sequence[float]) -> float:
    """The slope through the logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def table(found: Sequence[Measurement]) -> str:
    """The measurements of each task, and the exponents where there are several."""
    lines = ["| log | task | problems | CPU seconds | peak memory, MB |", "| --- | --- | --- | --- | --- |"]
    for shape, task in dict.fromkeys((m.shape, m.task) for m in found):
        own = [m for m in found if (m.shape, m.task) == (shape, task)]
        lines += [
            f"| {shape} | {task} | {m.n_problems:,} | {m.seconds:,.0f} | {m.peak_mb:,.0f} |" for m in own
        ]
        if len(own) > 1:
            sizes = [m.n_problems for m in own]
            of = [exponent(sizes, [getattr(m, name) for m in own]) for name in ("seconds", "peak_mb")]
            lines.append(f"| {shape} | {task} | exponent | {of[0]:.2f} | {of[1]:.2f} |")
    return "\n".join(lines)


def main() -> None:
    """Measure what was asked for, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="For the logs, which are kept.")
    parser.add_argument("--problems", type=int, nargs="+", default=[1000, 3000, 10_000])
    parser.add_argument("--tasks", nargs="+", default=["train", "evaluate", "merge"])
    parser.add_argument("--shape", choices=tuple(KINDS), default="samples")
    parser.add_argument("--kind", help="Of router; else a ladder of samples, a look-ahead router of a sweep.")
    parser.add_argument("--orders", type=int, help="Of `evaluate`; else its usual number.")
    parser.add_argument("--policies", nargs="+", default=["world:medium"])
    parser.add_argument("--json", type=Path, help="A file that measurements are appended to, a line each.")
    asked = parser.parse_args()
    bench = Bench(asked.folder, asked)
    found = []
    for task in asked.tasks:
        for n_problems in asked.problems:
            found.append(bench.run(task, n_problems))
            print(json.dumps(asdict(found[-1])), file=sys.stderr, flush=True)
            if asked.json:
                with asked.json.open("a") as stream:
                    stream.write(json.dumps(asdict(found[-1])) + "\n")
    print(table(found))


if __name__ == "__main__":
    main()
