"""The project's own page of results, from a report as `evaluate` writes it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.training.evaluation.by_hand import log_by_hand
from tests.training.evaluation.test_lookahead import router_by_hand
from tts_select.training.evaluation.evaluate import evaluate
from tts_select.training.replay import metrics
from tts_select.training.report.rendering import without_nan

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
KEYWORDS = {
    "words": {"two words": "cot@1 world:a"},
    "otherwise": "cot@1 world:b",
    "rule": {"accuracy": 0.5, "low": 0.4, "high": 0.6, "cost": 1.5e6},
    "router": 0.7,
    "text_only": 0.6,
}
TIMED = {"n_problems": 2, "decision_ms": 1.5, "solve_s": 0.2, "share": 0.05}
NEVER = {"value": None, "low": 0.4, "high": None, "infinite": ["value", "high"]}


@pytest.fixture(scope="module")
def modules() -> Any:
    """The page and the targets; scripts import what is beside them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        import results_page  # type: ignore[import-not-found]
        import targets  # type: ignore[import-not-found]

        yield results_page, targets
        for name in ("results_page", "targets", "markdown", "kept", "results_sections"):
            sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    ablation = {name: {"all": 0.5} for name in ("auc", "brier", "ece")}
    facts = {"ablation": {**ablation, "probes": {"n": 2, "policy": "p", "prm": "r"}}, "n_problems": 7}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metrics, "N_RESAMPLES", 60)
        found = without_nan(dict(evaluate(router_by_hand(), log_by_hand(), facts)))
    return dict(json.loads(json.dumps(found)))


def live_of(report: dict[str, Any]) -> dict[str, Any]:
    """What a live run at the report's efforts may print."""
    figure = {"value": 0.75, "low": 0.7, "high": 0.8}
    one = {"n_problems": 9, "accuracy": figure, "flops": figure}
    efforts = {effort: {**one, "above_arms": figure} for effort in report["router"]["efforts"]}
    return {"efforts": efforts, "arms": {"cot@1 small": one}, "timed": TIMED}


def test_the_page_lacks_nothing(modules: Any, report: dict[str, Any]) -> None:
    page = "\n".join(modules[0].page(report, live=live_of(report), generalists=report))
    assert "not measured" not in page
    assert "nan" not in page.lower()
    for arm in report["arms"]:
        assert arm["name"] in page
    assert "| high | 9 | 0.750 (0.700 to 0.800) | " in page


def test_every_target_is_held_against_its_figure(modules: Any, report: dict[str, Any]) -> None:
    rows = {row["what"]: row for row in modules[1].targets_of(report)}
    gap = rows["distance from best fixed arm to oracle closed at equal cost"]
    assert gap["met"] is None, "of four problems the distance is within its error"
    assert gap["measured"].startswith("the distance is within its error: ")
    holds = {"gap_closed": {**report["guards"]["gap_closed"], "holds": True}}
    surely = {**report, "guards": holds, "gap_closed": {"value": 0.7, "low": 0.5, "high": 0.9}}
    (gap,) = [row for row in modules[1].targets_of(surely) if row["what"] == gap["what"]]
    assert (gap["met"], gap["measured"]) == (True, "0.700 (0.500 to 0.900)")
    for what in ("difficulty", "p_correct", "confidence"):
        assert rows[f"ECE of {what}"]["met"] == (report["calibration"][what]["ece_equal_mass"] <= 0.05)


def test_a_cost_that_is_infinite_misses_its_target_and_one_not_measured_has_none(
    modules: Any, report: dict[str, Any]
) -> None:
    row = modules[1].targets_of({**report, "cost_ratio_at_equal_accuracy": NEVER})[0]
    assert (row["measured"], row["met"]) == ("never (0.400 to never)", False)
    nothing = dict.fromkeys(("value", "low", "high"))
    row = modules[1].targets_of({**report, "cost_ratio_at_equal_accuracy": nothing})[0]
    assert row["met"] is None


def test_a_shift_has_its_target(modules: Any, report: dict[str, Any]) -> None:
    difference = {"value": -0.02, "low": -0.05, "high": 0.0}
    rows = modules[1].targets_of({**report, "shift": {"difference": difference, "unfamiliar_share": 0.5}})
    (row,) = [row for row in rows if "levels never trained on" in row["what"]]
    assert (row["met"], row["measured"]) == (False, "-0.020 (-0.050 to 0.000); 50% are flagged as unfamiliar")


def test_what_is_kept_makes_the_page_again(
    modules: Any, report: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a figure that was changed by hand is found."""
    results_page = modules[0]
    folder, lab, live = (tmp_path / name for name in ("report", "lab", "live.json"))
    (folder / "plots").mkdir(parents=True)
    lab.mkdir()
    (folder / "report.json").write_text(json.dumps(report))
    for name in results_page.PLOTS:
        (folder / "plots" / name).write_bytes(b"png")
    live.write_text(json.dumps(live_of(report)))
    keywords = tmp_path / "keywords.json"
    keywords.write_text(json.dumps(KEYWORDS))
    monkeypatch.setattr(results_page, "LAB", lab)
    monkeypatch.setattr(sys, "argv", ["page", str(folder), "--live", str(live), "--keywords", str(keywords)])
    results_page.main()
    made = (lab / "results.md").read_text()
    assert "| high | 9 | 0.750 (0.700 to 0.800) | " in made
    assert "(`two words`: cot@1 a; else cot@1 b):\n0.500 (0.400 to 0.600) for 1.5e+06." in made
    assert results_page.stale(lab) == []
    (lab / "results.md").write_text("# Better than it is\n")
    assert len(results_page.stale(lab)) == 1


def test_the_page_of_the_lab_book_is_what_the_figures_beside_it_make(modules: Any) -> None:
    assert modules[0].stale(modules[0].LAB) == []
