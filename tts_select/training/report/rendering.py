"""From the evaluation's figures to a folder: report.json, plots/*.png and one self-contained report.html.

It decides what is written, in which order; `plots.py` and `page.py` decide how it looks. Everything is made
in memory first and report.json is written last: a folder that has one is whole, and a plot that fails leaves
an older report as it was. A number that could not be computed (None or NaN) is null in the JSON; so is one
that is infinite, which `infinite` then names beside it.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tts_select.core.extras import missing_from
from tts_select.training.report.page import build_page
from tts_select.training.report.plots import PLOTS, draw_plots


def write_report(report: Mapping[str, Any], folder: Path) -> None:
    """Write report.json, the page and, where matplotlib is installed, the plots into `folder`, which is made
    if need be."""
    figures = without_nan(dict(report))
    record = json.dumps(figures, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    drawn = {} if missing_from("plot") else draw_plots(figures)
    page = build_page(figures, drawn)
    (folder / "plots").mkdir(parents=True, exist_ok=True)
    # its absence says that the rest is not, or not all, of one report
    (folder / "report.json").unlink(missing_ok=True)
    for name in PLOTS:
        _replace(folder / "plots" / name, drawn.get(name))
    _replace(folder / "report.html", page.encode())
    _replace(folder / "report.json", record.encode())


def without_nan(value: Any) -> Any:
    """The same with None wherever a number is not finite, since JSON has no NaN. An infinite number is told
    from one that could not be computed: `infinite` beside it names it.

    >>> without_nan({"cost": float("inf"), "bins": [0.5, float("nan")]})
    {'cost': None, 'bins': [0.5, None], 'infinite': ['cost']}
    """
    if isinstance(value, dict):
        infinite = [key for key, inner in value.items() if isinstance(inner, float) and inner == math.inf]
        found = {key: without_nan(inner) for key, inner in value.items()}
        return {**found, "infinite": infinite} if infinite else found
    if isinstance(value, list | tuple):
        return [without_nan(inner) for inner in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value


def _replace(path: Path, content: bytes | None) -> None:
    """Readers see the old file or the new one; without content, as of a plot not drawn this time, none."""
    if content is None:
        path.unlink(missing_ok=True)
        return
    partial = path.with_name(f"{path.name}.partial-{os.getpid()}")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
