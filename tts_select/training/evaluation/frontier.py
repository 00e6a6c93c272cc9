"""What is measured, one router or one of each fold, replayed over prices."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from tts_select.selector.routers.protocol import Router
from tts_select.training.log.records import Manifest
from tts_select.training.replay.cases import Case, Order
from tts_select.training.replay.fixed import Orders, Score
from tts_select.training.replay.walks import Walk, draw_of, walk_in
from tts_select.training.routers.efforts import EFFORTS

MIDDLE_SHARE = 0.99
"""Of the best accuracy: where no price has a name, the middle one is the dearest that keeps it."""
PROBES = "the probes"
"""What ran last where nothing but the probes did."""


@dataclass(frozen=True, slots=True)
class Part:
    """A router, and the problems that it is measured on."""

    router: Router
    trained_on: Mapping[str, Any]
    places: np.ndarray
    """Of its problems among all."""

    def of(self, cases: Sequence[Case]) -> list[Case]:
        """Its own ones."""
        return [cases[k] for k in self.places]


@dataclass(frozen=True, slots=True)
class Walked:
    """The walks at one price; arrays have the shape (draws, problems)."""

    correct: np.ndarray
    cost: np.ndarray
    probe_cost: np.ndarray
    confidence: np.ndarray
    is_unfamiliar: np.ndarray
    last: np.ndarray
    """The name of the arm that ran last, the probes aside."""

    @classmethod
    def of(cls, draws: Sequence[Sequence[Walk]]) -> Walked:
        """From walks of the same problems."""

        def each(value: Callable[[Walk], object], kind: type) -> np.ndarray:
            return np.array([[value(w) for w in walks] for walks in draws], dtype=kind)

        return cls(
            correct=each(lambda w: w.correct, float),
            cost=each(lambda w: w.flops, float),
            probe_cost=each(lambda w: w.probe_flops, float),
            confidence=each(lambda w: w.confidence, float),
            is_unfamiliar=each(lambda w: w.unfamiliar is not None, bool),
            last=each(lambda w: w.chosen[-1] if w.chosen else PROBES, object),
        )

    def only(self, places: Sequence[int]) -> Walked:
        """The walks of these problems alone."""
        return Walked(*(getattr(self, f.name)[:, places] for f in fields(self)))

    @classmethod
    def joined(cls, parts: Sequence[tuple[np.ndarray, Walked]]) -> Walked:
        """From the walks of parts of the problems, each with their places."""
        order = np.argsort(np.concatenate([places for places, _ in parts]))
        return cls(
            *(
                np.concatenate([getattr(walked, f.name) for _, walked in parts], axis=1)[:, order]
                for f in fields(cls)
            )
        )

    @classmethod
    def stacked(cls, some: Sequence[Walked]) -> Walked:
        """From walks of the same problems in different draws."""
        return cls(*(np.concatenate([getattr(walked, f.name) for walked in some]) for f in fields(cls)))

    def means(self) -> Walked:
        """The means over draws as if they were one; what has none is not kept."""
        unknown = np.full((1, self.correct.shape[1]), np.nan)
        return Walked(
            correct=self.correct.mean(axis=0, keepdims=True),
            cost=self.cost.mean(axis=0, keepdims=True),
            probe_cost=self.probe_cost.mean(axis=0, keepdims=True),
            confidence=unknown,
            is_unfamiliar=np.zeros(unknown.shape, bool),
            last=np.full(unknown.shape, None, object),
        )

    @property
    def score(self) -> Score:
        """Means over draws."""
        return Score(self.correct.mean(axis=0), self.cost.mean(axis=0))

    @property
    def probe_share(self) -> float:
        """The share of the probes in the cost."""
        return float(self.probe_cost.mean()) / self.score.cost


Replayer = Callable[[float], Walked]
"""Replays a router on its problems, at a price."""
Drawn = Sequence[Sequence[Order]]
"""For each draw, an order of each case."""


MakeReplayer = Callable[[Router, Sequence[Case], Drawn, Manifest], Replayer]
"""Of a router, for cases of a log with this manifest."""


def walker(router: Router, cases: Sequence[Case], drawn: Drawn, _: Manifest) -> Replayer:
    """The walk of any router, one decision after the other."""
    return lambda price: Walked.of([walk_in(router, cases, orders, price) for orders in drawn])


@dataclass(frozen=True, slots=True)
class Subject:
    """What is measured: one router, or those of folds, each ready to be replayed on its own problems."""

    parts: Sequence[Part]
    replayers: Sequence[Replayer]

    @classmethod
    def of(
        cls,
        parts: Sequence[Part],
        cases: Sequence[Case],
        manifest: Manifest,
        *,
        seed: int,
        draws: Sequence[int],
        orders: Orders | None = None,
        by: MakeReplayer = walker,
    ) -> Subject:
        """In the draws of these numbers: of the orders of each case that are given, or else of random ones;
        they are the same at every price, and for every router."""
        replayers = []
        for part in parts:
            own = part.of(cases)
            drawn = [
                draw_of(own, seed + k) if orders is None else [orders[place][k] for place in part.places]
                for k in draws
            ]
            replayers.append(by(part.router, own, drawn, manifest))
        return cls(parts, replayers)

    def at(self, prices: Sequence[float]) -> Walked:
        """Each part at its price."""
        return Walked.joined(
            [
                (part.places, replayer(price))
                for part, replayer, price in zip(self.parts, self.replayers, prices, strict=True)
            ]
        )


@dataclass(frozen=True, slots=True)
class Frontier:
    """The router at each of `prices`."""

    prices: Sequence[float]
    walked: Sequence[Walked]
    """Of the first training; of many problems they are means over draws, but for the one price that is looked
    at more closely."""
    scores: Sequence[Score]
    """Of all trainings."""


def efforts_of(parts: Sequence[Part]) -> dict[str, list[float]]:
    """The price of each effort that all of the routers have, the least effort first: an artifact has them by
    name."""
    named = [part.router.prices for part in parts]
    ordered = dict.fromkeys([*EFFORTS, *named[0]])
    return {effort: [own[effort] for own in named] for effort in ordered if all(effort in x for x in named)}


def middle_by_name(parts: Sequence[Part], prices: Sequence[float]) -> int | None:
    """The place of the price that is closest to that of medium effort; None for routers of folds, whose
    efforts differ, and for one without efforts."""
    if len(parts) > 1 or "medium" not in parts[0].router.prices:
        return None
    medium = parts[0].router.prices["medium"]
    distance = np.abs(np.log(np.maximum(prices, np.finfo(float).tiny) / medium))
    return int(distance.argmin())


def middle_of(parts: Sequence[Part], frontier: Frontier) -> int:
    """The place of the price of medium effort; where there is none, that of the dearest price that keeps 99 %
    of the most that is reached."""
    if (named := middle_by_name(parts, frontier.prices)) is not None:
        return named
    best = max(score.accuracy for score in frontier.scores)
    return max(k for k, score in enumerate(frontier.scores) if score.accuracy >= MIDDLE_SHARE * best)
