"""A folder of traces, one file a problem; the oldest go when there are too many."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tts_select.core.json_text import to_json
from tts_select.core.solution import Solution
from tts_select.solving.history import History
from tts_select.tracing.bounds import MOST_BYTES
from tts_select.tracing.recording import trace_of

SUFFIX = ".trace.json"
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME = 80


class TraceFolder:
    """Keeps traces."""

    def __init__(self, folder: Path, *, most_files: int | None = None, most_bytes: int = MOST_BYTES) -> None:
        """Each file has at most so many bytes; None: any number of files."""
        self._folder, self._most_files, self._most_bytes = folder, most_files, most_bytes

    async def keep(self, history: History, solution: Solution) -> None:
        """Write the trace of a session that has ended, off the event loop.

        Raises:
            OSError: it cannot be written.
        """
        trace = await off_the_loop(history, solution, most_bytes=self._most_bytes)
        await asyncio.to_thread(self._write, trace)

    def _write(self, trace: Mapping[str, Any]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / file_name(trace["problem"]["id"])
        partial = path.with_name(path.name + ".partial")
        partial.write_text(to_json(trace) + "\n", encoding="utf-8")
        partial.replace(path)
        if self._most_files is not None:
            self._drop_old(self._most_files)

    def _drop_old(self, most: int) -> None:
        with os.scandir(self._folder) as entries:
            found = [
                (entry.stat().st_mtime_ns, entry.path) for entry in entries if entry.name.endswith(SUFFIX)
            ]
        for _, path in sorted(found)[: max(0, len(found) - most)]:
            Path(path).unlink(missing_ok=True)


async def off_the_loop(
    history: History, solution: Solution, *, most_bytes: int = MOST_BYTES
) -> dict[str, Any]:
    """`trace_of`, while others go on."""
    return await asyncio.to_thread(trace_of, history, solution, most_bytes=most_bytes)


def file_name(problem_id: str) -> str:
    """A name that every file system takes, and that no other id has.

    >>> file_name("test-007")
    'test-007.trace.json'
    >>> file_name("a/../b")
    'a-..-b-900ea8b7.trace.json'
    """
    safe = _UNSAFE.sub("-", problem_id)[:_LONGEST_NAME].lstrip(".") or "-"
    if safe.casefold() != problem_id:  # some file systems know no capitals
        safe = f"{safe}-{hashlib.sha256(problem_id.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
    return safe + SUFFIX
