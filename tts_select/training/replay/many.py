"""Cases and orders of more problems than fit in memory: each is made when it is asked for."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tts_select.training.log.records import LoggedProblem, SweepLog
from tts_select.training.replay.cases import (
    Case,
    Order,
    case_of,
    numbers_of,
    order_in,
    recorded_of,
    replayed_in,
)
from tts_select.training.replay.costs import costs_of
from tts_select.training.replay.made import Made

AT_ONCE = 250
"""The problems that are replayed at a time, in all of their orders."""
_BLOCK = 64
"""The problems whose orders are drawn at a time."""


class Cases(Made[Case]):
    """The cases of a log, as `cases_of` has them, but none of them is held: only the groups of answers are,
    which take long to find."""

    def __init__(self, log: SweepLog) -> None:
        """Raises:
        InputError: there is no problem that every pool has samples of.
        """
        self._log, self._costs = log, costs_of(log.manifest)
        self.problems: list[LoggedProblem] = replayed_in(log)
        self._numbers: list[array[int]] = []
        self._sizes: list[dict[str, int]] = []
        known: dict[tuple[int, ...], dict[str, int]] = {}
        for problem in self.problems:
            recorded = recorded_of(log, problem)
            self._numbers.append(array("i", numbers_of(problem, recorded, log)))
            sizes = {name: len(pool.samples) for name, pool in recorded.pools.items()}
            self._sizes.append(known.setdefault(tuple(sizes.values()), sizes))  # most problems have the same

    def __len__(self) -> int:
        return len(self.problems)

    def made(self, place: int) -> Case:
        """See `Made`."""
        problem = self.problems[place]
        recorded = recorded_of(self._log, problem)
        return case_of(self._log.manifest, problem, recorded, self._numbers[place], self._costs)

    def sizes(self, place: int) -> Mapping[str, int]:
        """Return how many samples the pools of a problem have."""
        return self._sizes[place]


def problems_of(cases: Sequence[Case]) -> list[LoggedProblem]:
    """Return the problems of cases without making the cases."""
    return cases.problems if isinstance(cases, Cases) else [case.problem for case in cases]


def sizes_of(cases: Sequence[Case], place: int) -> Mapping[str, int]:
    """Return how many samples the pools of a problem have, without making its case."""
    if isinstance(cases, Cases):
        return cases.sizes(place)
    return {pool: len(samples) for pool, samples in cases[place].observed.items()}


def in_chunks(places: Sequence[int] | np.ndarray, at_once: int | None = None) -> Iterator[list[int]]:
    """Yield so many places at a time; None: as many as are replayed at once."""
    n = at_once or AT_ONCE
    yield from ([int(k) for k in places[at : at + n]] for at in range(0, len(places), n))


class RandomOrders(Made[list[Order]]):
    """The orders that `orders_of` draws, drawn again when they are asked for: what is held is where the
    random numbers stood."""

    def __init__(self, cases: Sequence[Case], seed: int, n_draws: int) -> None:
        self._cases, self._n_draws = cases, n_draws
        self._states: list[Any] = [np.random.default_rng(seed).bit_generator.state]
        self._drawn: tuple[int, list[list[Order]]] = (-1, [])

    def __len__(self) -> int:
        return len(self._cases)

    def made(self, place: int) -> list[Order]:
        """See `Made`."""
        block = place // _BLOCK
        while self._drawn[0] != block:
            self._draw(min(block, len(self._states) - 1))
        return self._drawn[1][place % _BLOCK]

    def _draw(self, block: int) -> None:
        """Draw the orders of a block whose beginning is known, and note where the next one begins."""
        rng = np.random.default_rng()
        rng.bit_generator.state = self._states[block]
        places = range(block * _BLOCK, min((block + 1) * _BLOCK, len(self)))
        sizes = [sizes_of(self._cases, k) for k in places]
        self._drawn = block, [[order_in(own, rng) for _ in range(self._n_draws)] for own in sizes]
        if block + 1 == len(self._states):
            self._states.append(rng.bit_generator.state)
