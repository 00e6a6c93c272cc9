"""What a page says first: the router beside fixed arms and stop rules at equal cost, and at accuracies
that both reach."""

from __future__ import annotations

from collections.abc import Iterable

from tts_select.training.report import figures, html
from tts_select.training.report.figures import Found


def in_words(report: Found) -> Iterable[str]:
    """What can be said of any two frontiers."""
    if ((area := report.get("area")) or {}).get("value") is not None:
        gained = figures.points(area or {})
        yield f"At equal cost the router has {gained} beside fixed arms, on average over costs."
    worst = (report.get("frontier_gaps") or {}).get("worst") or {}
    if worst.get("value") is not None:
        yield f"At worst, beside {figures.text(worst.get('name'))}, it has {figures.points(worst)}."
    rows = report.get("at_budgets") or []
    if rows and (row := rows[len(rows) // 2]).get("budget") is not None:
        best, unit = row.get("best_fixed") or {}, report.get("unit", "FLOPs")
        yield (
            f"With at most {figures.cost(row['budget'], unit)} a problem it gets "
            f"{figures.share((row.get('router') or {}).get('accuracy'))}, the best fixed arm "
            f"({figures.text(best.get('name'))}) {figures.share(best.get('accuracy'))}."
        )


def budgets(report: Found) -> str:
    """The router beside the best fixed arm and the stop rules within each budget."""
    head = (
        "at most, per problem",
        "router",
        "best fixed arm",
        "router minus that",
        "frontier minus frontier",
        "router minus stop rules",
    )
    rows = [
        [
            figures.cost(row.get("budget"), report.get("unit", "FLOPs")),
            figures.share((row.get("router") or {}).get("accuracy")),
            _rival(row.get("best_fixed") or {}),
            figures.points((row.get("best_fixed") or {}).get("difference") or {}),
            figures.points(row.get("gain") or {}),
            _minus_rules(row.get("stop_rules") or []),
        ]
        for row in report.get("at_budgets") or []
    ]
    return html.table(head, rows, caption="Accuracy within a budget")


def _rival(rival: Found) -> str:
    return f"{figures.share(rival.get('accuracy'))}, {figures.text(rival.get('name'))}"


def _minus_rules(rules: Iterable[Found]) -> str:
    found = [f"{figures.text(r.get('name'))} {figures.points(r.get('difference') or {})}" for r in rules]
    return "; ".join(found) or "none costs as little"


def accuracies(report: Found) -> str:
    """What accuracies cost that the router and the fixed arms both reach."""
    unit = report.get("unit", "FLOPs")
    rows = [
        [
            figures.share(row.get("accuracy")),
            figures.cost(row.get("router"), unit),
            figures.cost(row.get("fixed"), unit),
            figures.part(row.get("cost_ratio") or {}),
        ]
        for row in report.get("cost_at_accuracies") or []
    ]
    return html.table(
        ("accuracy", "router", "fixed arms", "router's cost"), rows, caption="Cost of an accuracy"
    )


def against_cheapest(report: Found) -> str:
    """What accuracies cost beside the cheapest arm that has them but for a point."""
    unit = report.get("unit", "FLOPs")
    rows = [
        [
            f"{figures.share(row.get('accuracy'))} ({100 * (row.get('above_best') or 0):+.0f} points)",
            _cost_or_most(row, unit),
            *_cheapest(row, unit),
        ]
        for row in report.get("costs_against_cheapest") or []
    ]
    head = ("accuracy (beside the best arm)", "router", "cheapest arm within a point", "router's cost")
    return html.table(head, rows, caption="Cost of an accuracy, beside the cheapest fixed arm")


def _cost_or_most(row: Found, unit: str) -> str:
    if figures.is_infinite(row, "router"):
        return f"never{figures.reached(row, unit)}"
    return figures.cost(row.get("router"), unit)


def _cheapest(row: Found, unit: str) -> tuple[str, str]:
    arm = row.get("arm")
    if not arm:
        return "none is so accurate", ""
    said = f"{figures.text(arm.get('name'))}, {figures.cost(arm.get('cost'), unit)}"
    return said, figures.part(row.get("cost_ratio") or {})


def rules(report: Found) -> str:
    """The router beside each stop rule at the best of its thresholds."""
    unit = report.get("unit", "FLOPs")
    rows = [
        [
            figures.text(rule.get("against")),
            figures.count(rule.get("n_settings")),
            figures.points(rule.get("area") or {}),
            "; ".join(_setting(point, unit) for point in rule.get("points") or []),
        ]
        for rule in report.get("rules") or []
    ]
    head = ("stop rule", "settings", "router minus it, on average over costs", "its frontier")
    return html.table(head, rows, caption="Stop rules, each at the best of its thresholds, caps and policies")


def _setting(point: Found, unit: str) -> str:
    at = f"{figures.text(point.get('policy'))} at {figures.number(point.get('threshold'))}"
    most = f"up to {figures.count(point.get('most_samples'))}"
    return f"{at} {most}: {figures.share(point.get('accuracy'))}, {figures.cost(point.get('cost'), unit)}"
