"""What became of each lease and each worker, beside the log: `leases.jsonl`, a line an event.

The log says nothing of that: a record is the same whoever made it, and at the first try or the third.
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

from tts_select.training.log.reading import MANIFEST
from tts_select.training.sweep.engines.events import Event

JOURNAL = "leases.jsonl"
BEGAN = {"event": "began", "worker": "", "what": ""}
"""A driver has begun: the workers of the one before are gone."""


class Journal:
    """Appends to the journal of a log, as soon as that is there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting = [json.dumps(BEGAN) + "\n"]

    def __call__(self, event: Event) -> None:
        """Note an event. A journal that cannot be written stops no sweep."""
        self._waiting.append(json.dumps(as_dict(event)) + "\n")
        if not (self._folder / MANIFEST).exists():
            return
        waiting, self._waiting = self._waiting, []
        with contextlib.suppress(OSError), (self._folder / JOURNAL).open("a", encoding="utf-8") as stream:
            stream.writelines(waiting)


def as_dict(event: Event) -> dict[str, Any]:
    """Return the event as it is in the journal."""
    found: dict[str, Any] = {"event": event.kind, "worker": event.worker, "what": event.what}
    if event.unit is not None:
        found |= {"unit": event.unit.id, "problem": event.unit.problem.id, "seconds": round(event.seconds, 3)}
    return found | ({"why": event.why} if event.why else {})
