"""The exact checker: judges every step of a solution to a world problem.

A step is right iff it follows from the problem and from the right steps before it: its label names a
quantity of the problem, its operands are that quantity's (given, or computed by an earlier right step),
and its result is right. A line that cannot be read is wrong, never skipped.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from tts_select.data.world.quantities import COMMUTATIVE, OPERATIONS, Facts, Operand, Ref
from tts_select.data.world.suite import parse_facts

_STEP = re.compile(r"(.+?) (\d+) ([-+*]) (\d+) = (\d+)")
_ANSWER = re.compile(r"Answer: \\boxed\{(\d+)\}")


def check_steps(problem: str, steps: Sequence[str]) -> list[bool]:
    """One verdict a step.

    Raises:
        ValueError: the text is not a problem of the embedded world.
    """
    facts = parse_facts(problem)
    if facts is None:
        raise ValueError("not a problem of the embedded world; only those can be checked exactly")
    known: dict[int, int] = {}
    verdicts: list[bool] = []
    answered = False
    for step in steps:
        right = not answered and _judge(step, facts, known)
        answered = answered or step.startswith("Answer:")
        verdicts.append(right)
    return verdicts


def is_strictly_right(problem: str, steps: Sequence[str]) -> bool:
    """Every step is right and the last one answers."""
    return bool(steps) and steps[-1].startswith("Answer:") and all(check_steps(problem, steps))


def _judge(step: str, facts: Facts, known: dict[int, int]) -> bool:
    if answer := _ANSWER.fullmatch(step):
        return known.get(facts.core[-1]) == int(answer[1])
    claim = _STEP.fullmatch(step)
    if not claim:
        return False
    label, left, op, right, result = claim[1], int(claim[2]), claim[3], int(claim[4]), int(claim[5])
    for index, quantity in enumerate(facts.quantities):
        if quantity.label != label or index in known:
            continue
        operands = (_value(quantity.left, known), _value(quantity.right, known))
        stated = {(left, right), (right, left)} if op in COMMUTATIVE else {(left, right)}
        if op == quantity.op and operands in stated and OPERATIONS[op](left, right) == result:
            known[index] = result
            return True
        return False  # quantities that share a label are computed in order
    return False


def _value(side: Operand, known: dict[int, int]) -> int | None:
    return known.get(side.index) if isinstance(side, Ref) else side
