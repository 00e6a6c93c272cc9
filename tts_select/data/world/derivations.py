"""Derivations: the ways to write the solution of a problem, one line a step, then the answer."""

from __future__ import annotations

import random

from tts_select.data.world.expressions import Expression, Pair, pairs, reduced_everywhere
from tts_select.data.world.levels import MAX_VALUE

STRAIGHT_ON = 2.0
"""How much likelier a pair with the number just computed is than another."""
SHARED = 8.0
"""The same for a pair that stands at two places, which nobody computes twice."""
SWAPPED = 0.5
"""How often a sum or product is written the other way round."""


def answer_line(value: int) -> str:
    """The last line of a solution."""
    return f"Answer: \\boxed{{{value}}}"


def canonical_steps(expression: Expression) -> tuple[str, ...]:
    """The solution that goes through the text from the inside out."""
    lines: list[str] = []
    while not isinstance(expression, int):
        pair = next(pairs(expression))
        lines.append(pair.lines()[0])
        expression = reduced_everywhere(expression, pair)
    return (*lines, answer_line(expression))


def random_steps(expression: Expression, rng: random.Random) -> tuple[str, ...]:
    """A solution of the policies' training: any order of independent steps, numbers of a sum or product
    grouped with their neighbours or with the number just computed, and either one written first."""
    lines: list[str] = []
    last: int | None = None
    while not isinstance(expression, int):
        weights = _choices(expression, last)
        pair = rng.choices(list(weights), list(weights.values()))[0]
        lines.append(_written(pair, rng))
        last, expression = pair.result, reduced_everywhere(expression, pair)
    return (*lines, answer_line(expression))


def _choices(expression: Expression, last: int | None) -> dict[Pair, float]:
    first = next(pairs(expression))
    near: dict[Pair, float] = {}
    for pair in pairs(expression, neighbours=True):
        near[pair] = near.get(pair, 1 / SHARED) * SHARED
    if last is not None:
        for pair in pairs(expression):
            if last in (pair.left, pair.right):
                near.setdefault(pair, 1.0)
    weights = {
        pair: weight * (STRAIGHT_ON if last in (pair.left, pair.right) else 1.0)
        for pair, weight in near.items()
        if pair.result <= MAX_VALUE
    }
    return weights or {first: 1.0}


def _written(pair: Pair, rng: random.Random) -> str:
    lines = pair.lines()
    return lines[len(lines) > 1 and rng.random() < SWAPPED]
