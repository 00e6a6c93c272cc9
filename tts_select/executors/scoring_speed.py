"""How long a PRM takes, learned from the solutions that it has scored: deadlines and plans count on it.

Scoring is taken to last as long for each solution as it did for the last ones, while any were waiting: a PRM
that batches is as fast as its batches, whoever asks. Solutions are taken to be as long as those were.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tts_select.core.protocols import RewardModel
from tts_select.executors.per_model import PerModel

KEPT = 256
"""How many scored solutions are remembered."""


@dataclass(slots=True)
class ScoringSpeed:
    """What is known about the speed of one PRM; every search that asks it adds to it."""

    clock: Callable[[], float] = time.monotonic
    _waiting: int = 0
    _since: float = 0.0
    """When the last solution was scored, or else when the first one began to wait."""
    _seconds: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT))
    """For each solution the seconds from `_since` until it was scored."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def seconds(self, n: int) -> float | None:
        """Predict the seconds of scoring `n` solutions at once; None before anything was scored."""
        with self._lock:
            if n <= 0:
                return 0.0
            return n * sum(self._seconds) / len(self._seconds) if self._seconds else None

    @contextmanager
    def watch(self) -> Iterator[None]:
        """A solution is being scored while the block runs; one that fails teaches nothing."""
        with self._lock:
            if not self._waiting:
                self._since = self.clock()
            self._waiting += 1
        is_scored = False
        try:
            yield
            is_scored = True
        finally:
            with self._lock:
                now = self.clock()
                self._waiting -= 1
                if is_scored:
                    self._seconds.append(now - self._since)
                self._since = now


_known: PerModel[ScoringSpeed] = PerModel(ScoringSpeed)


def scoring_speed_of(prm: RewardModel) -> ScoringSpeed:
    """What is known about the speed of a loaded PRM."""
    return _known.of(prm)
