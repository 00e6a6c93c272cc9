"""Training rows of a prior: what was seen after so many samples, and what more of them came to.

Each log counts as much as any other, and each policy of a log, whatever their numbers of problems: the prior
is for models and problems that are in none of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tts_select.selector.routers.prior import horizons
from tts_select.training.replay.grouping import RIGHT
from tts_select.training.replay.rounds import Look


@dataclass(frozen=True, slots=True)
class PoolLooks:
    """The looks at the samples of one policy of a log."""

    log: int
    """The place of the log among all."""
    problem: np.ndarray
    """The place of each row's problem in its log."""
    looks: Sequence[Look]
    vote: np.ndarray
    """Whether the majority of all samples of the usual budget is right, of each row."""

    def of(self, rows: np.ndarray) -> PoolLooks:
        """The same for some rows (a mask)."""
        some = [Look(x.n, x.n_there[rows], x.first[rows], x.features[rows], x.cost[rows]) for x in self.looks]
        return PoolLooks(self.log, self.problem[rows], some, self.vote[rows])


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows with a label and a weight each."""

    features: np.ndarray
    labels: np.ndarray
    weights: np.ndarray

    @classmethod
    def joined(cls, parts: Sequence[Rows]) -> Rows:
        """All of them; the mean weight is 1."""
        weights = np.concatenate([part.weights for part in parts])
        return cls(
            np.concatenate([part.features for part in parts]),
            np.concatenate([part.labels for part in parts]),
            weights / weights.mean(),
        )

    def some(self, n: int, seed: int) -> Rows:
        """At most n of them, at random."""
        pick = np.random.default_rng(seed).permutation(len(self.labels))[:n]
        return Rows(self.features[pick], self.labels[pick], self.weights[pick])


def correct_rows(pools: Sequence[PoolLooks]) -> Rows:
    """Whether the leader is right."""
    return Rows.joined(
        [_weighed(look.features, _right(look), pool, pools) for pool in pools for look in pool.looks]
    )


def change_rows(pools: Sequence[PoolLooks]) -> Rows:
    """Whether another answer leads at a later look."""
    return Rows.joined(
        [
            _weighed(
                np.column_stack([now.features[rows], np.full(rows.sum(), np.log2(later.n / now.n))]),
                (later.first != now.first)[rows] * 1.0,
                pool,
                pools,
            )
            for pool in pools
            for now, later, rows in _pairs(pool)
        ]
    )


def gain_rows(pools: Sequence[PoolLooks]) -> Rows:
    """How much likelier the later leader is to be right, where it is another: 1, 0 or -1."""
    parts = []
    for pool in pools:
        for now, later, rows in _pairs(pool):
            changed = rows & (later.first != now.first)
            whole = _weighed(now.features[rows], np.zeros(rows.sum()), pool, pools)
            if changed.any():
                weights = np.full(changed.sum(), whole.weights[0])
                parts.append(Rows(now.features[changed], (_right(later) - _right(now))[changed], weights))
    return Rows.joined(parts)


def _pairs(pool: PoolLooks) -> Iterator[tuple[Look, Look, np.ndarray]]:
    """Two looks and the rows that have samples enough for both."""
    known = {look.n: look for look in pool.looks}
    for now in pool.looks:
        for n in horizons(now.n, list(known)):
            rows = known[n].is_whole
            if rows.any():
                yield now, known[n], rows


def _right(look: Look) -> np.ndarray:
    right: np.ndarray = (look.first == RIGHT) * 1.0
    return right


def _weighed(features: np.ndarray, labels: np.ndarray, pool: PoolLooks, pools: Sequence[PoolLooks]) -> Rows:
    beside = sum(other.log == pool.log for other in pools)
    return Rows(features, labels, np.full(len(labels), 1 / (beside * len(labels))))
