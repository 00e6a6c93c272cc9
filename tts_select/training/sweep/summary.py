"""A summary of a sweep log: what the samples of each pool reach, and each search."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from tts_select.training.log.chunks import rounds
from tts_select.training.log.estimators import pass_at_k
from tts_select.training.log.records import SweepLog


@dataclass(frozen=True, slots=True)
class Line:
    """A pool or a search arm; `accuracy` is the mean pass@1 of a pool's samples, or that of the runs."""

    name: str
    n: int
    """The number of samples, or of runs."""
    accuracy: float
    pass_at: dict[int, float]
    """The pass@k of a pool for k = 1, 2, 4, ... and all of its samples, without bias, the mean over
    problems."""
    flops: float | None
    """The mean FLOPs of a run; None for a pool."""


def lines(log: SweepLog) -> list[Line]:
    """Return a line for each pool, then one for each search arm."""
    right: dict[str, list[int]] = {}
    sizes: dict[str, int] = {}
    for pool in log.pools.values():
        right.setdefault(pool.name, []).append(sum(sample.correct for sample in pool.samples))
        sizes.setdefault(pool.name, len(pool.samples))
    by_arm: dict[str, list[tuple[bool, float]]] = {}
    for runs in log.runs.values():
        for run in runs:
            by_arm.setdefault(run.arm, []).append((run.correct, run.cost.flops))
    return [
        *(_of_pool(name, sizes[name], some) for name, some in right.items()),
        *(_of_arm(n, r) for n, r in by_arm.items()),
    ]


def _of_pool(name: str, size: int, right: list[int]) -> Line:
    """`right` says how many samples of each problem are."""
    n_samples = size * len(right)
    pass_at = {k: fmean(pass_at_k(size, c, k) for c in right) for k in rounds(size)}
    return Line(name, n_samples, sum(right) / n_samples, pass_at, None)


def _of_arm(name: str, runs: list[tuple[bool, float]]) -> Line:
    return Line(name, len(runs), fmean(right for right, _ in runs), {}, fmean(flops for _, flops in runs))


def as_dict(log: SweepLog) -> dict[str, Any]:
    """Return the summary for JSON."""
    return {
        "schema": log.manifest.schema,
        "portfolio": log.manifest.portfolio,
        "problems": len(log.problems),
        "pools": len(log.pools),
        "runs": sum(len(runs) for runs in log.runs.values()),
        "results": [asdict(line) for line in lines(log)],
    }
