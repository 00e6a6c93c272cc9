"""A report that a real Ray makes is the one of a single process."""

from __future__ import annotations

import json
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.commands.test_ladders import imported
from tests.training.evaluation.test_in_parts import same
from tts_select.cli import main
from tts_select.commands import _progress

ray = pytest.importorskip("ray")
pytestmark = [pytest.mark.ray, pytest.mark.filterwarnings("ignore")]

KILLING = runpy.run_path(str(Path(__file__).parents[1] / "sweep/engines/killing_ray.py"))
IN_FOLDS = ("--folds", "3", "--trainings", "2", "--kind", "ladder", "--orders", "4", "--prior", "none")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    machines = KILLING["Machines"]()
    yield machines.address
    machines.end()


def evaluated(*args: str) -> Result:
    return CliRunner().invoke(main, ["evaluate", *args])


def report(out: Path) -> Any:
    return json.loads((out / "report.json").read_text(encoding="utf-8"))


def test_the_report_of_a_cluster_is_the_one_of_a_process(
    tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_progress, "LINE_SECONDS", 0.0)  # a fast machine is done before a line is due
    log = imported(tmp_path, "log", 0, 30)
    here = evaluated(log, *IN_FOLDS, "--out", str(tmp_path / "here"))
    assert here.exit_code == 0, here.output
    there = evaluated(
        log, *IN_FOLDS, "--out", str(tmp_path / "there"), "--engine", "ray", "--address", address
    )
    assert there.exit_code == 0, there.output
    assert "done on the cluster" in there.stderr
    same(report(tmp_path / "there"), report(tmp_path / "here"))


def test_folds_that_are_too_small_are_said_as_in_one_process(tmp_path: Path, address: str) -> None:
    log = imported(tmp_path, "log", 0, 4)
    here = evaluated(log, *IN_FOLDS, "--out", str(tmp_path / "here"))
    there = evaluated(
        log, *IN_FOLDS, "--out", str(tmp_path / "there"), "--engine", "ray", "--address", address
    )
    assert here.exit_code == there.exit_code == 2
    assert here.stderr.splitlines()[-1] == there.stderr.splitlines()[-1]
