"""The world report as files, of a few problems of the sweep that ships."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tts_select.data.world.artifacts import SWEEP
from tts_select.training.log.reading import read_log
from tts_select.training.log.records import SweepLog
from tts_select.training.world.report import write_report

pytestmark = pytest.mark.slow
BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
N_PROBLEMS = 24
"""One of each family at each level."""


@pytest.fixture(scope="module")
def log() -> SweepLog:
    whole = read_log(SWEEP)
    some = list(whole.problems)[:N_PROBLEMS]

    def of_these(records: Any) -> Any:
        return {key: record for key, record in records.items() if key[0] in some}

    problems = {id_: whole.problems[id_] for id_ in some}
    return replace(whole, problems=problems, pools=of_these(whole.pools), runs=of_these(whole.runs))


@pytest.fixture(scope="module")
def folder(log: SweepLog, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("world") / "a" / "new folder"
    write_report(log, out)
    return out


def test_the_report_is_files_in_a_folder_that_it_makes(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == {
        "report.json",
        "world.md",
        "world-levels.png",
        "world-methods.png",
    }


def test_its_figures_are_those_of_the_log(folder: Path, log: SweepLog) -> None:
    found = json.loads((folder / "report.json").read_text())
    rows = [pool.samples for (_, name), pool in log.pools.items() if name == "world:small"]
    shares = [sum(s.correct for s in samples) / len(samples) for samples in rows]
    told = found["pass@1 by third of the levels"]["small"]["all"]
    assert told["n"] == len(shares) == N_PROBLEMS
    assert told["value"] == pytest.approx(sum(shares) / N_PROBLEMS)
    assert told["low"] < told["value"] < told["high"]
    assert (
        f"| small | {found['pass@1 by family']['small']['story']['value']:.3f} ("
        in (folder / "world.md").read_text()
    )


def test_the_page_holds_every_target_against_its_figure(folder: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        import world_page  # type: ignore[import-not-found]

        tables = json.loads((folder / "report.json").read_text())
        page = "\n".join(world_page.page(tables))
        rows = {target.what: target for target in world_page.targets(tables)}
        for name in ("world_page", "markdown"):
            sys.modules.pop(name, None)
    assert all(what in page for what in rows)
    gains = [row["difference"]["value"] for row in tables["Votes"].values()]
    assert rows["majority@16 - cot, every generalist"].is_met == (min(gains) >= 0.05)
    assert f"on {N_PROBLEMS} test\nproblems" in page
