"""How long the arms of a live session take, from what the loaded policies' requests have taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tts_select.core.arm import Arm
from tts_select.solving.gathered import LiveEvidence
from tts_select.solving.models import Models


@dataclass(frozen=True, slots=True)
class LivePace:
    """See `Pace`. It is of writing alone; a policy that is not loaded has no pace."""

    models: Models
    gathered: LiveEvidence

    def seconds(self, arm: Arm, n_here: int, n: int) -> float | None:
        """See `Pace`."""
        if (latency := self.models.latency(arm.policy)) is None:
            return None
        return latency.seconds(
            n - n_here,
            own=self._lengths(arm),
            at_most=arm.settings.max_new_tokens,
            in_steps=not arm.is_sampling,
        )

    def in_time(self, arm: Arm, n_here: int, n: int, seconds: float) -> tuple[int, float] | None:
        """See `Pace`."""
        if (latency := self.models.latency(arm.policy)) is None:
            return None
        if not arm.is_sampling:
            taken = self.seconds(arm, 0, n)
            return None if taken is None else (n, latency.chance(taken, seconds))
        own, most = self._lengths(arm), arm.settings.max_new_tokens
        found = latency.most_in_time(n - n_here, seconds, own=own, at_most=most)
        return None if found is None else (n_here + found[0], found[1])

    def _lengths(self, arm: Arm) -> Sequence[int]:
        """The tokens of the problem's samples that ended."""
        samples = self.gathered.pools.get(arm.pool) if arm.is_sampling else None
        return [c.n_tokens for c in samples.candidates if c.is_complete] if samples else []
