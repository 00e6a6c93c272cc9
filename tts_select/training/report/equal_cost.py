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
        "router minus stop rules",
    )
    rows = [
        [
            figures.cost(row.get("budget"), report.get("unit", "FLOPs")),
            figures.share((row.get("router") or {}).get("accuracy")),
            _rival(row.get("best_fixed") or {}),
            figures.points((row.get("best_fixed") or {}).get("difference") or {}),
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
