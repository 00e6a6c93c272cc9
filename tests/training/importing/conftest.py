"""Small logs, made here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from tts_select.training.importing.field_map import FieldMap
from tts_select.training.importing.generic import ReadOptions
from tts_select.training.importing.report import Report
from tts_select.training.importing.run import Import, import_logs
from tts_select.training.log.reading import read_log
from tts_select.training.log.records import SweepLog

Rows = Iterable[dict[str, Any]]


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes rows as JSON lines."""

    def to(name: str, rows: Rows) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    return to


@pytest.fixture
def imported(write: Callable[..., Path], tmp_path: Path) -> Callable[..., tuple[Report, SweepLog]]:
    """Imports rows, and reads the log that comes of it."""

    def run(
        rows: Rows,
        fields: str = "",
        *,
        name: str = "samples.jsonl",
        reading: dict[str, Any] | None = None,
        **more: Any,
    ) -> tuple[Report, SweepLog]:
        path = write(name, rows)
        asked = Import([path], ReadOptions(fields=FieldMap.parse(fields), **(reading or {})), **more)
        folder = tmp_path / f"log-{len(list(tmp_path.iterdir()))}"
        report = import_logs(asked, folder)
        return report, read_log(folder)

    return run
