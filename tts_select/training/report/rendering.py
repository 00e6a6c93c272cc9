"""From the evaluation's figures to a folder: report.json, plots/*.png and one self-contained report.html.

It decides what is written, in which order; `plots.py` and `page.py` decide how it looks. Everything is made
in memory first and report.json is written last: a folder that has one is whole, and a plot that fails leaves
an older report as it was. A number that could not be computed (None, NaN or infinite) is null in the JSON.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from tts_select.core.strict_json import without_nan
from tts_select.training.report.page import build_page
from tts_select.training.report.plots import PLOTS, draw_plots


def write_report(report: dict[str, Any], folder: Path) -> None:
    """Write report.json, the plots and the page into `folder`, which is made if need be.

    Raises:
        InputError: matplotlib is not installed.
    """
    figures = without_nan(report)
    record = json.dumps(figures, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    drawn = draw_plots(figures)
    page = build_page(figures, drawn)
    (folder / "plots").mkdir(parents=True, exist_ok=True)
    # its absence says that the rest is not, or not all, of one report
    (folder / "report.json").unlink(missing_ok=True)
    for name in PLOTS:
        _replace(folder / "plots" / name, drawn.get(name))
    _replace(folder / "report.html", page.encode())
    _replace(folder / "report.json", record.encode())


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
