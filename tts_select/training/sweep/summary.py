"""What a sweep log shows at first sight: how often each policy is right alone, and each search."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from tts_select.training.sweep.records import SweepLog


@dataclass(frozen=True, slots=True)
class Line:
    """A pool, whose accuracy is its mean pass@1, or a search arm; `flops` are the mean of a run."""

    name: str
    n: int
    """Samples, or runs."""
    accuracy: float
    flops: float | None


def lines(log: SweepLog) -> list[Line]:
    """Of each pool, then of each search arm."""
    correct: dict[str, list[bool]] = {}
    for pool in log.pools.values():
        correct.setdefault(pool.name, []).extend(sample.correct for sample in pool.samples)
    found = [Line(name, len(c), sum(c) / len(c), None) for name, c in correct.items()]
    by_arm: dict[str, list[tuple[bool, float]]] = {}
    for runs in log.runs.values():
        for run in runs:
            by_arm.setdefault(run.arm, []).append((run.correct, run.cost.flops))
    for arm, runs_ in by_arm.items():
        n = len(runs_)
        found.append(Line(arm, n, sum(right for right, _ in runs_) / n, sum(f for _, f in runs_) / n))
    return found


def as_dict(log: SweepLog) -> dict[str, Any]:
    """For JSON."""
    return {
        "schema": log.manifest.schema,
        "portfolio": log.manifest.portfolio,
        "problems": len(log.problems),
        "pools": len(log.pools),
        "runs": sum(len(runs) for runs in log.runs.values()),
        "results": [asdict(line) for line in lines(log)],
    }
