"""Shards become one log: that of one machine, whatever their order, however often, and however they ended."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.sweep.conftest import ARMS, FAKES, PROBLEMS
from tts_select import InputError
from tts_select.selector.portfolio import parse_portfolio
from tts_select.training.log.gathering import Records, key_of
from tts_select.training.log.reading import read_log, read_manifest, read_records
from tts_select.training.log.records import Run, SweepLog
from tts_select.training.sweep.merging import merge, missing_by_name, shard_folders
from tts_select.training.sweep.plan import Sweep
from tts_select.training.sweep.run import Share, run_sweep, run_units
from tts_select.training.sweep.units import Shard

HERE = Path(__file__).parent
SWEEP = Sweep(parse_portfolio({"name": "fakes", "arms": ARMS}, "fakes"), PROBLEMS, n_samples=6, chunk=2)
N = 3


def untimed(log: SweepLog) -> SweepLog:
    runs = {
        key: tuple(replace(run, cost=replace(run.cost, seconds=0.0)) for run in found)
        for key, found in log.runs.items()
    }
    return replace(log, runs=runs)


def read(folder: Path) -> Records:
    manifest, _ = read_manifest(folder)
    return read_records(folder, manifest)


def lines_of(folder: Path) -> list[bytes]:
    return b"".join(shard.read_bytes() for shard in sorted((folder / "shards").iterdir())).splitlines(True)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> SweepLog:
    return run_sweep(SWEEP, tmp_path_factory.mktemp("one") / "log", loaders=FAKES)


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The folders of all shards of the sweep."""
    folders = [tmp_path_factory.mktemp("shards") / f"s{index}" for index in range(N)]
    for index, folder in enumerate(folders):
        swept = run_units(SWEEP, folder, share=Share(Shard(index, N)), loaders=FAKES)
        assert (swept.n_done, swept.log) == (swept.n_units, None)
    return folders


def test_the_shards_together_are_the_sweep_of_one_machine(
    shards: list[Path], whole: SweepLog, tmp_path: Path
) -> None:
    merged = merge(shards, tmp_path / "log")
    assert (merged.missing, merged.conflicts, merged.n_duplicates) == ([], [], 0)
    assert merged.log is not None
    assert untimed(merged.log) == untimed(read_log(tmp_path / "log")) == untimed(whole)


def test_a_merged_log_is_gone_on_with_and_has_nothing_to_do(
    shards: list[Path], whole: SweepLog, tmp_path: Path
) -> None:
    merge(shards[:2], tmp_path / "log")
    assert untimed(run_sweep(SWEEP, tmp_path / "log", loaders=FAKES)) == untimed(whole)
    assert merge(shards, tmp_path / "log").n_new == 0


def test_what_no_shard_has_is_listed(shards: list[Path], tmp_path: Path) -> None:
    merged = merge(shards[1:], tmp_path / "log")
    assert merged.log is None
    assert {unit.key for unit in merged.missing} == {
        key for key in read(shards[0]).by_key if key[0] != "problem"
    }
    assert sum(n for _, n in missing_by_name(merged)) == len(merged.missing)
    assert merged.n_new + len(merged.missing) == merged.n_units


@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_order_repetition_and_torn_lines_change_nothing(
    shards: list[Path], whole: SweepLog, data: st.DataObject
) -> None:
    """Each line is dealt to some of the folders, in any order; each ends with a line that is torn off."""
    lines = [line for folder in shards for line in lines_of(folder)]
    with TemporaryDirectory() as name:
        folders = [Path(name) / str(k) for k in range(3)]
        dealt = data.draw(st.lists(st.sets(st.sampled_from(range(3)), min_size=1), min_size=len(lines),
                                   max_size=len(lines)))  # fmt: skip
        for k, folder in enumerate(folders):
            (folder / "shards").mkdir(parents=True)
            shutil.copy(shards[0] / "manifest.json", folder)
            own = [line for line, where in zip(lines, dealt, strict=True) if k in where]
            torn = data.draw(st.sampled_from(lines).flatmap(lambda line: st.integers(0, len(line) - 1).map(
                lambda n: line[:n])))  # fmt: skip
            (folder / "shards" / "00001.jsonl").write_bytes(b"".join(data.draw(st.permutations(own))) + torn)
        out = Path(name) / "log"
        for order in data.draw(st.lists(st.permutations(folders), min_size=1, max_size=2)):
            merged = merge(order, out)
            assert (merged.missing, merged.conflicts) == ([], [])
        assert untimed(read_log(out)) == untimed(whole)


