"""Routers that were trained more than once, replayed: the same draws of the same problems for all of them."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from statistics import geometric_mean

import numpy as np

from tts_select.training.evaluation.frontier import (
    Drawn,
    Frontier,
    MakeReplayer,
    Part,
    Walked,
    efforts_of,
    walker,
)
from tts_select.training.log.records import Manifest
from tts_select.training.replay import many
from tts_select.training.replay.cases import Case, order_in
from tts_select.training.replay.fixed import Orders, Score
from tts_select.training.replay.many import in_chunks, sizes_of

DRAWS_AT_ONCE = 4
"""Draws that are walked at once: what a walk has seen is kept for the next price, which takes memory."""

Trainings = Sequence[Sequence[Part]]
"""The parts of each training; each is of all problems together."""
Note = Callable[[str], None]


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

    @property
    def in_one_go(self) -> bool:
        """Whether all problems are replayed at once."""
        return len(self.cases) <= many.AT_ONCE

    def of(
        self, parts: Sequence[Part], prices: Sequence[Sequence[float]], *, whole: Container[int], note: Note
    ) -> list[Walked]:
        """One training at each of these prices, of which each part has one; of prices whose places are not in
        `whole` only the means over draws are kept."""
        found: list[list[tuple[np.ndarray, Walked]]] = [[] for _ in prices]
        n_done = 0
        for k, part in enumerate(parts):
            for places, drawn in self._drawn(part):
                n_done += len(places)
                own = Part(part.router, part.trained_on, np.array(places))
                said = self._numbered(note, n_done)
                walked = self._walked(own, drawn, [price[k] for price in prices], note=said)
                for at, (some, one) in enumerate(zip(found, walked, strict=True)):
                    some.append((own.places, one if at in whole else one.means()))
        return [Walked.joined(some) for some in found]

    def _walked(self, part: Part, drawn: Drawn, prices: Sequence[float], *, note: Note) -> list[Walked]:
        """Some problems of a part at its prices."""
        cases = part.of(self.cases)
        found: list[list[Walked]] = [[] for _ in prices]
        for draws in self._batches():
            replayer = self.by(part.router, cases, [drawn[k] for k in draws], self.manifest)
            for k, price in enumerate(prices):
                note(f"draws up to {draws[-1] + 1} of {self.n_draws}, price {k + 1} of {len(prices)}")
                found[k].append(replayer(price))
        return [Walked.stacked(some) for some in found]

    def _drawn(self, part: Part) -> Iterator[tuple[list[int], Drawn]]:
        """Some places of a part after the other, and in each draw the orders of their cases: those that are
        given, or random ones, the same at every price and for every router."""
        rngs = [np.random.default_rng(self.seed + k) for k in range(self.n_draws)]
        for places in in_chunks(part.places):
            if self.orders is None:
                sizes = [sizes_of(self.cases, place) for place in places]
                yield places, [[order_in(own, rng) for own in sizes] for rng in rngs]
            else:
                orders = [self.orders[place] for place in places]
                yield places, list(zip(*orders, strict=True))

    def _batches(self) -> Iterator[range]:
        """All draws where arrays are climbed, else a few after the other."""
        n = DRAWS_AT_ONCE if self.by is walker else self.n_draws
        return (range(k, min(k + n, self.n_draws)) for k in range(0, self.n_draws, n))

    def _numbered(self, note: Note, n_done: int) -> Note:
        n = len(self.cases)
        return note if self.in_one_go else lambda text: note(f"problems up to {n_done:,} of {n:,}, {text}")


def replayed(
    trainings: Trainings,
    prices: Sequence[float],
    replays: Replays,
    *,
    whole: Container[int],
    note: Note,
) -> tuple[Frontier, dict[str, tuple[float, Score]]]:
    """The frontier, and at each effort that all routers have its price (of several the geometric mean) and
    score. Scores of several trainings have them in their first axis. The places of prices in `whole` are
    those at which the first training has all draws."""
    efforts = [efforts_of(parts) for parts in trainings]
    shared = [name for name in efforts[0] if all(name in own for own in efforts)]
    walked: list[list[Walked]] = []
    for k, (parts, own) in enumerate(zip(trainings, efforts, strict=True)):
        wanted = [[price] * len(parts) for price in prices] + [own[name] for name in shared]
        said = numbered(note, k + 1, len(trainings))
        walked.append(replays.of(parts, wanted, whole=whole if k == 0 else (), note=said))
    scores = [_joined([some[k].score for some in walked]) for k in range(len(prices) + len(shared))]
    at = {
        name: (_mean_price([p for own in efforts for p in own[name]]), score)
        for name, score in zip(shared, scores[len(prices) :], strict=True)
    }
    return Frontier(prices, walked[0][: len(prices)], scores[: len(prices)]), at


def _mean_price(prices: Sequence[float]) -> float:
    return prices[0] if len(set(prices)) == 1 else geometric_mean(prices)


def alone(score: Score, training: int) -> Score:
    """The score of one training."""
    if score.correct.ndim == 1:
        return score
    return Score(score.correct[training], score.flops[training])


def _joined(scores: Sequence[Score]) -> Score:
    if len(scores) == 1:
        return scores[0]
    return Score(np.stack([s.correct for s in scores]), np.stack([s.flops for s in scores]))


def numbered(note: Note, k: int, n: int) -> Note:
    """What is said of one training among n; of a single one no number."""
    return note if n == 1 else lambda text: note(f"training {k} of {n}: {text}")
