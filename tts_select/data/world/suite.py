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
from tts_select.data.world.levels import LEVELS, Shape, level_shape
from tts_select.data.world.quantities import Facts, Quantity, Ref

Split = Literal["train", "validation", "test"]

FAMILIES: dict[str, ModuleType] = {"story": stories, "machine": machines, "shopping": shopping}

STEP_DELIMITER = "\n\n"


@dataclass(frozen=True, slots=True)
class WorldProblem:
    """A problem with its canonical solution; `level` is 0 for problems drawn outside the levels."""

    id: str
    problem: str
    answer: str
    level: int
    family: str
    steps: tuple[str, ...]

    def record(self) -> dict[str, object]:
        """The JSONL form."""
        return {**asdict(self), "steps": list(self.steps)}


def parse_facts(text: str) -> Facts | None:
    """The facts of a problem text of any family, or None if it is of none."""
    return next((facts for f in FAMILIES.values() if (facts := f.parse(text))), None)


def split_of(family: str, facts: Facts) -> Split:
    """Choose the split by a hash of the canonical problem, so that a renamed problem stays in its split."""
    digest = hashlib.sha256(f"{family}:{facts.canonical()}".encode()).digest()
    bucket = int.from_bytes(digest[:4], "big") % 20
    return "test" if bucket == 0 else "validation" if bucket == 1 else "train"


def canonical_steps(facts: Facts) -> tuple[str, ...]:
    """The solution as it is taught: one line a quantity, then the answer."""
    values = facts.values()

    def line(quantity: Quantity, value: int) -> str:
        left, right = (
            values[side.index] if isinstance(side, Ref) else side for side in (quantity.left, quantity.right)
        )
        return f"{left} {quantity.op} {right} = {value}"

    lines = [line(facts.quantities[i], values[i]) for i in facts.core]
    return (*lines, f"Answer: \\boxed{{{values[facts.core[-1]]}}}")


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
    """Draw endless problems of these families with shapes drawn by `draw_shape`; for training."""
    rng = random.Random(seed)
    while True:
        family = rng.choice(families)
        yield _draw_in_split(family, partial(draw_shape, rng), split, rng)


def _draw_in_split(family: str, shape: Callable[[], Shape], split: Split, rng: random.Random) -> WorldProblem:
    module = FAMILIES[family]
    while True:
        text = module.draw(shape(), rng)
        facts = module.parse(text)
        if split_of(family, facts) == split:
            return WorldProblem("", text, str(facts.answer()), 0, family, canonical_steps(facts))
