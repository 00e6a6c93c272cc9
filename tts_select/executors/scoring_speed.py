"""How long a PRM takes, learned from the solutions that it has scored: deadlines and plans count on it.

The law is that of a policy's requests (`speed_law.py`), for solutions that are read at once instead of
samples that are written; they are taken to be as long as the last ones were.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tts_select.core.protocols import RewardModel
from tts_select.executors.crowd import Crowd
from tts_select.executors.per_model import PerModel
from tts_select.executors.speed_law import Finished, Fit, fitted

KEPT = 64
"""How many rounds of scoring are remembered."""


@dataclass(slots=True)
class ScoringSpeed:
    """What is known about the speed of one PRM; every search that asks it adds to it."""

    crowd: Crowd = field(default_factory=Crowd)
    """The solutions that are being scored."""
    _rounds: deque[Finished] = field(default_factory=lambda: deque(maxlen=KEPT))
    _fit: Fit | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def seconds(self, n: int) -> float | None:
        """Predict the seconds of scoring `n` solutions at once, beside what is in flight now; None before
        anything was scored."""
        if n <= 0:
            return 0.0
        with self._lock:
            if not self._rounds:
                return None
            if self._fit is None:
                self._fit = fitted(list(self._rounds))
            return self._fit.seconds(_read(0.0, float(self.crowd.n + n)))

    def observe(self, seconds: float, in_flight: float) -> None:
        """Learn from a round of solutions."""
        with self._lock:
            self._rounds.append(_read(seconds, in_flight))
            self._fit = None

    @contextmanager
    def watch(self, n: int) -> Iterator[None]:
        """So many solutions are scored while the block runs; a round that fails teaches nothing."""
        with self.crowd.joined_by(n) as stay:
            yield
            self.observe(*stay.so_far())


_known: PerModel[ScoringSpeed] = PerModel(ScoringSpeed)


def scoring_speed_of(prm: RewardModel) -> ScoringSpeed:
    """What is known about the speed of a loaded PRM."""
    return _known.of(prm)


def _read(seconds: float, in_flight: float) -> Finished:
    return Finished(seconds, prompt_tokens=0, longest=1, in_flight=in_flight)
