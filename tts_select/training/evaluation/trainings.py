"""Routers that were trained more than once, replayed: the same draws of the same problems for all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import geometric_mean

import numpy as np

from tts_select.training.evaluation.frontier import (
    Frontier,
    MakeReplayer,
    Part,
    Subject,
    Walked,
    efforts_of,
    walker,
)
from tts_select.training.log.records import Manifest
from tts_select.training.replay.cases import Case
from tts_select.training.replay.fixed import Orders, Score

AT_ONCE = 4
"""Draws that are walked at once: what a walk has seen is kept for the next price, which takes memory."""

Trainings = Sequence[Sequence[Part]]
"""The parts of each training; each is of all problems together."""
Note = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Replays:
    """How trainings are replayed: on which cases, in which draws."""

    cases: Sequence[Case]
    manifest: Manifest
    seed: int
    n_draws: int
    orders: Orders | None
    """None: random ones."""
    by: MakeReplayer

    def of(self, parts: Sequence[Part], prices: Sequence[Sequence[float]], *, note: Note) -> list[Walked]:
        """One training at each of these prices, of which each part has one."""
        found: list[list[Walked]] = [[] for _ in prices]
        for draws in self._batches():
            subject = Subject.of(
                parts,
                self.cases,
                self.manifest,
                seed=self.seed,
                draws=draws,
                orders=self.orders,
                by=self.by,
            )
            for k, own in enumerate(prices):
                note(f"draws up to {draws[-1] + 1} of {self.n_draws}, price {k + 1} of {len(prices)}")
                found[k].append(subject.at(own))
        return [Walked.stacked(some) for some in found]

    def _batches(self) -> Iterator[range]:
        """All draws where arrays are climbed, else a few after the other."""
        n = AT_ONCE if self.by is walker else self.n_draws
        return (range(k, min(k + n, self.n_draws)) for k in range(0, self.n_draws, n))


def replayed(
    trainings: Trainings, prices: Sequence[float], replays: Replays, *, note: Note
) -> tuple[Frontier, dict[str, tuple[float, Score]]]:
    """The frontier, and at each effort that all routers have its price (of several the geometric mean) and
    score. Scores of several trainings have them in their first axis."""
    efforts = [efforts_of(parts) for parts in trainings]
    shared = [name for name in efforts[0] if all(name in own for own in efforts)]
    walked: list[list[Walked]] = []
    for k, (parts, own) in enumerate(zip(trainings, efforts, strict=True)):
        wanted = [[price] * len(parts) for price in prices] + [own[name] for name in shared]
        said = numbered(note, k + 1, len(trainings))
        walked.append(replays.of(parts, wanted, note=said))
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
