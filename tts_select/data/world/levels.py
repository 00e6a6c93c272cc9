"""The difficulty of world problems: the shape each is drawn from, and the shape distribution of each level.

Difficulty comes from length and arithmetic first; distractors and shuffled facts arrive gently, because
small models that must learn retrieval and arithmetic at once learn neither (docs/lab/log.md).
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

LEVELS = range(1, 9)
THIRDS: dict[str, tuple[int, ...]] = {"easy": (1, 2, 3), "middle": (4, 5), "hard": (6, 7, 8)}
MEAN_STEPS = (2.0, 2.4, 2.9, 3.4, 4.0, 4.7, 5.5, 6.3)
"""The mean number of steps at each level; fractions are chances of one step more."""
MAX_VALUE = 9_999
MAX_STEPS = 7


_TRAINED_SIZES = (0.40, 0.35, 0.25)


@dataclass(frozen=True, slots=True)
class Shape:
    """`n_steps` arithmetic steps on numbers of `size` 0 (small) to 2 (large)."""

    n_steps: int
    size: int
    distractors: int = 0
    shuffled: bool = False


def level_shape(level: int, rng: random.Random) -> Shape:
    """Draw a shape of this level: each level is a little longer, bigger and more shuffled than the last."""
    progress = (level - 1) / (len(LEVELS) - 1)
    sizes = [0.60 - 0.30 * progress, 0.33 + 0.02 * progress, 0.07 + 0.28 * progress]
    return Shape(
        n_steps=int(MEAN_STEPS[level - 1] + rng.random()),
        size=rng.choices((0, 1, 2), sizes)[0],
        distractors=int(rng.random() < 0.4 * progress),
        shuffled=rng.random() < 0.3 * max(0.0, progress - 0.3),
    )


def training_shape(rng: random.Random) -> Shape:
    """Draw all lengths alike, and shuffled facts in short problems too, so that retrieval is learnt."""
    return Shape(
        n_steps=rng.randint(1, MAX_STEPS),
        size=rng.choices((0, 1, 2), _TRAINED_SIZES)[0],
        distractors=int(rng.random() < 0.3),
        shuffled=rng.random() < 0.25,
    )


@dataclass(frozen=True, slots=True)
class Change:
    """One arithmetic step on a running value."""

    op: str
    amount: int


_MULTIPLIED = 0.25
"""How often a step is a product, if it can be: between products the order is fixed, among sums it is free."""
_START = ((2, 30), (10, 200), (50, 900))
_AMOUNT = ((1, 20), (5, 99), (20, 999))
_FACTOR = ((2, 4), (2, 9), (2, 9))


def draw_start(size: int, rng: random.Random, *, at_most: int = MAX_VALUE) -> int:
    """Draw a first number of this size."""
    low, high = _START[size]
    return rng.randint(low, min(high, at_most))


def draw_factor(size: int, rng: random.Random) -> int:
    """Draw a number to multiply by."""
    return rng.randint(*_FACTOR[size])


def draw_change(value: int, size: int, rng: random.Random) -> Change:
    """Draw an operation that keeps the running value within 1..MAX_VALUE."""
    if rng.random() < _MULTIPLIED:
        factor = draw_factor(size, rng)
        if value * factor <= MAX_VALUE:
            return Change("*", factor)
    amount = rng.randint(*_AMOUNT[size])
    if value - amount >= 1 and (rng.random() < 0.5 or value + amount > MAX_VALUE):
        return Change("-", amount)
    if value + amount <= MAX_VALUE:
        return Change("+", amount)
    return Change("-", rng.randint(1, value - 1))


def swap_neighbours(sentences: list[T], rng: random.Random) -> None:
    """Shuffle in place, a little: two neighbours change places."""
    place = rng.randrange(len(sentences) - 1)
    sentences[place], sentences[place + 1] = sentences[place + 1], sentences[place]
