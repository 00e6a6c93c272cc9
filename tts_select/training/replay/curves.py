"""Strategies in every resample of the problems, so that what is said of them has an interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tts_select.training.replay.envelope import Envelope
from tts_select.training.replay.fixed import Score
from tts_select.training.replay.resampling import Resamples


@dataclass(frozen=True)
class Curve:
    """Points of strategies in every resample, shape (1 + resamples, points) each; the first row is what was
    measured."""

    costs: np.ndarray
    accuracies: np.ndarray

    @classmethod
    def of(cls, points: Sequence[Score], *, seed: int = 0) -> Curve:
        """Resample the problems, and the trainings if there are several; curves of the same problems can be
        compared row by row."""
        correct, cost = (np.stack([getattr(p, name) for p in points]) for name in ("correct", "flops"))
        resamples = Resamples.like(correct, has_trainings=correct.ndim == 3, seed=seed)
        return cls(resamples.means(cost).T, resamples.means(correct).T)

    @cached_property
    def envelopes(self) -> list[Envelope]:
        """The frontier of each row."""
        return [Envelope.of(*row) for row in zip(self.costs, self.accuracies, strict=True)]
