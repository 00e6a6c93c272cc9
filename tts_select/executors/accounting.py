"""The ledger: every cost of one problem, by phase, charged where it arises."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tts_select.core.cost import Bill, Cost


class Ledger:
    """Backends charge it from their own threads."""

    def __init__(self) -> None:
        self._phases: dict[str, Cost] = {}
        self._lock = threading.Lock()

    def phase(self, name: str) -> PhaseMeter:
        """A meter that charges the phase of this name."""
        return PhaseMeter(self, name)

    def charge(self, phase: str, cost: Cost) -> None:
        """Add `cost` to a phase."""
        with self._lock:
            self._phases[phase] = self._phases.get(phase, Cost()) + cost

    @contextmanager
    def timed(self, phase: str) -> Iterator[None]:
        """Charge the wall-clock seconds of the block; those of problems in flight together overlap."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.charge(phase, Cost(seconds=time.monotonic() - began))

    @property
    def bill(self) -> Bill:
        """What has been charged so far."""
        with self._lock:
            return Bill(dict(self._phases))


@dataclass(frozen=True, slots=True)
class PhaseMeter:
    """Charges one phase of a ledger."""

    ledger: Ledger
    name: str

    def charge(self, cost: Cost) -> None:
        """See `Meter.charge`."""
        self.ledger.charge(self.name, cost)
