"""The exact checker: judges every step of a solution to a world problem.

A step is right iff it reduces the problem's expression: it combines two numbers of one sum or product, given
or the results of earlier right steps, into their right result. So independent steps may come in any order,
and what is added or multiplied may be grouped in any way. A line that cannot be read is wrong, never skipped.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tts_select.data.world.derivations import answer_line
from tts_select.data.world.expressions import Expression, Pair, pairs, reduced_everywhere, reduced_once
from tts_select.data.world.suite import parse

_NUMBER = "(0|[1-9][0-9]*)"
_STEP = re.compile(f"{_NUMBER} ([-+*]) {_NUMBER} = {_NUMBER}")


def check_steps(problem: str, steps: Sequence[str]) -> list[bool]:
    """Return one verdict for each step.

    Raises:
        ValueError: the text is not a problem of the embedded world.
    """
    solution = Solution.of(problem)
    return [solution.takes(step) for step in steps]


def is_strictly_right(problem: str, steps: Sequence[str]) -> bool:
    """Return whether every step is right and the last one answers."""
    return bool(steps) and steps[-1].startswith("Answer:") and all(check_steps(problem, steps))


@dataclass(slots=True)
class Solution:
    """What the right steps so far have made of the problem's expression. There may be several readings, as a
    number that stands at two places may have been computed for one of them or for both."""

    readings: frozenset[Expression]
    answered: bool = False

    @classmethod
    def of(cls, problem: str) -> Solution:
        """A solution without steps.

        Raises:
            ValueError: the text is not a problem of the embedded world.
        """
        expression = parse(problem)
        if expression is None:
            raise ValueError("not a problem of the embedded world; only those can be checked exactly")
        return cls(frozenset([expression]))

    def takes(self, step: str) -> bool:
        """Return whether the step is right; if so, it counts from here on."""
        if self.answered:
            return False
        if step.startswith("Answer:"):
            self.answered = True
            return step in self._answers()
        after = frozenset(self._after(step))
        self.readings = after or self.readings
        return bool(after)

    def right_lines(self) -> set[str]:
        """All lines that would be right as the next step."""
        if self.answered:
            return set()
        return {line for e in self.readings for pair in pairs(e) for line in pair.lines()} | self._answers()

    def _answers(self) -> set[str]:
        return {answer_line(reading) for reading in self.readings if isinstance(reading, int)}

    def _after(self, step: str) -> set[Expression]:
        claim = _STEP.fullmatch(step)
        if not claim:
            return set()
        left, right, result = int(claim[1]), int(claim[3]), int(claim[4])
        pair = Pair(left, claim[2], right)
        if pair.result != result:
            return set()
        return {
            after
            for reading in self.readings
            if (once := set(reduced_once(reading, pair)))
            for after in (*once, reduced_everywhere(reading, pair))
        }
