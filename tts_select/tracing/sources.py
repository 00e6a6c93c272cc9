"""What may be viewed: finds out what a path is, and reads it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tts_select.core.errors import InputError
from tts_select.tracing.folder import SUFFIX
from tts_select.tracing.reports import REPORT, report_page
from tts_select.tracing.sweeps import sweep_page
from tts_select.tracing.traces import results_page, trace_page, traces_page
from tts_select.tracing.unfinished import unfinished_page
from tts_select.tracing.view import Page
from tts_select.training.log.reading import MANIFEST

Note = Callable[[str], None]
_REMEDY = (
    "name a trace or a folder of traces (`solve --trace`), results.jsonl of `solve --problems`, a sweep, or "
    "a report of `evaluate`"
)


def page_of(path: Path, *, router: Path | None = None, note: Note = lambda _: None) -> Page:
    """The page of a trace, a folder of them, results, a sweep, done or not, or a report.

    Raises:
        InputError: it is none of these, or cannot be read.
    """
    if not path.exists():
        raise InputError(f"there is no '{path}': {_REMEDY}")
    if path.is_dir() and (path / MANIFEST).is_file():
        return unfinished_page(path) or sweep_page(path, router, note)
    if router is not None:
        raise InputError(f"--router is replayed on a sweep, and '{path}' is none: leave it out")
    if path.is_dir():
        return report_page(path / REPORT) if (path / REPORT).is_file() else traces_page(path)
    if path.name.endswith(SUFFIX):
        return trace_page(path)
    if path.name == REPORT:
        return report_page(path)
    if path.suffix == ".jsonl":
        return results_page(path)
    raise InputError(f"'{path}' is nothing that can be viewed: {_REMEDY}")
