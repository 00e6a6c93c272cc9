"""The prior walked over many orders at once; `walks.py` does it for any router, more slowly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tts_select.selector.agreement import agreement
from tts_select.selector.preference import preference
from tts_select.selector.routers.learned_prior import Prior
from tts_select.selector.routers.prior import best_horizon, horizons
from tts_select.selector.routers.prior_prm import ScoredPrior
from tts_select.training.replay.draws import CUT, Draws
from tts_select.training.replay.scored import Scored


@dataclass(frozen=True, slots=True)
class Look:
    """What is seen after so many samples, where there are as many; shape (rows,) but for the features."""

    n: int
    n_there: np.ndarray
    """The number of samples that there are, up to n."""
    first: np.ndarray
    """The group of the answer that leads."""
    features: np.ndarray
    cost: np.ndarray
    """Of all samples so far."""

    @property
    def is_whole(self) -> np.ndarray:
        """Whether there are n samples."""
        whole: np.ndarray = self.n_there == self.n
        return whole


def looked_at(
    draws: Draws, looks: Sequence[int], *, tokens_a_length: float, scored: Scored | None = None
) -> list[Look]:
    """Look at the samples of a pool, and at the scores of a PRM if there are some, after each of these
    numbers, as far as any row has more."""
    n_all, costs = draws.is_there.sum(axis=1), draws.cost.cumsum(axis=1)
    if scored is not None:
        costs = costs + scored.cost
    found: list[Look] = []
    for n in looks:
        n_there = np.minimum(n, n_all)
        if found and (n_there == found[-1].n_there).all():
            break
        first, features = _seen(draws, n_there, tokens_a_length, scored)
        found.append(Look(n, n_there, first, features, costs[np.arange(len(n_there)), n_there - 1]))
    return found


def _seen(
    draws: Draws, n_there: np.ndarray, tokens_a_length: float, scored: Scored | None
) -> tuple[np.ndarray, np.ndarray]:
    """(leaders, features) of the first samples of each row."""
    first, parts = np.zeros(len(n_there), int), {}
    for k in np.unique(n_there):
        rows = n_there == k
        group = draws.group[rows, :k]
        seen = agreement(group, draws.length[rows, :k], group == CUT, tokens_a_length=tokens_a_length)
        if scored is not None:
            seen = preference(seen, group, scored.score[rows, :k])
        first[rows], parts[k] = seen.first, seen.features
    features = np.zeros((len(n_there), next(iter(parts.values())).shape[1]))
    for k, some in parts.items():
        features[n_there == k] = some
    return first, features


@dataclass(frozen=True, slots=True)
class Stopped:
    """Where each row stops, shape (rows,) each."""

    first: np.ndarray
    p_correct: np.ndarray
    cost: np.ndarray


@dataclass(frozen=True)
class Rounds:
    """Looks at samples, and what a prior thinks of them; it is asked once, whatever the price."""

    looks: Sequence[Look]
    gains: Sequence[np.ndarray]
    p_correct: Sequence[np.ndarray]
    wanted: Sequence[int]
    """All numbers of samples after which it is decided, whether there are as many or not."""

    @classmethod
    def of(cls, prior: Prior | ScoredPrior, looks: Sequence[Look], wanted: Sequence[int]) -> Rounds:
        """Ask the prior."""
        said = [prior.says(look.features) for look in looks]
        gains = [
            prior.gains(look.features, p, horizons(look.n, wanted))
            for look, p in zip(looks, said, strict=True)
        ]
        sure = [prior.p_correct(look.features, p) for look, p in zip(looks, said, strict=True)]
        return cls(looks, gains, sure, wanted)

    def at(self, price: float) -> Stopped:
        """Where each row stops at this price, in probability a sample."""
        last = self.looks[-1]
        first, p, cost = last.first, self.p_correct[-1], last.cost
        for look, gains, sure in zip(
            self.looks[-2::-1], self.gains[-2::-1], self.p_correct[-2::-1], strict=True
        ):
            worth = best_horizon(gains, look.n, horizons(look.n, self.wanted), price)[1]
            stop = (worth <= 0) | ~look.is_whole
            first, p = np.where(stop, look.first, first), np.where(stop, sure, p)
            cost = np.where(stop, look.cost, cost)
        return Stopped(first, p, cost)
