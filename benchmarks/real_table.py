"""The table of README.md: what routers save on logs of real models, from reports that `evaluate` writes."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from markdown import table
from results_sections import part, plain, points

WIDTH = 118
MARGIN = "margin"
Report = dict[str, Any]


def readme_lines(logs: Sequence[tuple[str, str | None, Report]]) -> list[str]:
    """The lines between the markers, from (title, the fixed arm to compare with, report) of each log."""
    first = logs[0][2]
    n = first["n_trainings"]
    trainings = "1 training" if n == 1 else f"{n} trainings"
    intro = (
        "Samples that others have published, replayed; no problem was in the training of the router that "
        f"is measured on it (five folds, {trainings}), and its stop rules start from "
        "a prior that has not seen the log. 95 % bootstrap intervals over problems and trainings:"
    )
    head = (
        "log", "fixed arm", "the router's share of its cost, at most half a point less accurate",
        "points above all fixed arms at equal cost", f"above the {MARGIN} rule",
    )  # fmt: skip
    outro = (
        "Costs are FLOPs where sizes and tokens are known, else characters. The last two columns are means "
        f"over the logarithm of cost; the {MARGIN} rule stops when the first answer is ahead by a share of "
        "the samples, and its share, caps and policies were picked on these very problems."
    )
    return [*_wrapped(intro), "", *table(head, rows(logs)), *_wrapped(outro)]


def rows(logs: Sequence[tuple[str, str | None, Report]]) -> Iterator[tuple[str, ...]]:
    for title, name, report in logs:
        arm = next(a for a in report["arms"] if a["name"] == (name or report["best_fixed"]["name"]))
        rule = next(r for r in report["rules"] if r["against"] == MARGIN)
        yield (
            f"{title}, n = {report['n_problems']}",
            f"{plain(arm['name'])}, {arm['accuracy']:.3f}",
            part(arm["cost_ratio_near"]),
            points(report["area"]),
            points(rule["area"]),
        )


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False)
