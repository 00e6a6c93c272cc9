"""The runs of a server: the last ones, with what was said of each, so that they can be looked up."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from tts_select.serving.errors import NOT_FOUND, ApiError
from tts_select.solving.selector import Selector


@dataclass(slots=True)
class Run:
    """One request for an answer."""

    key: str
    """The name of the key that asked."""
    model: str
    id: str = field(default_factory=lambda: f"run-{secrets.token_hex(12)}")
    created: int = field(default_factory=lambda: int(time.time()))
    status: str = "queued"
    """Then `running`, and `done`, `failed` or `cancelled`."""
    selector: Selector | None = None
    """What solved it, which takes its outcome; None: nothing was voted on."""
    outcome: bool | None = None
    ignored: list[str] = field(default_factory=list)
    record: dict[str, Any] = field(default_factory=dict)
    """The object `tts` of its reply, as far as it came."""

    def as_dict(self) -> dict[str, Any]:
        """Return the record for JSON."""
        facts = {"id": self.id, "object": "tts.run", "created": self.created, "model": self.model}
        return {**facts, "status": self.status, "outcome": self.outcome, "tts": self.record}


class Runs:
    """The newest ones; older ones are forgotten."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._runs: OrderedDict[str, Run] = OrderedDict()

    def add(self, run: Run) -> None:
        """Keep a run."""
        self._runs[run.id] = run
        while len(self._runs) > self._most:
            self._runs.popitem(last=False)

    def find(self, run_id: str, key: str) -> Run:
        """A run of this key.

        Raises:
            ApiError: it has none of this id.
        """
        run = self._runs.get(run_id)
        if run is None or run.key != key:
            message = f"there is no run '{run_id}': this server keeps its last {self._most}"
            raise ApiError(NOT_FOUND, message, code="run_not_found")
        return run