def test_of_two_contents_the_first_counts_and_the_other_is_named(
    shards: list[Path], whole: SweepLog, tmp_path: Path
) -> None:
    changed = tmp_path / "changed"
    shutil.copytree(shards[0], changed)
    (shard,) = (changed / "shards").iterdir()
    records = [json.loads(line) for line in shard.read_text().splitlines()]
    bad = next(k for k, r in enumerate(records) if r["kind"] == "pool")
    records[bad]["samples"][0]["text"] = "another"
    for record in records:
        if record["kind"] == "run":
            record["cost"]["seconds"] += 1.0  # which differ whenever a unit is run
    shard.write_text("".join(json.dumps(record) + "\n" for record in records))
    merged = merge([*shards, changed], tmp_path / "log")
    (conflict,) = merged.conflicts
    assert f"00001.jsonl, line {bad + 1}: (pool, {records[bad]['problem']}" in conflict
    assert untimed(read_log(tmp_path / "log")) == untimed(whole)
    other = merge([changed, *shards], tmp_path / "other")
    assert other.log is not None
    assert "another" in {s.text for pool in other.log.pools.values() for s in pool.samples}
    again = merge([changed, *shards], tmp_path / "log")
    assert (again.n_new, len(again.conflicts)) == (0, 1), "what is merged already counts before all"


def test_logs_of_another_sweep_or_of_none_are_refused(shards: list[Path], tmp_path: Path) -> None:
    other = replace(SWEEP, seed=1)
    run_units(other, tmp_path / "other", share=Share(Shard(0, 9)), loaders=FAKES)
    with pytest.raises(InputError, match=r"other' is of another sweep than .*: its seed is 1, not 0"):
        merge([shards[0], tmp_path / "other"], tmp_path / "log")
    with pytest.raises(InputError, match="is no sweep log, and has none in it"):
        shard_folders([tmp_path / "none"])
    assert shard_folders([shards[0].parent, shards[0]]) == [shards[0]]


def test_a_shard_that_ended_before_it_had_its_problems_is_no_sweep_by_itself(
    shards: list[Path], whole: SweepLog, tmp_path: Path
) -> None:
    (tmp_path / "early" / "shards").mkdir(parents=True)
    shutil.copy(shards[0] / "manifest.json", tmp_path / "early")
    (tmp_path / "early" / "shards" / "00001.jsonl").write_bytes(lines_of(shards[0])[0])
    with pytest.raises(InputError, match="do not have all problems of their sweep yet"):
        merge([tmp_path / "early"], tmp_path / "log")
    assert merge([tmp_path / "early", *shards], tmp_path / "log").missing == []


def test_logs_in_a_log_are_found_too(shards: list[Path], tmp_path: Path) -> None:
    shutil.copytree(shards[0], tmp_path / "log")
    shutil.copytree(shards[1], tmp_path / "log" / "shard-1-of-3")
    assert shard_folders([tmp_path / "log"]) == [tmp_path / "log", tmp_path / "log" / "shard-1-of-3"]


@pytest.mark.slow
def test_a_shard_that_is_killed_again_and_again_loses_and_repeats_nothing(tmp_path: Path) -> None:
    killed, alone = tmp_path / "killed", tmp_path / "alone"
    command = [sys.executable, str(HERE / "killing.py"), str(killed), str(alone), "5", "1/3"]
    environment = {**os.environ, "PYTHONPATH": str(HERE.parents[2])}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == 5, "the shard ended before it had been killed that often"

    def found(folder: Path) -> dict[Any, Any]:
        records = read(folder).by_key  # which refuses a record that is there twice
        return {
            key: replace(r, cost=replace(r.cost, seconds=0.0)) if isinstance(r, Run) else r
            for key, r in records.items()
        }

    assert found(killed) == found(alone)
    assert {key_of(record) for record in found(killed).values()} == set(found(killed))
