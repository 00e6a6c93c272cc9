"""The ledger: every cost of one problem, by phase, charged where it arises.

Backends count tokens; what these come to in dollars is added here, by the prices of the models at work.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from tts_select.core.cost import Bill, Cost
from tts_select.core.pricing import TokenPrice, dollars_of


class Ledger:
    """Backends charge it from their own threads."""

    def __init__(self) -> None:
        self._phases: dict[str, Cost] = {}
        self._unsure: dict[str, None] = {}
        self._lock = threading.Lock()

    def phase(
        self, name: str, *, policy: TokenPrice | None = None, prm: TokenPrice | None = None
    ) -> PhaseMeter:
        """A meter that charges the phase of this name, with the prices of the policy and the PRM at work."""
        return PhaseMeter(self, name, policy, prm)

    def charge(self, phase: str, cost: Cost, *, unsure: str | None = None) -> None:
        """Add `cost` to a phase; `unsure`: why it is only the most that it can have been."""
        with self._lock:
            if unsure is not None:
                self._unsure[unsure] = None
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
            return Bill(dict(self._phases), tuple(self._unsure))


@dataclass(frozen=True, slots=True)
class PhaseMeter:
    """Charges one phase of a ledger."""

    ledger: Ledger
    name: str
    policy: TokenPrice | None = None
    """What the tokens of the policy cost; None if that is not known."""
    prm: TokenPrice | None = None

    def charge(self, cost: Cost) -> None:
        """See `Meter.charge`."""
        self.ledger.charge(self.name, self._priced(cost))

    def charge_unsure(self, cost: Cost, why: str) -> None:
        """See `core.protocols.charge_unsure`."""
        self.ledger.charge(self.name, self._priced(cost), unsure=why)

    def _priced(self, cost: Cost) -> Cost:
        return replace(cost, dollars=dollars_of(cost, self.policy, self.prm))
