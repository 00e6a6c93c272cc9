"""`tts-select sweep --shard`, `sweep merge`, and the commands in the examples for Slurm and Kubernetes."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from tts_select.cli import main
from tts_select.executors import registry
from tts_select.executors.backend_options import Backend, WorldOptions
from tts_select.testing import FakePolicy, FakeRewardModel
from tts_select.training.log.reading import read_log

EXAMPLES = Path(__file__).parents[2] / "examples"
PORTFOLIO = """
name: mine
arms:
  - {policy: "fake:a", method: majority, budget: [1, 2, 8]}
  - {policy: "fake:a", prm: "fake:p", method: best_of_n, budget: 8}
  - {policy: "fake:a", prm: "fake:p", method: beam, budget: 2}
"""


def invoke(*args: str) -> Result:
    return CliRunner().invoke(main, list(args))


@pytest.fixture(autouse=True)
def _fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = FakePolicy(
        lambda request, k: f"{'' if request.steps else 'So:'}\n\nIt is \\boxed{{{2 + k % 2}}}"
    )
    prm = FakeRewardModel(lambda _, steps: [0.5] * len(steps))
    monkeypatch.setitem(registry.POLICIES, "fake", Backend(lambda *_: policy, WorldOptions, "random"))
    monkeypatch.setitem(registry.PRMS, "fake", Backend(lambda *_: prm, WorldOptions, "random"))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with problems and a portfolio."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "arms.yaml").write_text(PORTFOLIO)
    lines = [{"id": f"p{k}", "problem": f"1 + {k}?", "answer": str(k + 1)} for k in range(6)]
    (tmp_path / "problems.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return tmp_path


SWEEP = (
    "sweep",
    "--problems",
    "problems.jsonl",
    "--portfolio",
    "arms.yaml",
    "--samples",
    "8",
    "--out",
    "sweep",
)


def test_shards_are_merged_and_what_is_missing_is_run(here: Path) -> None:
    first = invoke(*SWEEP, "--shard", "0/2")
    assert first.exit_code == 0, first.stderr
    assert "units of shard 0/2 are in sweep/shard-0-of-2" in first.stderr
    partial = invoke("sweep", "merge", "sweep", "--out", "whole")
    assert partial.exit_code == 0, partial.stderr
    assert "units are missing:\n  samples of fake:a: of " in partial.stderr
    assert partial.stderr.rstrip().endswith("tts-select sweep --out whole")
    command = partial.stderr.rstrip().rpartition("tts-select ")[2].split()
    done = invoke(*command, "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["problems"] == 6
    assert invoke(*SWEEP, "--shard", "1/2").exit_code == 0
    again = json.loads(invoke("sweep", "merge", "sweep", "--out", "whole", "--json").stdout)
    assert (again["new"], again["missing"], again["conflicts"]) == (0, {}, [])
    assert again["duplicates"] == again["units"], "once in whole/, once in sweep/"
    assert read_log(here / "whole").manifest.arms


def test_a_sweep_that_ends_early_says_so_and_its_whole_part_is_a_log(here: Path) -> None:
    ended = invoke(*SWEEP, "--chunk", "2", "--total-tokens", "100")
    assert ended.exit_code == 0, ended.stderr
    assert "ended early: the purse is spent: " in ended.stderr
    command = ended.stderr.rstrip().rpartition("tts-select ")[2].split()
    assert invoke(*command[:-1], "part").exit_code == 0
    assert {len(pool.samples) for pool in read_log(here / "part").pools.values()} <= {2, 4}
    known = invoke(*SWEEP[:-1], "known", "--chunk", "2", "--stop-when", "0.4", "--json")
    assert known.exit_code == 0
    assert "the pass@1 of fake:a is known" in json.loads(known.stdout)["ended"][0]


def test_a_prm_is_added_to_a_log(here: Path) -> None:
    assert invoke(*SWEEP).exit_code == 0
    more = ("sweep", "--score-only", "--prm", "fake:r", "--reuse", "sweep", "--out", "scored")
    done = invoke(*more)
    assert done.exit_code == 0, done.stderr
    assert set(read_log(here / "scored").manifest.models) == {"fake:a", "fake:p", "fake:r"}


def test_a_prm_of_a_config_is_added_to_a_log(here: Path) -> None:
    models = {"policies": {"a": {"spec": "fake:a"}}, "prms": {n: {"spec": f"fake:{n}"} for n in ("p", "r")}}
    (here / "c.yaml").write_text(json.dumps(models))
    (here / "arms.yaml").write_text(PORTFOLIO.replace("fake:", ""))
    assert invoke(*SWEEP, "--config", "c.yaml").exit_code == 0
    more = ("sweep", "--score-only", "--prm", "r", "--reuse", "sweep", "--out", "scored")
    done = invoke(*more, "--config", "c.yaml")
    assert done.exit_code == 0, done.stderr
    assert set(read_log(here / "scored").manifest.models) == {"a", "p", "r"}


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (("--shard", "2/2"), "I from 0 to N - 1, as in 0/8 to 7/8"),
        (("--shard", "half"), "is not I/N"),
        (("--prm", "fake:p"), "--prm goes with --score-only"),
        (("--score-only", "--prm", "fake:r"), "the log with the samples in one --reuse"),
        (("--score-only", "--prm", "fake:r", "--reuse", "x"), "leave --problems out"),
        (("--stop-when", "0.1"), "as in --chunk 16"),
        (("--total-dollars", "1"), "the price of fake:a is not known"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    here: Path, args: tuple[str, ...], complaint: str
) -> None:
    result = invoke(*SWEEP, *args)
    assert result.exit_code == 2
    assert complaint in " ".join(result.stderr.split())


def test_without_problems_there_must_be_a_sweep_and_no_other_options(here: Path) -> None:
    nothing = invoke("sweep", "--out", "sweep")
    assert nothing.exit_code == 2
    assert "nothing to go on with: specify --problems" in nothing.stderr
    assert invoke(*SWEEP).exit_code == 0
    other = invoke("sweep", "--out", "sweep", "--samples", "9")
    assert other.exit_code == 2
    assert "leave --samples out, which the log says" in " ".join(other.stderr.split())


def test_merge_has_help_of_its_own_and_refuses_what_is_no_log(here: Path) -> None:
    assert "tts-select sweep merge sweep/ --out whole/" in invoke("sweep", "merge", "--help").output
    assert "sweep merge" in invoke("sweep", "--help").output
    nothing = invoke("sweep", "merge", "arms", "--out", "whole")
    assert nothing.exit_code == 2
    assert "'arms' is no sweep log" in nothing.stderr


def commands_of(script: list[str], env: dict[str, str], folder: Path) -> list[str]:
    """What a script asks of `tts-select`, which is put in its way."""
    stub = folder / "bin" / "tts-select"
    stub.parent.mkdir(exist_ok=True)
    stub.write_text('#!/bin/sh\nfor word in "$@"; do echo "$word"; done\n')
    stub.chmod(0o755)
    path = f"{stub.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        script, env={"PATH": path, **env}, capture_output=True, text=True, check=True, cwd=folder, timeout=20
    )
    return done.stdout.splitlines()


def test_the_array_for_slurm_is_a_whole_sweep(here: Path) -> None:
    script = ["bash", str(EXAMPLES / "slurm-sweep.sh"), "--samples", "8"]
    for index in range(2):
        args = commands_of(script, {"SLURM_ARRAY_TASK_ID": str(index), "SHARDS": "2"}, here)
        assert invoke(*args).exit_code == 0, args
    assert invoke("sweep", "merge", "sweep", "--out", "whole").exit_code == 0
    assert len(read_log(here / "whole").problems) == 6
    lines = Path(script[1]).read_text().splitlines()
    assert "#SBATCH --array=0-7" in lines
    assert "SHARDS=${SHARDS:-8}" in lines


def test_the_job_for_kubernetes_is_a_whole_sweep(here: Path) -> None:
    job = yaml.safe_load((EXAMPLES / "kubernetes-sweep.yaml").read_text())
    assert job["spec"]["completionMode"] == "Indexed"
    (container,) = job["spec"]["template"]["spec"]["containers"]
    for index in range(job["spec"]["completions"]):
        args = commands_of(container["command"], {"JOB_COMPLETION_INDEX": str(index)}, here)
        assert invoke(*args, "--samples", "8").exit_code == 0, shlex.join(args)
    assert invoke("sweep", "merge", "sweep", "--out", "whole").exit_code == 0
    assert len(read_log(here / "whole").problems) == 6
