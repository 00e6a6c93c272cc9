"""`tts-select evaluate`: from a router or a log to report.json, the page and the table."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tts_select.cli import main
from tts_select.commands.evaluate import KINDS
from tts_select.tracing.sources import page_of
from tts_select.training.log.manifest import searches
from tts_select.training.log.records import SweepLog
from tts_select.training.log.writer import Writer
from tts_select.training.routers.kinds import TRAINERS


def invoke(*args: str | Path) -> Result:
    return CliRunner().invoke(main, ["evaluate", *map(str, args)])


@pytest.fixture(scope="module")
def sweep(synthetic_log: Callable[..., SweepLog], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Problems that the shared router was not trained on."""
    log, folder = synthetic_log(12, seed=1), tmp_path_factory.mktemp("sweeps") / "sweep"
    log = replace(
        log,
        problems={f"t{id_}": replace(p, id=f"t{id_}") for id_, p in log.problems.items()},
        pools={(f"t{id_}", name): replace(p, problem=f"t{id_}") for (id_, name), p in log.pools.items()},
        runs={
            (f"t{id_}", arm): tuple(replace(run, problem=f"t{id_}") for run in some)
            for (id_, arm), some in log.runs.items()
        },
    )
    asked = {(arm.name, seed) for arm, seed in searches(log.manifest.arms, log.manifest.n_runs, 0)}
    runs = [run for found in log.runs.values() for run in found if (run.arm, run.seed) in asked]
    with Writer(folder, log.manifest, list(log.problems.values())) as writer:
        for record in (*log.pools.values(), *runs):
            writer.write(record)
        writer.finish()
    return folder


def test_from_a_router_to_a_page_that_lacks_nothing(router_folder: Path, sweep: Path, tmp_path: Path) -> None:
    out = tmp_path / "report"
    result = invoke(router_folder, sweep, "--out", out)
    assert result.exit_code == 0, result.output
    report = json.loads((out / "report.json").read_text())
    page = page_of(out)
    series = {s["name"]: s["points"] for s in page.data["frontier"]["series"]}
    assert len(series["router"]) == len(report["router"]["frontier"])
    assert len(series["fixed arms"]) == len(report["arms"])
    page = (out / "report.html").read_text()
    assert "not measured" not in page
    digest = hashlib.sha256((router_folder / "manifest.json").read_bytes()).hexdigest()
    assert report["router"]["sha256"] == digest
    assert (digest in page, report["router"]["folder"]) == (True, router_folder.name)
    assert (report["kind"], report["n_problems"]) == ("look-ahead", 12)
    assert page.count("<img") == 4
    names = {row["against"] for row in report["savings"]}
    assert {"the best fixed arm", "margin", "adaptive consistency"} <= names
    assert "points more" in result.stdout
    assert "effort medium" in result.stdout
    assert f"more in {out / 'report.html'}" in result.stderr


def test_json_is_the_report(router_folder: Path, sweep: Path, tmp_path: Path) -> None:
    result = invoke(router_folder, sweep, "--out", tmp_path / "report", "--policies", "world:small", "--json")
    assert result.exit_code == 2
    assert "lacks the router's arm" in result.stderr
    result = invoke(router_folder, sweep, "--out", tmp_path / "report", "--json")
    assert json.loads(result.stdout) == json.loads((tmp_path / "report" / "report.json").read_text())


def test_several_routers_are_trainings_of_one(router_folder: Path, sweep: Path, tmp_path: Path) -> None:
    other = shutil.copytree(router_folder, tmp_path / "router-2")
    result = invoke(router_folder, other, sweep, "--out", tmp_path / "report", "--orders", "2", "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert (report["n_trainings"], report["n_draws"]) == (2, 2)
    assert [one["folder"] for one in report["trainings"]] == [router_folder.name, "router-2"]
    assert len({one["sha256"] for one in report["trainings"]}) == 1
    assert report["router"]["folder"] == router_folder.name
    assert "not measured" not in (tmp_path / "report" / "report.html").read_text()


def test_every_kind_that_can_be_trained_can_be_measured_in_folds() -> None:
    assert set(KINDS) == set(TRAINERS)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("router", "log", "--folds", "5"), "specify a log alone, without a router"),
        (("log",), "specify a router and a log, or a log alone with --folds 5"),
        (("router", "log", "--kind", "ladder"), "--kind is for --folds"),
        (("log", "--folds", "5", "--shift", "log"), "--shift is for a router in a folder"),
        (("router", "log", "--trainings", "3"), "--trainings is for --folds: specify the folders of several"),
        (("router", "router-2", "log", "--folds", "5"), "specify a log alone, without a router"),
        (("router", "log"), "no router in 'router'"),
        (("log", "--folds", "5"), "no sweep log in 'log'"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    args: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = invoke(*args, "--out", "out")
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stderr.strip().count("\n") == 0
    assert not Path("out").exists()


def test_folds_train_the_kind_that_is_asked_for(
    sweep: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    for kind in TRAINERS:

        def train(log: SweepLog, *, kind: str = kind, **_: Any) -> None:
            asked.append((kind, len(log.problems)))
            raise KeyboardInterrupt

        monkeypatch.setitem(TRAINERS, kind, train)  # type: ignore[arg-type]
    for options in ((), ("--kind", "ladder"), ("--kind", "look-ahead")):
        invoke(sweep, "--folds", "3", "--out", tmp_path / "out", *options)
    assert asked == [("look-ahead", 8), ("ladder", 8), ("look-ahead", 8)]
