"""What a problem may cost, as a router is told: its price, tariff and caps, with what is known by now."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace

from tts_select.core.cost import Cost
from tts_select.selector.deciding import Caps
from tts_select.selector.evidence import Evidence
from tts_select.selector.exchange import SAMPLES, SECONDS, Price, Round, Tariff
from tts_select.selector.outlook import Spending, price_of
from tts_select.selector.routers.protocol import Router
from tts_select.solving.gathered import LiveEvidence
from tts_select.solving.models import Models
from tts_select.solving.pace import LivePace


@dataclass(slots=True)
class Terms:
    """What one problem may cost."""

    router: Router
    models: Models
    gathered: LiveEvidence
    spending: Spending
    asked: Price
    """The price that was asked for."""
    writes_until: float | None = None
    """When time is over for writing, and for everything, on `time.monotonic()`; None: never."""
    ends_at: float | None = None

    def tariff(self, evidence: Evidence) -> Tariff:
        """What the models cost; they are loaded where that matters."""
        if self.spending.max_dollars is not None:
            self.models.check_priced(self.router.portfolio)
        ahead = None
        if self.asked.unit == SECONDS:
            ahead = self._ahead(evidence)
        elif not self.asked.is_in(self.router.unit):
            self.models.load(self.router.portfolio)
        n_samples = sum(len(samples) for samples in evidence.samples.values())
        return replace(self.models.tariff(self.router.unit), n_samples=n_samples, ahead=ahead)

    def price(self, tariff: Tariff, spent: Cost, *, may_wait: bool) -> float:
        """The price in the router's unit. Where it may wait for what the first step shows, that is decided at
        the price of medium effort.

        Raises:
            InputError: the price cannot be exchanged into the router's unit.
        """
        found = tariff.exchanged(self.asked, spent, may_wait=may_wait)
        return price_of(self.router, Spending()).worth if math.isnan(found) else found

    def caps(self, tariff: Tariff, spent: Cost, *, is_timed: bool) -> Caps:
        """What may still be spent. Seconds are predicted under a deadline, or if they are asked for."""
        most, until, kept = self.spending, self.writes_until, 0.0
        if until is not None and self.ends_at is not None and self.router.portfolio.prms:
            kept = self.ends_at - until
        seconds = None if until is None else until - time.monotonic()
        pace = LivePace(self.models, self.gathered, kept) if is_timed or until is not None else None
        caps = Caps(most.max_flops, most.max_tokens, most.max_dollars, tariff, seconds, pace, kept)
        return caps.after(spent.flops, spent.policy_generated_tokens, spent.dollars)

    def _ahead(self, evidence: Evidence) -> Round | None:
        """The round that the router would run next if it cost nothing; None if there is none, or how long it
        takes is not known."""
        (free,) = self.router.decide([evidence], 0.0, [Caps()])
        if free.arm is None:
            return None
        n = free.n - len(evidence.of(free.arm.pool)) if free.arm.is_sampling else free.n
        look = self.router.first_look if self.router.unit == SAMPLES else None  # whose samples it counts
        arm = look or free.arm
        self.models.policy(arm.policy)
        return LivePace(self.models, self.gathered).round(arm, n)
