"""A report of `tts-select evaluate`, as a page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tts_select.tracing.reading import read_document
from tts_select.tracing.view import Page
from tts_select.training.evaluation.records import SCHEMA, Report

REPORT = "report.json"


def report_page(path: Path) -> Page:
    """The page of a report: the frontier with its intervals, and what stands beside it.

    Raises:
        InputError: it is no report.
    """
    report = read_report(path)
    data = {
        "kind": "report",
        "title": path.resolve().parent.name,
        "subtitle": f"{report['kind']} router on {report['n_problems']:,} problems, {report['split']}",
        "unit": report["unit"],
        "frontier": frontier_of(report),
        "facts": _facts(report),
        "budgets": _budgets(report),
    }
    return Page(data)


def read_report(path: Path) -> Report:
    """Read a report.

    Raises:
        InputError: it is none, or of another schema.
    """
    found: Any = read_document(path, "report", SCHEMA, "write it anew with evaluate")
    report: Report = found
    return report


def frontier_of(report: Report) -> dict[str, Any]:
    """Its accuracies against their costs, as series of points."""
    efforts = [{**point, "label": f"effort {name}"} for name, point in report["router"]["efforts"].items()]
    baselines = [{**point, "label": name} for name, point in report["baselines"].items()]
    router = [{**p, "label": f"price {p['price']:.3g}"} for p in report["router"]["frontier"]]
    return {
        "title": "Accuracy by cost",
        "x": f"mean {report['unit']} of a problem",
        "is_log": True,
        "series": [
            {
                "name": "fixed arms",
                "kind": "arm",
                "points": [{**p, "label": p["name"]} for p in report["arms"]],
            },
            {"name": "strategies that learn nothing", "kind": "other", "points": baselines},
            {"name": "router", "kind": "router", "points": router},
            {"name": "efforts", "kind": "effort", "points": efforts},
        ],
    }


def _facts(report: Report) -> list[list[str]]:
    """Lines of a name and a figure with its interval."""
    best = report["best_fixed"]
    return [
        ["best fixed arm", f"{best['name']}: {_accuracy(best)}, {best['cost']:.3g} {report['unit']}"],
        ["cost at its accuracy, over its cost", _interval(report["cost_ratio_at_equal_accuracy"])],
        ["accuracy above fixed arms of the same cost", _interval(report["area"])],
        ["share of the gap to the best arm for each problem", _closed(report)],
        ["regret", _interval(report["regret"])],
        ["the best arm for each problem", f"{_accuracy(report['oracle'])}, {report['oracle']['cost']:.3g}"],
        ["one decision", f"{report['decision_ms']['median']:.1f} ms"],
        ["refused as unlike the training", f"{report['unfamiliar_share']:.1%}"],
    ]


def _closed(report: Report) -> str:
    """Reports of before had no guards."""
    guard = report.get("guards", {}).get("gap_closed")
    if guard is None or guard["holds"]:
        return _interval(report["gap_closed"])
    return f"the gap is within its error: {_interval(guard['distance'])}"


def _budgets(report: Report) -> list[list[str]]:
    """For each budget: the router, the best fixed arm, and the difference."""
    return [
        [
            f"{at['budget']:.3g}",
            _accuracy(at["router"]),
            f"{at['best_fixed']['name']}: {_accuracy(at['best_fixed'])}",
            _interval(at["best_fixed"]["difference"]),
        ]
        for at in report["at_budgets"]
    ]


def _accuracy(point: Mapping[str, Any]) -> str:
    return f"{point['accuracy']:.1%} [{point['low']:.1%}, {point['high']:.1%}]"


def _interval(found: Mapping[str, Any]) -> str:
    if found.get("value") is None:
        return "not reached"
    ends = [found.get("low"), found.get("high")]
    return f"{found['value']:.3g} [{', '.join('?' if end is None else f'{end:.3g}' for end in ends)}]"
