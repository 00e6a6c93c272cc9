"""Whether a router is as sure as it should be: calibration errors beside what chance alone would show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tts_select.training.report import figures, html
from tts_select.training.report.figures import Found


def calibration(report: Found, plots: Mapping[str, bytes]) -> Iterable[str]:
    """The errors of each probability, then of each policy or arm that it is said of."""
    found = _given(report.get("calibration"))
    rows = [
        [
            name,
            figures.number(c.get("ece_equal_mass")),
            _null(c.get("ece_null") or {}),
            figures.number(c.get("ece")),
            figures.number(c.get("brier")),
            _skill(c),
            figures.count(c.get("n")),
        ]
        for name, c in found
    ]
    yield html.plot("calibration.png", "Observed against predicted, with counts", plots)
    ece = (
        "ECE, bins of equal mass",
        "of perfect calibration, on so many problems",
        "ECE, bins of equal width",
    )
    yield html.table(("probability", *ece, "Brier", "Brier skill", "n"), rows)
    yield html.note(
        "The null is what a forecaster that says the same, and is right as often as it says, would show: an "
        "error within it does not tell the two apart."
    )
    for name, c in found:
        parts = [
            [
                part,
                figures.number(o.get("ece")),
                _null(o.get("null") or {}),
                _skill(o),
                figures.count(o.get("n")),
            ]
            for part, o in _given(c.get("by"))
        ]
        head = ("of", "ECE", "of perfect calibration", "Brier skill", "n")
        yield html.table(head, parts if len(parts) > 1 else [], caption=f"Each alone: {name}")


def _null(null: Found) -> str:
    """`0.029, 95 % within 0.043`."""
    return f"{figures.number(null.get('mean'))}, 95 % within {figures.number(null.get('high'))}"


def _skill(found: Found) -> str:
    """There is none to speak of where all that happened is alike."""
    skill = found.get("brier_skill")
    return "all outcomes are alike" if skill is None else figures.number(skill)


def _given(parts: Mapping[str, Any] | None) -> list[tuple[str, Found]]:
    """By name, those that there are."""
    return [(name, part) for name, part in (parts or {}).items() if part]
