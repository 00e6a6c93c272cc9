from __future__ import annotations

import random

import pytest

from tts_select.data.world.checker import is_strictly_right
from tts_select.data.world.derivations import canonical_steps, random_steps
from tts_select.data.world.expressions import Expression
from tts_select.data.world.suite import FAMILIES, generate, parse

MACHINE = "Start with 20. Add 30. Subtract 8. Multiply by 2. What is the result?"


def expression_of(text: str) -> Expression:
    found = parse(text)
    assert found is not None
    return found


def test_the_canonical_derivation_goes_through_the_text() -> None:
    steps = canonical_steps(expression_of(MACHINE))
    assert steps == ("20 + 30 = 50", "50 - 8 = 42", "42 * 2 = 84", "Answer: \\boxed{84}")


@pytest.mark.parametrize("family", FAMILIES)
def test_random_derivations_are_right_and_seeded(family: str) -> None:
    for problem in generate(60, seed=3, split="train", family=family):
        expression = expression_of(problem.problem)
        found = [random_steps(expression, random.Random(k)) for k in range(8)]
        assert found == [random_steps(expression, random.Random(k)) for k in range(8)]
        assert all(is_strictly_right(problem.problem, steps) for steps in found)
        assert {steps[-1] for steps in found} == {problem.steps[-1]}


def test_long_problems_have_many_derivations() -> None:
    """Of 16 right solutions of a problem with five steps or more, most are different texts."""
    shares = []
    for problem in generate(60, seed=4, split="train", level=6):
        expression = expression_of(problem.problem)
        texts = {random_steps(expression, random.Random(k)) for k in range(16)}
        shares.append(len(texts) / 16)
    assert sum(shares) / len(shares) > 0.6
