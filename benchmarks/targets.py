"""What the project wants its own evaluations to show, beside what a `report.json` shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

COST_AT_EQUAL_ACCURACY = 1 / 4
COST_HIGH = 1 / 3
ONE_POINT = 0.01
FIVE_POINTS = 0.05
GAP_CLOSED = 0.6
ECE = 0.05
DECISION_MS = 5.0

Row = dict[str, Any]


def targets_of(report: Mapping[str, Any]) -> list[Row]:
    """Rows of {what, wanted, measured, met}; `met` is None where nothing was measured."""
    groups = (_cost, _frontier, _bins, _calibration, _shift, _decision)
    return [row for of in groups for row in of(report)]


def _cost(report: Mapping[str, Any]) -> list[Row]:
    ratio, closed = report["cost_ratio_at_equal_accuracy"], report["gap_closed"]
    cheap = _at_most(ratio, "value", COST_AT_EQUAL_ACCURACY) and _at_most(ratio, "high", COST_HIGH)
    what = "cost at the accuracy of the best fixed arm, probes included"
    gap = "distance from best fixed arm to oracle closed at equal cost"
    shown, met = _shown(closed), _at_least(closed, "value", GAP_CLOSED)
    if not report["guards"]["gap_closed"]["holds"]:
        distance, regret = report["guards"]["gap_closed"]["distance"], report["regret"]
        shown, met = f"the distance is within its error: {_shown(distance)}; regret {_shown(regret)}", None
    return [
        _row(what, "at most 1/4 of it (upper end: 1/3)", _shown(ratio), cheap),
        *_beside_cheapest(report),
        _row(gap, "at least 0.6", shown, met),
    ]


def _beside_cheapest(report: Mapping[str, Any]) -> list[Row]:
    """At the best arm's accuracy, beside the cheapest arm within a point."""
    found = [row for row in report["costs_against_cheapest"] if row["above_best"] == 0 and "arm" in row]
    return [
        _row(
            f"the same beside the cheapest arm within a point of it ({row['arm']['name']})",
            "at most 1/4 of it (upper end: 1/3)",
            _shown(row["cost_ratio"]),
            _at_most(row["cost_ratio"], "value", COST_AT_EQUAL_ACCURACY)
            and _at_most(row["cost_ratio"], "high", COST_HIGH),
        )
        for row in found
    ]


def _frontier(report: Mapping[str, Any]) -> list[Row]:
    worst, median = report["frontier_gaps"]["worst"], report["frontier_gaps"]["at_median_budget"]
    shown = f"{_shown(worst)}, {worst['name']}"
    above = "frontier minus the best fixed arm at the median budget"
    return [
        _row(
            "frontier minus any fixed arm of the same cost",
            "never below -0.01",
            shown,
            _at_least(worst, "value", -ONE_POINT),
        ),
        _row(above, "at least 0.05", _shown(median), _at_least(median, "value", FIVE_POINTS)),
    ]


def _bins(report: Mapping[str, Any]) -> list[Row]:
    wanted = {"oracle": "not worse", "estimated": "better"}
    return [
        _row(
            f"minus the paper's bins with {known} difficulty, at equal cost",
            wanted[known],
            _shown(gap),
            _at_least(gap, "value", 0.0),
        )
        for known, gap in report["bins_gaps"].items()
    ]


def _calibration(report: Mapping[str, Any]) -> list[Row]:
    return [
        _row(
            f"ECE of {what}",
            "at most 0.05",
            f"{found['ece_equal_mass']:.3f} (perfect: {found['ece_null']['mean']:.3f}, "
            f"95 % within {found['ece_null']['high']:.3f})",
            _at_most(found, "ece_equal_mass", ECE),
        )
        for what, found in report["calibration"].items()
    ]


def _shift(report: Mapping[str, Any]) -> list[Row]:
    if (found := report["shift"]) is None:
        return []
    gap = found["difference"]
    shown = f"{_shown(gap)}; {found['unfamiliar_share']:.0%} are flagged as unfamiliar"
    if alone := found.get("not_flagged"):
        shown += f"; on the {alone['n']} others alone {_shown(alone['difference'])}"
    what = "levels never trained on: router minus the best fixed arm"
    return [_row(what, "never below -0.01", shown, _at_least(gap, "value", -ONE_POINT))]


def _decision(report: Mapping[str, Any]) -> list[Row]:
    taken = report["decision_ms"]
    shown = f"{taken['median']:.1f} ms (95 % within {taken['p95']:.1f} ms)"
    met = _at_most(taken, "median", DECISION_MS)
    return [_row("one decision, features included", "at most 5 ms", shown, met)]


def _row(what: str, wanted: str, measured: str, met: bool | None) -> Row:
    return {"what": what, "wanted": wanted, "measured": measured, "met": met}


def _shown(found: Mapping[str, Any]) -> str:
    """A cost is infinite where the router never is as accurate."""
    value, low, high = (_end(found, key) for key in ("value", "low", "high"))
    return f"{value} ({low} to {high})"


def _end(found: Mapping[str, Any], key: str) -> str:
    if key in found.get("infinite", ()):
        return "never"
    return "not measured" if found[key] is None else f"{found[key]:.3f}"


def _at_most(found: Mapping[str, Any], key: str, bound: float) -> bool | None:
    if key in found.get("infinite", ()):
        return False
    return None if found[key] is None else found[key] <= bound


def _at_least(found: Mapping[str, Any], key: str, bound: float) -> bool | None:
    return None if found[key] is None else found[key] >= bound
