"""Where a ladder starts from: what a prior says that going on is worth.

A few dozen problems say little about when to stop, and a prior (`selector/routers/prior.py`) knows what is
true of every model. So the gains that a rule learns from are, in part, those that a prior expects at the same
looks: as if it were so many more problems. The rule that comes out is the ladder's own, and needs no prior.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tts_select.selector.agreement import agreement, tokens_a_length
from tts_select.selector.routers.learned_prior import Prior
from tts_select.selector.routers.prior import best_horizon, horizons
from tts_select.selector.routers.rungs import Rung
from tts_select.training.replay.orders import CUT, Replay

PRIOR_PROBLEMS = 150
"""How many problems a prior counts as; 50, 80 and 150 were tried (docs/lab/log.md)."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a prior expects of going on from one look; shape (rows, later looks) and (rows,)."""

    n: int
    later: tuple[int, ...]
    gains: np.ndarray
    per_sample: np.ndarray
    """The mean cost of the samples at hand, of each row."""

    def worths(self, prices: np.ndarray) -> np.ndarray:
        """What going on is worth at each price, in probability per unit of cost; shape (rows, prices)."""
        per_sample = self.per_sample[:, None]
        return np.stack(
            [best_horizon(self.gains, self.n, self.later, price * per_sample)[1] for price in prices], axis=1
        )


def expected_of(
    prior: Prior, rungs: Sequence[Rung], replay: Replay, looks: Sequence[int]
) -> list[Expected | None]:
    """What the prior expects at each look but the last. It sees the samples of the last rung alone, and says
    nothing before it: what another policy may know is not in it."""
    begin = sum(rung.n for rung in rungs[:-1])
    own = [n - begin for n in looks if n > begin]
    before: list[Expected | None] = [None] * (len(looks) - len(own))
    return [*before, *(_expected(prior, rungs[-1].pool, replay, n, own) for n in own[:-1])]


def _expected(prior: Prior, pool: str, replay: Replay, n: int, looks: Sequence[int]) -> Expected:
    """After one sample it says what it would say of two that agree, the fewest that it has seen: worse than
    nothing where that is all there is, better than what two dozen problems say (docs/lab/log.md)."""
    draws, unit = replay.draws[pool], tokens_a_length(replay.unit)
    group = draws.group[:, :n]
    seen = agreement(group, draws.length[:, :n], group == CUT, tokens_a_length=unit)
    later = horizons(n, looks)
    gains = prior.gains(seen.features, prior.says(seen.features), later)
    return Expected(n, tuple(later), gains, draws.cost[:, :n].mean(axis=1))
