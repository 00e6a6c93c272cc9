"""How long the arms of a live session take, from what the loaded models' requests have taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tts_select.core.arm import Arm
from tts_select.selector.exchange import Round
from tts_select.solving.gathered import LiveEvidence
from tts_select.solving.models import Models


@dataclass(frozen=True, slots=True)
class LivePace:
    """See `Pace`. A policy that is not loaded has none; a PRM that has scored nothing yet takes no time."""

    models: Models
    gathered: LiveEvidence
    kept: float = 0.0
    """The seconds that are left for scoring when the time for writing is over."""

    def seconds(self, arm: Arm, n_here: int, n: int) -> float | None:
        """See `Pace`."""
        writing = self._writing(arm, n_here, n)
        return None if writing is None else writing + self._scoring(arm, n_here, n)

    def in_time(self, arm: Arm, n_here: int, n: int, seconds: float) -> tuple[int, float] | None:
        """See `Pace`."""
        if (latency := self.models.latency(arm.policy)) is None:
            return None
        if not arm.is_sampling:
            if (writing := self._writing(arm, 0, n)) is None:
                return None
            return n, latency.chance(writing + max(0.0, self._scoring(arm, 0, n) - self.kept), seconds)
        extra = (self._scoring(arm, n_here, k) - self.kept for k in range(n_here + 1, n + 1))
        left = [seconds - max(0.0, more) for more in extra]
        most = arm.settings.max_new_tokens
        found = latency.most_in_time(n - n_here, left, own=self._lengths(arm), at_most=most)
        return None if found is None else (n_here + found[0], found[1])

    def round(self, arm: Arm, n: int) -> Round | None:
        """So many more samples of an arm, or the whole search; None where its seconds are not known."""
        here = self.gathered.pools.get(arm.pool) if arm.is_sampling else None
        n_here = len(here.candidates) if here else 0
        latency, seconds = self.models.latency(arm.policy), self.seconds(arm, n_here, n_here + n)
        if latency is None or seconds is None:
            return None
        tokens = latency.tokens(own=self._lengths(arm), at_most=arm.settings.max_new_tokens)
        return None if tokens is None else Round(arm.policy, n, n * tokens, seconds)

    def _writing(self, arm: Arm, n_here: int, n: int) -> float | None:
        if (latency := self.models.latency(arm.policy)) is None:
            return None
        own, most = self._lengths(arm), arm.settings.max_new_tokens
        return latency.seconds(n - n_here, own=own, at_most=most, in_steps=not arm.is_sampling)

    def _scoring(self, arm: Arm, n_here: int, n: int) -> float:
        """The seconds of the PRM: of the samples that it has not read, or of the steps of a search."""
        speed = self.models.scoring_speed(arm.prm) if arm.prm else None
        if speed is None:
            return 0.0
        if not arm.is_sampling:
            latency = self.models.latency(arm.policy)
            return ((latency.mean_steps if latency else None) or 1.0) * (speed.seconds(n) or 0.0)
        here = self.gathered.pools.get(arm.pool)
        n_drawn = len(here.candidates) if here else 0
        n_read = len(here.scores.get(arm.prm or "", ())) if here else 0
        n_unread = max(0, n_drawn - n_read) if n_here == n_drawn else 0
        return speed.seconds(max(0, n - n_here) + n_unread) or 0.0

    def _lengths(self, arm: Arm) -> Sequence[int]:
        """The tokens of the problem's samples that ended."""
        samples = self.gathered.pools.get(arm.pool) if arm.is_sampling else None
        return [c.n_tokens for c in samples.candidates if c.is_complete] if samples else []
