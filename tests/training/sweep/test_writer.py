"""Writing: one process at a time, resumable after any death, and never into something else."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tts_select import InputError
from tts_select.core.cost import Cost
from tts_select.selector.portfolio import Portfolio
from tts_select.training.log.codec import encode
from tts_select.training.log.reading import read_log
from tts_select.training.log.records import LoggedProblem, ModelCard, Run, SweepLog
from tts_select.training.log.writer import Writer

Swept = Callable[..., tuple[Path, SweepLog]]
HERE = Path(__file__).parent
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(HERE.parents[2])}
N_KILLS = 24


def untimed(log: SweepLog) -> SweepLog:
    runs = {
        key: tuple(replace(run, cost=replace(run.cost, seconds=0.0)) for run in found)
        for key, found in log.runs.items()
    }
    return replace(log, runs=runs)


def test_a_sweep_that_is_killed_again_and_again_loses_and_repeats_nothing(tmp_path: Path) -> None:
    command = [sys.executable, str(HERE / "killing.py"), str(tmp_path / "killed"), str(tmp_path / "whole")]
    done = subprocess.run(
        [*command, str(N_KILLS)], env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=110
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == N_KILLS, "the sweep ended before it had been killed that often"
    killed, whole = (untimed(read_log(tmp_path / name)) for name in ("killed", "whole"))
    assert killed == whole
    counts: Counter[Any] = Counter()
    torn = 0
    for shard in (tmp_path / "killed" / "shards").iterdir():
        *lines, rest = shard.read_bytes().split(b"\n")
        torn += bool(rest)
        for record in map(json.loads, lines):
            key = ("id", "problem", "policy", "temperature", "prm", "first", "arm", "seed")
            counts[record["kind"], *(str(record.get(name)) for name in key)] += 1
    assert set(counts.values()) == {1}
    assert torn > 0, "no kill came in the middle of a line"


def test_a_second_process_is_refused_until_the_first_is_gone(
    swept: Swept, portfolio: Portfolio, tmp_path: Path
) -> None:
    _, log = swept()
    command = [sys.executable, str(HERE / "killing.py"), str(tmp_path / "log")]
    first = subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)
    try:
        assert first.stdout is not None
        assert first.stdout.readline() == "writing\n"
        with pytest.raises(InputError, match=r"another sweep is writing '.*log'"):
            swept()
        os.kill(first.pid, signal.SIGKILL)
    finally:
        first.kill()
        first.communicate()
    assert swept()[1] == log


def test_a_finished_sweep_is_not_run_again(swept: Swept) -> None:
    folder, log = swept()
    assert swept()[1] == log
    assert len(list((folder / "shards").iterdir())) == 1


def test_a_log_whose_pools_have_their_scores_in_them_is_gone_on_with(swept: Swept) -> None:
    """As earlier versions wrote them."""
    folder, log = swept()
    (shard,) = (folder / "shards").iterdir()
    records = [*log.problems.values(), *log.pools.values()]
    shard.write_text("".join(json.dumps(encode(record)) + "\n" for record in records))
    again = swept()[1]
    assert untimed(again) == untimed(log)
    (_, new) = sorted((folder / "shards").iterdir())
    assert {json.loads(line)["kind"] for line in new.read_text().splitlines()} == {"run"}


def test_a_compact_log_is_whole_and_stays_so(swept: Swept) -> None:
    folder, log = swept()
    for shard in (folder / "shards").iterdir():
        shard.unlink()
    assert swept()[1] == log
    assert not list((folder / "shards").iterdir())


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"n_samples": 8}, "its n_samples is 6, not 8"),
        ({"n_samples_of": {"fake:a": 8}}, r"its n_samples_of is None, not \{'fake:a': 8\}"),
        ({"n_runs": 3}, "its n_runs is 2, not 3"),
        ({"seed": 1}, "its seed is 0, not 1"),
        ({"problems": [LoggedProblem("one", "1 + 1?", "2")]}, "its problems are others"),
    ],
)
def test_another_sweep_is_refused_and_the_difference_is_named(
    swept: Swept, changes: dict[str, Any], complaint: str
) -> None:
    folder, log = swept()
    with pytest.raises(InputError, match=f"holds another sweep: {complaint}.*another --out"):
        swept(**changes)
    assert read_log(folder) == log


def test_another_portfolio_or_model_is_refused(swept: Swept, portfolio: Portfolio) -> None:
    swept()
    with pytest.raises(InputError, match=r"the arm 'beam@4 fake:a fake:p' and this portfolio has not"):
        swept(portfolio=Portfolio("fakes", portfolio.arms[:-1]))
    with pytest.raises(InputError, match="in another order"):
        swept(portfolio=Portfolio("fakes", portfolio.arms[::-1]))


def test_a_model_with_another_fingerprint_is_refused(swept: Swept, portfolio: Portfolio) -> None:
    folder, log = swept()
    card = ModelCard("policy", 1000, "retrained")
    manifest = replace(log.manifest, models={**log.manifest.models, "fake:a": card})
    with (
        pytest.raises(InputError, match=r"its model fake:a is fake:a-script .*, not retrained"),
        Writer(folder, manifest, list(log.problems.values())),
    ):
        pass


def test_a_record_that_could_not_be_read_again_is_not_written(swept: Swept) -> None:
    folder, log = swept()
    run = Run("one", "beam@4 fake:a fake:p", 0, "2", True, None, 6, -6.0, (0.5,), Cost())
    with Writer(folder, log.manifest, list(log.problems.values())) as writer:
        for bad in (run, replace(run, arm="no such"), replace(run, seed=5)):
            with pytest.raises(ValueError, match=r"before|no such|seed"):
                writer.write(bad)
    assert read_log(folder) == log


def test_nothing_is_strewn_among_other_files(swept: Swept, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.tex").write_text("")
    with pytest.raises(InputError, match=r"holds other files \('thesis.tex'\) and no sweep"):
        swept("home")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write into"):
        swept("file")


def test_a_full_disk_stops_the_sweep_and_keeps_what_is_whole(
    swept: Swept, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    whole = Writer._append

    def full(writer: Writer, line: bytes) -> None:
        if len(writer._records.by_key) > 5:
            whole(writer, line[:10])
            raise OSError(28, "No space left on device")
        whole(writer, line)

    with monkeypatch.context() as patch:
        patch.setattr(Writer, "_append", full)
        with pytest.raises(OSError, match="No space left"):
            swept()
    (shard,) = (tmp_path / "log" / "shards").iterdir()
    assert len(shard.read_text().splitlines()) == 3 + 2 + 1, "problems, records and a torn one"
    assert swept()[1] == read_log(tmp_path / "log")
