"""The exact checker: judges every step of a solution to a world problem.

A step is right iff it follows from the problem and from the right steps before it: it computes a quantity
that has not been computed yet, its operands are that quantity's (given, or the result of an earlier right
step), and its result is right. A line that cannot be read is wrong, never skipped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tts_select.data.world.quantities import COMMUTATIVE, Facts, Quantity, Ref, resolve
from tts_select.data.world.suite import parse_facts

_NUMBER = "(0|[1-9][0-9]*)"
_STEP = re.compile(f"{_NUMBER} ([-+*]) {_NUMBER} = {_NUMBER}")
_ANSWER = re.compile(rf"Answer: \\boxed\{{{_NUMBER}\}}")


def check_steps(problem: str, steps: Sequence[str]) -> list[bool]:
    """Return one verdict for each step.

    Raises:
        ValueError: the text is not a problem of the embedded world.
    """
    facts = parse_facts(problem)
    if facts is None:
        raise ValueError("not a problem of the embedded world; only those can be checked exactly")
    solution = _Solution(facts, facts.values())
    verdicts: list[bool] = []
    answered = False
    for step in steps:
        verdicts.append(not answered and solution.follows(step))
        answered = answered or step.startswith("Answer:")
    return verdicts


def is_strictly_right(problem: str, steps: Sequence[str]) -> bool:
    """Return whether every step is right and the last one answers."""
    return bool(steps) and steps[-1].startswith("Answer:") and all(check_steps(problem, steps))


@dataclass(slots=True)
class _Solution:
    """The values that have been computed rightly so far; a right step's result is its quantity's true
    value."""

    facts: Facts
    values: list[int]
    computed: set[int] = field(default_factory=set)

    def follows(self, step: str) -> bool:
        """Return whether the step is right; if so, it counts as computed from here on."""
        if answer := _ANSWER.fullmatch(step):
            asked = self.facts.core[-1]
            return asked in self.computed and self.values[asked] == int(answer[1])
        claim = _STEP.fullmatch(step)
        if not claim:
            return False
        left, op, right, result = int(claim[1]), claim[2], int(claim[3]), int(claim[4])
        for index in self._open():
            quantity = self.facts.quantities[index]
            if quantity.op == op and self.values[index] == result and self._takes(quantity, left, right):
                self.computed.add(index)
                return True
        return False

    def _open(self) -> Iterator[int]:
        """Yield what is not computed yet, first what the answer needs: a line may fit more than one
        quantity."""
        core = self.facts.core
        rest = (i for i in range(len(self.values)) if i not in core)
        return (index for index in (*core, *rest) if index not in self.computed)

    def _takes(self, quantity: Quantity, left: int, right: int) -> bool:
        results = {self.values[i] for i in self.computed}
        sides = (quantity.left, quantity.right)
        operands = tuple(resolve(side, self.values) for side in sides)
        stated = {(left, right), (right, left)} if quantity.op in COMMUTATIVE else {(left, right)}
        return operands in stated and all(
            operand in results for operand, side in zip(operands, sides, strict=True) if isinstance(side, Ref)
        )
