"""The journal of leases and workers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tts_select.training.sweep.engines.events import Event
from tts_select.training.sweep.engines.journal import Journal


def lines(folder: Path) -> list[Any]:
    return [json.loads(line) for line in (folder / "leases.jsonl").read_text().splitlines()]


def test_what_came_before_the_log_is_kept_until_it_is_there(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal(Event("hired", "w", "fake:a"))
    assert not list(tmp_path.iterdir()), "a folder that is no log yet stays as it is"
    (tmp_path / "manifest.json").write_text("{}")
    journal(Event("lost", "w", "fake:a", why="killed"))
    assert [line["event"] for line in lines(tmp_path)] == ["began", "hired", "lost"]
    assert lines(tmp_path)[-1]["why"] == "killed"


def test_a_journal_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{}")
    (tmp_path / "leases.jsonl").mkdir()
    Journal(tmp_path)(Event("hired", "w", "fake:a"))
