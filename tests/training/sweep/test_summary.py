"""What is said of a log at first sight, against counting."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from statistics import fmean

import pytest

from tts_select.training.log.records import SweepLog
from tts_select.training.sweep.summary import as_dict, lines


def test_pools_come_first_then_searches_each_with_its_accuracy(
    swept: Callable[..., tuple[Path, SweepLog]],
) -> None:
    _, log = swept()
    found = {line.name: line for line in lines(log)}
    beam = "beam@4 fake:a fake:p"
    assert list(found) == ["fake:a temperature=0", "fake:b temperature=0", "fake:a", "fake:b", beam]
    for name, line in found.items():
        if name == beam:
            continue
        pools = [pool for pool in log.pools.values() if pool.name == name]
        right = [[s.correct for s in pool.samples] for pool in pools]
        assert line.n == sum(map(len, right))
        assert line.accuracy == pytest.approx(fmean(map(fmean, right)))
        assert set(line.pass_at) == ({1, 2, 4, 6} if line.n > len(pools) else {1})
        for k, share in line.pass_at.items():
            assert share == pytest.approx(fmean(fmean(map(any, combinations(row, k))) for row in right))
        assert line.flops is None
    runs = [run for some in log.runs.values() for run in some]
    assert found[beam].n == len(runs) == 6
    assert found[beam].accuracy == fmean(run.correct for run in runs)
    assert found[beam].flops == pytest.approx(fmean(run.cost.flops for run in runs))
    assert found[beam].pass_at == {}
    summary = as_dict(log)
    assert (summary["problems"], summary["pools"], summary["runs"]) == (3, 12, 6)
    assert [result["name"] for result in summary["results"]] == list(found)
