"""`tts-select doctor`: what is wrong here, and what to do."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click
from rich.table import Table

from tts_select.commands._exit import DOCTOR_FOUND
from tts_select.commands._options import config_option
from tts_select.commands._terminal import show, show_json, text

if TYPE_CHECKING:
    from tts_select.config import Config
    from tts_select.doctor.findings import Finding

_MARKS = {"ok": ("ok", "green"), "note": ("note", "yellow"), "problem": ("PROBLEM", "bold red")}


@click.command(
    epilog=f"""\b
Examples:
  tts-select doctor
  tts-select doctor --config examples/one-24gb-gpu.yaml --json

\b
Exit codes:
  0  nothing is wrong, notes aside
  2  the config cannot be read
  {DOCTOR_FOUND}  there is a problem"""
)
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def doctor(*, config: Config | None, as_json: bool) -> None:
    """Check packages, devices, servers, checkpoints, placement and routers.

    No weights are loaded.
    """
    from tts_select.commands._progress import status
    from tts_select.doctor.examining import examine

    with status("looking"):
        found = list(examine(config))
    file = str(config.path) if config else None
    if as_json:
        show_json({"config": file, "findings": [f.as_dict() for f in found]})
    else:
        show(f"config: {file or 'none'}", wrap=False)
        show(_findings_view(found))
    if any(f.status == "problem" for f in found):
        sys.exit(DOCTOR_FOUND)


def _findings_view(found: Sequence[Finding]) -> Table:
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for finding in found:
        mark, style = _MARKS[finding.status]
        said = f"{finding.text}: {finding.remedy}" if finding.remedy else finding.text
        table.add_row(text(mark, style), finding.about, said)
    return table
