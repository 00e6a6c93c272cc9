"""The law by which the seconds of a policy's requests are predicted, fitted to those that it has finished.

A request for n samples is taken to last

    fixed + prompt x prompt tokens computed + longest x (token + crowd x samples in flight)

seconds. `longest` is the longest of its samples; a sample counts as in flight until its request ends, and
the number in flight is a mean over the request's time. That holds for engines that write their samples side
by side, a token of each in turn, and roughly for servers that queue: there `crowd` is what a sample waits for
the others. No coefficient is negative, so more samples, longer ones or more company are never predicted to be
faster. The fit sees the last requests alone. It assumes that others use the engine about as much as they did.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tts_select.executors.crowd import SHORTEST_SECONDS

_RIDGE = np.array([0.3, 0.3, 0.03, 0.03])
"""The weight of 'no time at all' for each coefficient, in requests: what the requests do not tell apart is
put down to decoding, half of it to company."""
_REWEIGHTINGS, _SWEEPS = 6, 40
_PRIOR_SPREAD, _PRIOR_REQUESTS = 0.7, 2.0
"""How far off, as a logarithm, a prediction is before anything was learned, and as how many requests that
weighs: by `benchmarks/first_requests.py`."""
_TYPICAL_ERROR = 0.1
"""A relative error up to which errors count in squares; larger ones count by their size alone."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A request that came back, whole or cut by a deadline."""

    seconds: float
    prompt_tokens: int
    longest: int
    """The tokens of its longest sample."""
    in_flight: float
    """The samples in flight on its policy, its own too: a mean over its time."""


@dataclass(frozen=True, slots=True)
class Fit:
    """What was learned from requests."""

    coefficients: np.ndarray
    """Fixed, prompt, token and crowd."""
    spread: float
    """Of the logarithm of real to predicted seconds."""

    def seconds(self, request: Finished) -> float:
        """Predict the seconds of a request like this."""
        r = request
        row = np.array([1.0, r.prompt_tokens, r.longest, r.longest * r.in_flight])
        return float(self.coefficients @ row)


def fitted(requests: Sequence[Finished]) -> Fit:
    """Fit the coefficients by least squares that are reweighted: an error counts in relation to what was
    taken or predicted, whichever is more, and a large one by its size alone; so a few requests that hung, or
    came back at once, change little."""
    seconds = np.array([max(r.seconds, SHORTEST_SECONDS) for r in requests])
    rows = np.array(
        [[1.0, r.prompt_tokens, r.longest, r.longest * r.in_flight] for r in requests], dtype=float
    )
    typical = float(np.median(seconds))
    scale = np.maximum(rows.mean(axis=0), 1e-12) / typical
    rows = rows / scale
    found, weights = np.zeros(rows.shape[1]), np.full(len(rows), typical**-2)
    for _ in range(_REWEIGHTINGS):
        weighted = rows.T * weights
        found = _not_negative(weighted @ rows + np.diag(_RIDGE), weighted @ seconds, found)
        size = np.maximum(seconds, rows @ found)
        errors = np.abs(rows @ found - seconds) / size
        weights = _TYPICAL_ERROR / np.maximum(errors, _TYPICAL_ERROR) / size**2
    wrong = np.abs(np.log(np.maximum(rows @ found, SHORTEST_SECONDS) / seconds))
    return Fit(np.asarray(found / scale), _spread(wrong))


def _spread(wrong: np.ndarray) -> float:
    """How far off the next prediction is: a few requests are fitted better than the next one is predicted."""
    own = 1.48 * float(np.median(wrong))
    n, prior = len(wrong), _PRIOR_REQUESTS
    return math.sqrt((prior * _PRIOR_SPREAD**2 + n * own**2) / (prior + n))


def _not_negative(matrix: np.ndarray, target: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Solve the normal equations under `found >= 0`, one coordinate after the other."""
    found = found.copy()
    for _ in range(_SWEEPS):
        for k in range(len(found)):
            rest = target[k] - matrix[k] @ found + matrix[k, k] * found[k]
            found[k] = max(0.0, rest / matrix[k, k])
    return found
