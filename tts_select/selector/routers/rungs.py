"""What a ladder is: the pools that it draws from, where it looks, and the rule that it goes on by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tts_select.selector.routers.tally import AnswerModel

LOOKS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
"""The numbers of draws of a rung after which the stopping rule is asked, and so what is drawn at once: one
more sample of fifty changes little."""


@dataclass(frozen=True, slots=True)
class Rung:
    """A number of draws from a pool, at most `n`."""

    pool: str
    n: int


@dataclass(frozen=True, slots=True)
class Ladder:
    """The plan for one price."""

    price: float
    """The price in probability per unit of cost."""
    rungs: tuple[Rung, ...]
    answers: AnswerModel
    stops: np.ndarray
    """What going on is worth at each look, shape (looks - 1, terms); at 0 or less it stops."""
    accuracy: float
    """The expected accuracy, from training problems that the rules had not seen; so is the cost."""
    cost: float
    length: float
    """The expected length of all samples together: tokens, or what the log counts."""
    looks: tuple[int, ...]
    """The numbers of draws after which the rule is asked, from 1 to all of them."""

    @property
    def draws(self) -> list[str]:
        """The pool of each draw, one after the other."""
        return draws_of(self.rungs)

    @property
    def in_words(self) -> str:
        """Return the ladder in words, as in `world:small x 2, then world:large x 12`."""
        return ", then ".join(self.stages)

    @property
    def stages(self) -> list[str]:
        """Return each rung in words."""
        return [f"{rung.pool} x {rung.n}" for rung in self.rungs]

    def as_dict(self) -> dict[str, object]:
        """What people want to know of it, for JSON."""
        return {
            "price": self.price,
            "rungs": self.stages,
            "accuracy": self.accuracy,
            "cost": self.cost,
        }


def looks_of(rungs: Sequence[Rung]) -> tuple[int, ...]:
    """The numbers of draws after which to look: those of `LOOKS` on each rung, and its end."""
    found, start = [], 0
    for rung in rungs:
        found += [start + n for n in LOOKS if n < rung.n] + [start + rung.n]
        start += rung.n
    return tuple(found)


def draws_of(rungs: Sequence[Rung]) -> list[str]:
    """The pool of each draw."""
    return [rung.pool for rung in rungs for _ in range(rung.n)]
