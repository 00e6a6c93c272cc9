"""Views of outcomes: how often answers were right, and what correcting the confidence is worth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table

from tts_select.commands._terminal import figure, text


def summary_view(summary: Mapping[str, Any]) -> RenderableType:
    """Render the accuracy, and a reliability table for each kind of confidence."""
    facts = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    facts.add_row("outcomes", f"{summary['n']:,}")
    facts.add_row("accuracy", _interval(summary["accuracy"]))
    if summary["n_without_confidence"]:
        facts.add_row("without an answer", f"{summary['n_without_confidence']:,}")
    return Group(facts, *(_reliability(kind, found) for kind, found in summary["confidence"].items()))


def recalibration_view(facts: Mapping[str, Any]) -> RenderableType:
    """Render what was chosen, with ECE and Brier score before and after."""
    table = Table("", "before", "after, cross-validated", box=None)
    for name, key in (("ECE", "ece"), ("Brier score", "brier")):
        table.add_row(name, *(_interval(facts[f"{key}_{when}"]) for when in ("before", "after")))
    form = facts["form"]
    chosen = "unchanged: nothing did better" if form == "unchanged" else f"corrected by {form} scaling"
    if form == "isotonic":
        chosen = "corrected by a shrunken isotonic curve"
    chosen_by = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    chosen_by.add_row("outcomes", f"{facts['n']:,}, accuracy {_interval(facts['accuracy'])}")
    chosen_by.add_row("confidence", chosen)
    return Group(chosen_by, table)


def _reliability(kind: str, found: Mapping[str, Any]) -> RenderableType:
    facts = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    facts.add_row("ECE", _interval(found["ece"]))
    facts.add_row("Brier score", _interval(found["brier"]))
    table = Table("said", "right", "outcomes", box=None)
    for row in found["bins"]:
        table.add_row(figure(row["predicted"], ".3f"), figure(row["observed"], ".3f"), f"{row['n']:,}")
    return Group(text(f"confidence: {kind}, {found['n']:,} outcomes"), table, facts)


def _interval(found: Mapping[str, float]) -> str:
    value, low, high = (figure(found[key], ".3f") for key in ("value", "low", "high"))
    return f"{value} ({low} to {high})"
