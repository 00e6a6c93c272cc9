"""The suite: seeded problems of every family and level, in three splits that share no arithmetic."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from types import ModuleType
from typing import Literal

from tts_select.data.world import machines, shopping, stories
from tts_select.data.world.derivations import canonical_steps, random_steps
from tts_select.data.world.expressions import Expression, canonical, value
from tts_select.data.world.levels import LEVELS, MAX_VALUE, Shape, level_shape

Split = Literal["train", "validation", "test"]

FAMILIES: dict[str, ModuleType] = {"story": stories, "machine": machines, "shopping": shopping}

STEP_DELIMITER = "\n\n"


@dataclass(frozen=True, slots=True)
class WorldProblem:
    """A problem with a solution; `level` is 0 for problems drawn outside the levels."""

    id: str
    problem: str
    answer: str
    level: int
    family: str
    steps: tuple[str, ...]

    def record(self) -> dict[str, object]:
        """The JSONL form."""
        return {**asdict(self), "steps": list(self.steps)}


def parse(text: str) -> Expression | None:
    """The expression that a problem text of any family asks for, or None if it is of none."""
    return next((found for f in FAMILIES.values() if (found := f.parse(text)) is not None), None)


def split_of(family: str, expression: Expression) -> Split:
    """Choose the split by a hash of the canonical problem, so that a renamed problem stays in its split."""
    digest = hashlib.sha256(f"{family}:{canonical(expression)}".encode()).digest()
    bucket = int.from_bytes(digest[:4], "big") % 20
    return "test" if bucket == 0 else "validation" if bucket == 1 else "train"


def generate(
    n: int,
    *,
    seed: int,
    split: Split = "test",
    level: int | None = None,
    family: str | None = None,
) -> list[WorldProblem]:
    """Draw `n` problems without repeats, spread evenly over the levels and families that are asked for."""
    levels = [level] if level else list(LEVELS)
    families = [family] if family else list(FAMILIES)
    rng = random.Random(f"world:{split}:{seed}")
    problems: list[WorldProblem] = []
    seen: set[str] = set()
    while len(problems) < n:
        place = len(problems)
        chosen_level = levels[place % len(levels)]
        chosen_family = families[place // len(levels) % len(families)]
        problem = _draw_in_split(chosen_family, partial(level_shape, chosen_level, rng), split, rng)
        if problem.problem in seen:
            continue
        seen.add(problem.problem)
        problem_id = f"world-{split}-{seed}-{place}"
        problems.append(replace(problem, id=problem_id, level=chosen_level))
    return problems


def stream(
    draw_shape: Callable[[random.Random], Shape],
    *,
    seed: str,
    split: Split,
    families: Sequence[str] = tuple(FAMILIES),
) -> Iterator[WorldProblem]:
    """Draw endless problems of these families with shapes drawn by `draw_shape`, each with one of its
    derivations; for training."""
    rng = random.Random(seed)
    while True:
        family = rng.choice(families)
        problem = _draw_in_split(family, partial(draw_shape, rng), split, rng)
        expression = FAMILIES[family].parse(problem.problem)
        yield replace(problem, steps=random_steps(expression, rng))


def _draw_in_split(family: str, shape: Callable[[], Shape], split: Split, rng: random.Random) -> WorldProblem:
    module = FAMILIES[family]
    while True:
        text = module.draw(shape(), rng)
        expression = module.parse(text)
        if value(expression) <= MAX_VALUE and split_of(family, expression) == split:
            answer = str(value(expression))
            return WorldProblem("", text, answer, 0, family, canonical_steps(expression))
