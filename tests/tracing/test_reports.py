"""A report as a page; tests/commands/test_evaluate.py has a real one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tts_select.tracing.sources import page_of

POINT = {"accuracy": 0.8, "low": 0.7, "high": 0.9, "cost": 100.0}
INTERVAL = {"value": 0.5, "low": 0.4, "high": None}


@pytest.fixture
def report(tmp_path: Path) -> Path:
    content: dict[str, Any] = {
        "schema": "tts-select/report@1",
        "kind": "ladder",
        "unit": "tokens",
        "n_problems": 40,
        "split": "5 folds over problems",
        "router": {"frontier": [{**POINT, "price": 0.1}], "efforts": {"low": {**POINT, "price": 0.1}}},
        "arms": [{**POINT, "name": "cot@1 p"}, {**POINT, "name": "majority@8 p"}],
        "baselines": {"margin": POINT},
        "best_fixed": {**POINT, "name": "majority@8 p"},
        "cost_ratio_at_equal_accuracy": {"value": None, "low": None, "high": None},
        "area": INTERVAL,
        "gap_closed": INTERVAL,
        "regret": INTERVAL,
        "oracle": POINT,
        "decision_ms": {"median": 1.25, "p95": 3.0},
        "unfamiliar_share": 0.0,
        "at_budgets": [
            {
                "budget": 100.0,
                "router": POINT,
                "best_fixed": {**POINT, "name": "cot@1 p", "difference": INTERVAL},
                "stop_rules": [],
            }
        ],
    }
    (tmp_path / "report.json").write_text(json.dumps(content))
    return tmp_path


def test_the_frontier_has_all_points_with_their_intervals(report: Path) -> None:
    page = page_of(report)
    series = {s["name"]: s["points"] for s in page.data["frontier"]["series"]}
    assert [p["label"] for p in series["fixed arms"]] == ["cot@1 p", "majority@8 p"]
    assert [p["label"] for p in series["efforts"]] == ["effort low"]
    assert all((p["low"], p["high"]) == (0.7, 0.9) for points in series.values() for p in points)


def test_what_is_not_known_is_said(report: Path) -> None:
    facts = dict(page_of(report / "report.json").data["facts"])
    assert facts["cost at its accuracy, over its cost"] == "not reached"
    assert facts["regret"] == "0.5 [0.4, ?]"


@pytest.mark.browser
def test_it_opens(browser: Any, report: Path) -> None:
    from tests.tracing.pages import watched

    (report / "page.html").write_text("".join(page_of(report).pieces()))
    with watched(browser) as watch:
        tab = watch.open(report / "page.html")
        assert tab.locator(".frontier circle").count() == 5
        assert "majority@8 p" in tab.locator("section[aria-label='Against fixed arms']").inner_text()
