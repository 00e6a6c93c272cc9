"""The page of public logs and the table of README.md, from reports as `evaluate` writes them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.training.made import made_log
from tts_select.training.evaluation.evaluate import cross_evaluate
from tts_select.training.replay import metrics
from tts_select.training.report.rendering import without_nan
from tts_select.training.routers.kinds import trainer_of

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def page() -> Any:
    """The script; it imports what is beside it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        import results_real_page  # type: ignore[import-not-found]

        yield results_real_page
        for name in ("results_real_page", "real_table", "markdown", "kept", "results_sections"):
            sys.modules.pop(name, None)


def test_what_is_kept_is_what_is_published(page: Any) -> None:
    """The figures of README.md and of docs/lab/results-real.md are those of the reports that are kept."""
    assert page.stale(page.LAB, page.ROOT / "README.md") == []


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    log = made_log(40, n_samples=6)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metrics, "N_RESAMPLES", 60)
        found = cross_evaluate(log, trainer_of(log, "ladder"), folds=2, n_orders=4)
    return dict(json.loads(json.dumps(without_nan(dict(found)))))


def test_what_is_kept_makes_the_page_and_the_table_again(
    page: Any, report: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a figure that was changed by hand is found."""
    folder, lab, readme = (tmp_path / name for name in ("report", "lab", "README.md"))
    (folder / "plots").mkdir(parents=True)
    (lab / "real").mkdir(parents=True)
    (folder / "report.json").write_text(json.dumps(report))
    (folder / "plots" / "frontier.png").write_bytes(b"png")
    readme.write_text(f"before\n{page.README.begin}\nstale figures\n{page.README.end}\nafter\n")
    monkeypatch.setattr(page, "ROOT", tmp_path)
    monkeypatch.setattr(page, "LAB", lab)
    monkeypatch.setattr(sys, "argv", ["page", f"gsm8k={folder}"])
    page.main()
    text = readme.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert f"n = {report['n_problems']} |" in text
    assert "stale figures" not in text
    assert page.stale(lab, readme) == []
    readme.write_text(text.replace(f"n = {report['n_problems']} |", "n = 4000 |"))
    (lab / "results-real.md").write_text("# Better than it is\n")
    assert len(page.stale(lab, readme)) == 2


def test_a_readme_without_a_place_for_it_is_refused(page: Any) -> None:
    with pytest.raises(ValueError, match="put the results between one"):
        page.README.filled("no markers", [])
