"""How long a policy takes, learned from the requests that it has finished: deadlines are planned by it.

The law of a request is in `speed_law.py`; how long the longest of its samples will be is known here.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tts_select.core.cost import Cost
from tts_select.core.protocols import Continuation, Meter, Policy, SampleRequest, charge_unsure
from tts_select.executors.crowd import Crowd, Stay
from tts_select.executors.per_model import PerModel
from tts_select.executors.speed_law import Finished, Fit, fitted
from tts_select.executors.stepping import split_steps

KEPT, LENGTHS_KEPT = 64, 256
"""How many requests, and how many lengths of solutions, are remembered."""
_PRIOR_LENGTHS = 4.0
"""As many solutions of other problems weigh as much as those of the problem itself."""


@dataclass(frozen=True, slots=True)
class Length:
    """How long a solution was."""

    n_tokens: int
    n_steps: int = 1
    is_whole: bool = True
    """Whether it ended; a solution that a limit cut would have been longer."""


@dataclass(slots=True)
class Latency:
    """What is known about the speed of one policy; every session that runs it adds to it."""

    crowd: Crowd = field(default_factory=Crowd)
    """The samples in flight."""
    _requests: deque[Finished] = field(default_factory=lambda: deque(maxlen=KEPT))
    _lengths: deque[Length] = field(default_factory=lambda: deque(maxlen=LENGTHS_KEPT))
    _fit: Fit | None = None
    _spread_out: tuple[np.ndarray, np.ndarray] | None = None
    """The lengths in order, each with its probability, until another solution is written."""
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def mean_steps(self) -> float | None:
        """The mean number of steps of a solution; None before anything was measured."""
        with self._lock:
            return float(np.mean([s.n_steps for s in self._lengths])) if self._lengths else None

    def seconds(
        self, n: int, *, own: Sequence[int] = (), at_most: int | None = None, in_steps: bool = False
    ) -> float | None:
        """Predict the seconds of one request for `n` solutions, beside what is in flight now; None before
        anything was measured.

        `own` are the tokens of the problem's solutions so far, `at_most` the most tokens of one. With
        `in_steps` a search writes them, which asks for one step after the other.
        """
        with self._lock:
            if n <= 0:
                return 0.0
            if not self._requests or not self._lengths:
                return None
            tokens, below = self._distribution(own, at_most)
            longest = float(tokens @ np.diff(below**n, prepend=0.0))
            rounds = (self.mean_steps or 1.0) if in_steps else 1.0
            start, a_token = self._rates(np.array([n]))
            return float(rounds * start + longest * a_token[0])

    def most_in_time(
        self, n: int, seconds: float | Sequence[float], *, own: Sequence[int] = (), at_most: int | None = None
    ) -> tuple[int, float] | None:
        """How many solutions, 1 to `n`, to ask for at once so that the most of them are expected to end
        within so many seconds (or so many for each number), and the probability of each to end; None before
        anything was measured."""
        with self._lock:
            if not self._requests or not self._lengths:
                return None
            tokens, below = self._distribution(own, at_most)
            counts = np.arange(1, n + 1)
            start, a_token = self._rates(counts)
            left = np.broadcast_to(np.array(seconds), n).tolist()
            ends = np.array([self.chance(start + tokens * r, s) for r, s in zip(a_token, left, strict=True)])
            chances = ends @ np.diff(below, prepend=0.0)
            best = int(np.argmax(counts * chances))
            return best + 1, float(chances[best])

    def chance(self, predicted: Any, seconds: float) -> Any:
        """The probability that what is predicted to take so long ends within `seconds`: logistic in the
        logarithm of their ratio, as widely spread as the fit was wrong."""
        with self._lock:
            z = np.log(max(seconds, 1e-9) / np.maximum(predicted, 1e-9)) / self._fitted().spread
            return 0.5 + 0.5 * np.tanh(0.85 * z)  # a logistic curve nearly as wide as a normal one

    def tokens(self, *, own: Sequence[int] = (), at_most: int | None = None) -> float | None:
        """Predict the tokens of a solution; None before anything was measured."""
        with self._lock:
            if not self._lengths:
                return None
            tokens, below = self._distribution(own, at_most)
            return float(tokens @ np.diff(below, prepend=0.0))

    def observe(self, request: Finished) -> None:
        """Learn from a request that came back."""
        with self._lock:
            self._requests.append(request)
            self._fit = None

    def wrote(self, solution: Length) -> None:
        """Learn how long a solution was."""
        with self._lock:
            self._lengths.append(solution)
            self._spread_out = None

    @contextmanager
    def watch(self, request: SampleRequest, meter: Meter) -> Iterator[Watch]:
        """Count a request's samples as in flight while the block runs."""
        with self.crowd.joined_by(request.n) as stay:
            yield Watch(self, request, meter, stay)

    def _fitted(self) -> Fit:
        if self._fit is None:
            self._fit = fitted(list(self._requests))
        return self._fit

    def _rates(self, n: np.ndarray) -> tuple[float, np.ndarray]:
        """The seconds to the first token, and those of each token with so many samples more in flight."""
        fixed, prompt, token, crowd = self._fitted().coefficients
        prompt_tokens = float(np.median([r.prompt_tokens for r in self._requests]))
        return float(fixed + prompt * prompt_tokens), token + crowd * (self.crowd.n + n)

    def _distribution(self, own: Sequence[int], at_most: int | None) -> tuple[np.ndarray, np.ndarray]:
        """The tokens of solutions, the fewest first, each with the probability that one has no more; the mean
        leans to that of `own`."""
        if self._spread_out is None:
            self._spread_out = _lengths_of(list(self._lengths))
        tokens, weights = self._spread_out
        mean = float(tokens @ weights)
        scale = (sum(own) / mean + _PRIOR_LENGTHS) / (len(own) + _PRIOR_LENGTHS)
        bounded = np.minimum(tokens * scale, np.inf if at_most is None else at_most)
        return bounded, np.minimum(np.cumsum(weights), 1.0)


