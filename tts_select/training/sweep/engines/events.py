"""What happens to workers and leases, for whoever shows or keeps it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from tts_select.training.sweep.units import Unit

Kind = Literal["hired", "up", "lost", "ended", "done", "failed", "warned"]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened."""

    kind: Kind
    worker: str
    """The worker's name."""
    what: str
    """The models of a worker, or the stage of a lease."""
    unit: Unit | None = None
    """The unit of a lease; None if it is about a worker."""
    why: str = ""
    seconds: float = 0.0
    """How long a lease was, by the driver's clock."""


Watch = Callable[[Event], None]
"""Called with each event."""
