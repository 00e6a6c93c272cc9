"""How much is in flight on a model, now and on average over the time of a request."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

SHORTEST_SECONDS = 1e-4


@dataclass(slots=True)
class Crowd:
    """The samples that a policy writes, or the solutions that a PRM reads."""

    clock: Callable[[], float] = time.monotonic
    n: int = 0
    """How many are in flight now."""
    _summed: float = 0.0
    """The sum over all of them of the seconds that they have been in flight, up to `_since`."""
    _since: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def joined_by(self, n: int) -> Iterator[Stay]:
        """So many more are in flight while the block runs."""
        before = self.add(n)
        try:
            yield Stay(self, n, self.clock(), before)
        finally:
            self.add(-n)

    def add(self, n: int) -> float:
        """Count so many more from now on; returns the seconds that all have been in flight by now."""
        with self._lock:
            now = self.clock()
            self._summed += self.n * (now - self._since)
            self._since = now
            self.n += n
            return self._summed


@dataclass(frozen=True, slots=True)
class Stay:
    """The time of one request."""

    crowd: Crowd
    n: int
    began: float
    summed_before: float

    def so_far(self) -> tuple[float, float]:
        """(its seconds, the mean number in flight over them, its own too)."""
        seconds = self.crowd.clock() - self.began
        shared = self.crowd.add(0) - self.summed_before
        return seconds, max(float(self.n), shared / max(seconds, SHORTEST_SECONDS))