@dataclass(slots=True)
class Watch:
    """A meter that passes on what a request costs, and tells the latency what became of it."""

    latency: Latency
    request: SampleRequest
    meter: Meter
    stay: Stay
    prompt_tokens: int = 0

    def charge(self, cost: Cost) -> None:
        """See `Meter.charge`."""
        self.prompt_tokens += cost.policy_prompt_tokens
        self.meter.charge(cost)

    def charge_unsure(self, cost: Cost, why: str) -> None:
        """See `core.protocols.charge_unsure`; nothing is learned from it."""
        charge_unsure(self.meter, cost, why)

    def came_back(self, written: Sequence[Continuation], delimiter: str) -> None:
        """The request has been answered with this."""
        seconds, in_flight = self.stay.so_far()
        longest = max((c.n_tokens for c in written), default=0)
        self.latency.observe(Finished(seconds, self.prompt_tokens, longest, in_flight))
        if self.request.stop_at_step or self.request.steps:
            return  # a piece says nothing about the length of a whole
        for c in written:
            whole = c.finish in ("stop", "length")
            self.latency.wrote(Length(c.n_tokens, max(1, len(split_steps(c.text, delimiter))), whole))


_known: PerModel[Latency] = PerModel(Latency)


def latency_of(policy: Policy) -> Latency:
    """What is known about the speed of a loaded policy."""
    return _known.of(policy)


def _lengths_of(lengths: Sequence[Length]) -> tuple[np.ndarray, np.ndarray]:
    """Return the lengths in tokens, the shortest first, each with its probability.

    A solution that was cut stands for longer ones: its share goes to them (Kaplan and Meier's estimate), and
    that of the longest stays where it is.
    """
    known = sorted(lengths, key=lambda s: (s.n_tokens, not s.is_whole))
    weights = np.full(len(known), 1.0 / len(known))
    for k, solution in enumerate(known[:-1]):
        if not solution.is_whole:
            weights[k + 1 :] += weights[k] / (len(known) - k - 1)
            weights[k] = 0.0
    return np.array([max(1, s.n_tokens) for s in known], dtype=float), weights
