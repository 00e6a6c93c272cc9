"""Shards of a sweep of the embedded models against the sweep of one machine."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from tts_select.data.world.suite import generate
from tts_select.selector.portfolio import parse_portfolio
from tts_select.training.log.records import LoggedProblem, SweepLog
from tts_select.training.sweep.merging import merge
from tts_select.training.sweep.plan import Sweep
from tts_select.training.sweep.run import Share, run_sweep, run_units
from tts_select.training.sweep.units import Shard

ARMS = [
    {"policy": "world:small", "method": "cot"},
    {"policy": "world:small", "prm": "world:prm", "method": "best_of_n", "budget": 4},
    {"policy": "world:small", "prm": "world:prm", "method": "beam", "budget": 4},
]


def problems() -> list[LoggedProblem]:
    """Problems no two of which begin with the same word: what they share is computed once, and is on the bill
    of the one that comes first."""
    found = {p.problem.split()[0]: p for p in generate(40, seed=5, split="train", level=1)}
    return [LoggedProblem(f"p{k}", p.problem, p.answer) for k, p in enumerate(found.values())][:5]


def facts(log: SweepLog) -> dict[Any, Any]:
    """Everything that a log has but seconds."""
    found: dict[Any, Any] = {}
    for key, pool in log.pools.items():
        found[key] = (pool.prompt_tokens, pool.prm_tokens)
        for k, sample in enumerate(pool.samples):
            found[*key, k] = asdict(sample)
    for key, runs in log.runs.items():
        for run in runs:
            found[*key, run.seed] = asdict(run)
            found[*key, run.seed]["cost"]["seconds"] = 0.0
    return found


def rounded(value: Any) -> Any:
    """Numbers to four places: what a row comes to depends in its last bits on the other rows of its batch."""
    if isinstance(value, float):
        return pytest.approx(value, rel=1e-4, abs=1e-4)
    if isinstance(value, dict):
        return {name: rounded(inner) for name, inner in value.items()}
    return tuple(map(rounded, value)) if isinstance(value, (tuple, list)) else value


@pytest.mark.slow
def test_shards_on_real_models_have_the_samples_and_the_bills_of_one_machine(tmp_path: Path) -> None:
    sweep = Sweep(
        parse_portfolio({"name": "world", "arms": ARMS}, "w"), problems(), n_samples=16, n_runs=1, chunk=4
    )
    assert len(sweep.problems) > 2
    one = run_sweep(sweep, tmp_path / "one")
    for index in range(2):
        run_units(sweep, tmp_path / "shards" / str(index), share=Share(Shard(index, 2)))
    at_once = run_sweep(replace(sweep, chunk=None), tmp_path / "at-once")
    for key, pool in one.pools.items():
        bill = (pool.prompt_tokens, pool.prm_tokens)
        assert bill == (at_once.pools[key].prompt_tokens, at_once.pools[key].prm_tokens)
    merged = merge([tmp_path / "shards" / str(index) for index in (1, 0)], tmp_path / "log").log
    assert merged is not None
    assert merged.problems == one.problems
    here, there = facts(merged), facts(one)
    assert here.keys() == there.keys()
    for key, found in here.items():
        assert found == rounded(there[key]), key
