"""Logs that are grown for the benchmark of growth: they are logs, and their shards are the same log."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tts_select.training.log.reading import read_log
from tts_select.training.sweep.merging import merge, shard_folders

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
N_PROBLEMS, POLICY = 30, ["world:small"]


@pytest.fixture(scope="module")
def modules() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        import grown_logs  # type: ignore[import-not-found]
        import scale  # type: ignore[import-not-found]

        yield grown_logs, scale
        for name in ("grown_logs", "scale"):
            sys.modules.pop(name, None)


@pytest.mark.slow
@pytest.mark.parametrize("imported", [False, True])
def test_a_grown_log_has_problems_of_its_own(modules: Any, imported: bool, tmp_path: Path) -> None:
    grown_logs, _ = modules
    made = grown_logs.grown(N_PROBLEMS, POLICY, imported=imported, seed=3)
    grown_logs.write_whole(made, tmp_path / "log")
    log = read_log(tmp_path / "log")
    assert len(log.problems) == N_PROBLEMS
    assert len({problem.problem for problem in log.problems.values()}) == N_PROBLEMS
    sampled = [pool.samples for pool in log.pools.values() if pool.temperature > 0]
    assert {len(samples) for samples in sampled} == {32}
    assert len({tuple(sample.answer for sample in samples) for samples in sampled}) > N_PROBLEMS / 2
    assert bool(log.runs) != imported


@pytest.mark.slow
def test_its_shards_merge_into_the_same_log(modules: Any, tmp_path: Path) -> None:
    grown_logs, _ = modules
    made = grown_logs.grown(N_PROBLEMS, POLICY, imported=False, seed=3)
    grown_logs.write_whole(made, tmp_path / "whole")
    grown_logs.write_shards(made, tmp_path / "shards", 2)
    merged = merge(shard_folders([tmp_path / "shards"]), tmp_path / "merged")
    assert not merged.missing
    whole, found = read_log(tmp_path / "whole"), read_log(tmp_path / "merged")
    assert found.problems == whole.problems
    assert dict(found.pools) == dict(whole.pools)
    assert dict(found.runs) == dict(whole.runs)


def test_the_exponent_is_the_slope_of_logarithms(modules: Any) -> None:
    _, scale = modules
    assert scale.exponent([10, 100, 1000], [3.0, 300.0, 30_000.0]) == pytest.approx(2.0)
    found = [scale.Measurement("samples", "train", n, n / 10, n, n**2.0) for n in (100, 1000)]
    assert scale.table(found).splitlines()[-1] == "| samples | train | exponent | 1.00 | 2.00 |"
