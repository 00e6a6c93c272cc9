"""Where a ladder starts from: what a prior says that going on is worth.

A few dozen problems say little about when to stop, and a prior (`selector/routers/prior.py`) knows what is
true of every model. So the gains that a rule learns from are, in part, those that a prior expects at the same
looks: as if it were so many more problems. The rule that comes out is the ladder's own, and needs no prior.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tts_select.selector.agreement import agreement, tokens_a_length
from tts_select.selector.routers.learned_prior import Prior
from tts_select.selector.routers.prior import best_horizon, horizons
from tts_select.selector.routers.rungs import Rung
from tts_select.training.replay.draws import CUT
from tts_select.training.replay.orders import Replay

PRIOR_PROBLEMS = 150
"""How many problems a prior counts as; 50, 80, 150 and 400 were tried (docs/lab/log.md)."""

Worths = np.ndarray | None
"""What going on from a look is worth, in P(correct) less its price; shape (rows, prices). None: unknown."""


@dataclass(frozen=True)
class Expectations:
    """What a prior expects of ladders over the rows of a replay, at prices in probability per unit of
    cost."""

    prior: Prior
    replay: Replay
    prices: np.ndarray
    _known: dict[tuple[str, tuple[int, ...]], list[Worths]] = field(default_factory=dict)

    def of(self, rungs: Sequence[Rung], looks: Sequence[int]) -> list[Worths]:
        """What is expected at each look but the last. The prior sees the samples of the last rung alone, and
        says nothing before it: what another policy may know is not in it."""
        begin = sum(rung.n for rung in rungs[:-1])
        own = tuple(n - begin for n in looks if n > begin)
        key = rungs[-1].pool, own
        if key not in self._known:  # ladders that end alike share it
            self._known[key] = [self._worths(rungs[-1].pool, n, own) for n in own[:-1]]
        return [None] * (len(looks) - len(own)) + self._known[key]

    def _worths(self, pool: str, n: int, looks: Sequence[int]) -> np.ndarray:
        """After one sample it says what it would say of two that agree, the fewest that it has seen: still
        better than what two dozen problems say (docs/lab/log.md)."""
        draws, unit = self.replay.draws[pool], tokens_a_length(self.replay.unit)
        group = draws.group[:, :n]
        seen = agreement(group, draws.length[:, :n], group == CUT, tokens_a_length=unit)
        later = horizons(n, looks)
        gains = self.prior.gains(seen.features, self.prior.says(seen.features), later)
        per_sample = draws.cost[:, :n].mean(axis=1)[:, None]
        found = [best_horizon(gains, n, later, price * per_sample)[1] for price in self.prices]
        return np.stack(found, axis=1)
