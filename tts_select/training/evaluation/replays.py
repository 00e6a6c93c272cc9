"""Trainings of a router replayed, some problems at a time, in this process or spread over others."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np

from tts_select.training.evaluation.frontier import Drawn, MakeReplayer, Part, Walked, walker
from tts_select.training.evaluation.spread import HERE, Note, Spread
from tts_select.training.log.records import Manifest
from tts_select.training.replay import many
from tts_select.training.replay.cases import Case, order_in
from tts_select.training.replay.fixed import Orders
from tts_select.training.replay.many import in_chunks, sizes_of

DRAWS_AT_ONCE = 4
"""Draws that are walked at once: what a walk has seen is kept for the next price, which takes memory."""
STRETCHES_EACH = 4
"""Of each of several processes, so that none waits long for the last one."""

Trainings = Sequence[Sequence[Part]]
"""The parts of each training; each is of all problems together."""


@dataclass(frozen=True, slots=True)
class Replays:
    """How trainings are replayed: on which cases, in which draws. Some problems are replayed at a time, at
    every price, so that no more than those are in memory."""

    cases: Sequence[Case]
    manifest: Manifest
    seed: int
    n_draws: int
    orders: Orders | None
    """None: random ones."""
    by: MakeReplayer
    spread: Spread = HERE

    @property
    def in_one_go(self) -> bool:
        """Whether all problems are replayed at once."""
        return len(self.cases) <= many.AT_ONCE

    def of(
        self,
        trainings: Trainings,
        prices: Sequence[Sequence[Sequence[float]]],
        *,
        whole: Container[int],
        note: Note,
    ) -> list[list[Walked]]:
        """Each training at each of its prices, of which every part has one; of prices whose places are not in
        `whole`, and of all trainings but the first, only the means over draws are kept."""
        shared = _Shared(self.cases, self.manifest, self.by, len(trainings))
        found: list[list[list[tuple[np.ndarray, Walked]]]] = [[[] for _ in own] for own in prices]
        for done in self.spread(_replay, shared, self._stretches(trainings, prices, whole), note=note):
            for some, walked in zip(found[done.training], done.walked, strict=True):
                some.append((done.places, walked))
        return [[Walked.joined(some) for some in own] for own in found]

    def _stretches(
        self, trainings: Trainings, prices: Sequence[Sequence[Sequence[float]]], whole: Container[int]
    ) -> Iterator[_Stretch]:
        for training, (parts, own) in enumerate(zip(trainings, prices, strict=True)):
            n_done = 0
            for k, part in enumerate(parts):
                for places, drawn in self._drawn(part, self._at_once(len(trainings))):
                    n_done += len(places)
                    stretch = Part(part.router, part.trained_on, np.array(places))
                    kept = whole if training == 0 else ()
                    yield _Stretch(training, stretch, drawn, [price[k] for price in own], kept, n_done)

    def _at_once(self, n_trainings: int) -> int:
        """How many problems a stretch has: fewer where there are many processes for them."""
        n = self.spread.n_at_once
        if n == 1:
            return many.AT_ONCE
        return min(many.AT_ONCE, ceil(len(self.cases) * n_trainings / (n * STRETCHES_EACH)))

    def _drawn(self, part: Part, at_once: int) -> Iterator[tuple[list[int], Drawn]]:
        """Some places of a part after the other, and in each draw the orders of their cases: those that are
        given, or random ones, the same at every price and for every router."""
        rngs = [np.random.default_rng(self.seed + k) for k in range(self.n_draws)]
        for places in in_chunks(part.places, at_once):
            if self.orders is None:
                sizes = [sizes_of(self.cases, place) for place in places]
                yield places, [[order_in(own, rng) for own in sizes] for rng in rngs]
            else:
                orders = [self.orders[place] for place in places]
                yield places, list(zip(*orders, strict=True))


@dataclass(frozen=True, slots=True)
class _Shared:
    """What all stretches share."""

    cases: Sequence[Case]
    manifest: Manifest
    by: MakeReplayer
    n_trainings: int


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Some problems of a part of a training, and how they are replayed."""

    training: int
    part: Part
    drawn: Drawn
    prices: Sequence[float]
    whole: Container[int]
    n_done: int
    """The problems of the training up to the end of this stretch."""


@dataclass(frozen=True, slots=True)
class _Done:
    """A stretch at each of its prices."""

    training: int
    places: np.ndarray
    walked: Sequence[Walked]


def _replay(shared: _Shared, stretch: _Stretch, note: Note) -> _Done:
    """Replay a stretch at all of its prices, a few draws at a time."""
    part, n_draws = stretch.part, len(stretch.drawn)
    cases = part.of(shared.cases)
    said = _said(shared, stretch, note)
    found: list[list[Walked]] = [[] for _ in stretch.prices]
    for draws in _batches(n_draws, shared.by):
        replayer = shared.by(part.router, cases, [stretch.drawn[k] for k in draws], shared.manifest)
        for k, price in enumerate(stretch.prices):
            said(f"draws up to {draws[-1] + 1} of {n_draws}, price {k + 1} of {len(stretch.prices)}")
            found[k].append(replayer(price))
    walked = [Walked.stacked(some) for some in found]
    kept = [one if k in stretch.whole else one.means() for k, one in enumerate(walked)]
    return _Done(stretch.training, part.places, kept)


def _batches(n_draws: int, by: MakeReplayer) -> Iterator[range]:
    """All draws where arrays are climbed, else a few after the other."""
    n = DRAWS_AT_ONCE if by is walker else n_draws
    return (range(k, min(k + n, n_draws)) for k in range(0, n_draws, n))


def _said(shared: _Shared, stretch: _Stretch, note: Note) -> Note:
    """A note that says which training it is of, and which problems, if there are several."""
    said, n = numbered(note, stretch.training + 1, shared.n_trainings), len(shared.cases)
    if n <= many.AT_ONCE:
        return said
    return lambda text: said(f"problems up to {stretch.n_done:,} of {n:,}, {text}")


def numbered(note: Note, k: int, n: int) -> Note:
    """What is said of one training among n; of a single one no number."""
    return note if n == 1 else lambda text: note(f"training {k} of {n}: {text}")
